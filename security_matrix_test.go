package authserver_test

import (
	"fmt"
	"go/scanner"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestSecurityMatrix holds the tests of the whole module, e2e included,
// against testdata/security-matrix.txt: every case is the name of a sub-test
// or waived with a reason, and no waiver outlives the first test of its case.
func TestSecurityMatrix(t *testing.T) {
	cases := readMatrix(t, "testdata/security-matrix.txt")
	waivers := readWaivers(t, "testdata/security-matrix-waivers.txt")
	tested := testedCases(t, ".")

	for _, fault := range matrixFaults(cases, waivers, tested) {
		t.Error(fault)
	}
	logMatrix(t, cases, waivers, tested)
}

func TestMatrixFaults(t *testing.T) {
	cases := []matrixCase{{ID: "QA-01"}, {ID: "QA-02", Blocker: true}, {ID: "QA-03"}, {ID: "QB-01"}}
	tested := func(ids ...string) map[string]string {
		m := make(map[string]string)
		for _, id := range ids {
			m[id] = "some_test.go"
		}
		return m
	}
	for _, tc := range []struct {
		name    string
		tested  map[string]string
		waivers []string
		want    []string
	}{
		{"all tested", tested("QA-01", "QA-02", "QA-03", "QB-01"), nil, nil},
		{"all waived", tested(), []string{"QA-*", "QB-01"}, nil},
		{"range waived", tested("QA-01", "QB-01"), []string{"QA-02..QA-03"}, nil},
		{
			"untested", tested("QA-01", "QA-03", "QB-01"), nil,
			[]string{"QA-02 (blocks a release) has no test and no waiver: "},
		},
		{
			"stale group", tested("QA-01", "QB-01"),
			[]string{"QA-*"},
			[]string{"waiver QA-* covers QA-01, which some_test.go tests"},
		},
		{
			"empty waiver", tested("QA-01", "QA-02", "QA-03", "QB-01"),
			[]string{"QC-*"},
			[]string{"waiver QC-* covers no case"},
		},
		{
			"waived twice", tested("QB-01"),
			[]string{"QA-*", "QA-02"},
			[]string{"QA-02 is waived twice, by QA-* and QA-02"},
		},
		{
			"unknown case", tested("QA-01", "QA-02", "QA-03", "QA-04", "QB-01"), nil,
			[]string{"some_test.go tests QA-04, which is no case of the matrix"},
		},
		{"foreign group", tested("QA-01", "QA-02", "QA-03", "QB-01", "XX-01"), nil, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var waivers []matrixWaiver
			for _, subject := range tc.waivers {
				waivers = append(waivers, matrixWaiver{Subject: subject, Reason: "some reason"})
			}
			require.Equal(t, tc.want, matrixFaults(cases, waivers, tc.tested))
		})
	}
}

// A matrixCase is one line of the matrix.
type matrixCase struct {
	ID      string
	Blocker bool
	Text    string
}

func (c matrixCase) group() string { return c.ID[:2] }

// A matrixWaiver says why cases have no test. Subject is an id, a range of ids
// of one group, or a group.
type matrixWaiver struct{ Subject, Reason string }

func (w matrixWaiver) covers(id string) bool {
	if group, ok := strings.CutSuffix(w.Subject, "-*"); ok {
		return strings.HasPrefix(id, group+"-")
	}
	if first, last, ok := strings.Cut(w.Subject, ".."); ok {
		return first <= id && id <= last // two letters and two digits: text order is theirs
	}
	return w.Subject == id
}

func isWaived(waivers []matrixWaiver, id string) bool {
	return slices.ContainsFunc(waivers, func(w matrixWaiver) bool { return w.covers(id) })
}

var (
	matrixID      = regexp.MustCompile(`^[A-Z]{2}-[0-9]{2}$`)
	matrixSubject = regexp.MustCompile(`^([A-Z]{2}-)(\*|[0-9]{2}(\.\.[A-Z]{2}-[0-9]{2})?)$`)
	// A sub-test is named by an id alone or by an id, a space and more words.
	matrixName = regexp.MustCompile(`^([A-Z]{2}-[0-9]{2})( |$)`)
)

func readMatrix(t *testing.T, path string) []matrixCase {
	var cases []matrixCase
	seen := make(map[string]bool)
	for _, fields := range tabbedLines(t, path, 3) {
		c := matrixCase{ID: fields[0], Blocker: fields[1] == "!", Text: fields[2]}
		require.Regexp(t, matrixID, c.ID, path)
		require.Contains(t, []string{"!", "-"}, fields[1], c.ID)
		require.False(t, seen[c.ID], "%s is listed twice", c.ID)
		seen[c.ID] = true
		cases = append(cases, c)
	}
	require.NotEmpty(t, cases)
	return cases
}

func readWaivers(t *testing.T, path string) []matrixWaiver {
	var waivers []matrixWaiver
	for _, fields := range tabbedLines(t, path, 2) {
		require.Regexp(t, matrixSubject, fields[0], path)
		if first, last, ok := strings.Cut(fields[0], ".."); ok {
			require.True(t, first[:2] == last[:2] && first < last, "%s: %s is no range of one group", path, fields[0])
		}
		waivers = append(waivers, matrixWaiver{Subject: fields[0], Reason: fields[1]})
	}
	return waivers
}

// tabbedLines reads the lines of a file that are neither empty nor comments,
// each of n fields of which none is empty.
func tabbedLines(t *testing.T, path string, n int) [][]string {
	text, err := os.ReadFile(path)
	require.NoError(t, err)

	var lines [][]string
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.Split(line, "\t")
		require.Len(t, fields, n, "%s: %q", path, line)
		require.NotContains(t, fields, "", "%s: %q", path, line)
		lines = append(lines, fields)
	}
	return lines
}

// testedCases finds, in every test file below root, the string literals that
// name a case, and tells for each id one file that has it.
func testedCases(t *testing.T, root string) map[string]string {
	tested := make(map[string]string)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == ".git" || d.Name() == "node_modules" || d.Name() == "testdata"):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, "_test.go") || path == "security_matrix_test.go":
			return nil
		}
		src, err := os.ReadFile(path)
		for _, literal := range stringLiterals(src) {
			if m := matrixName.FindStringSubmatch(literal); m != nil {
				tested[m[1]] = path
			}
		}
		return err
	})
	require.NoError(t, err)
	return tested
}

func stringLiterals(src []byte) []string {
	var literals []string
	var s scanner.Scanner
	fset := token.NewFileSet()
	s.Init(fset.AddFile("", fset.Base(), len(src)), src, nil, 0)
	for {
		_, tok, text := s.Scan()
		if tok == token.EOF {
			return literals
		}
		if tok != token.STRING {
			continue
		}
		if literal, err := strconv.Unquote(text); err == nil {
			literals = append(literals, literal)
		}
	}
}

// matrixFaults says all that is wrong between the cases, the waivers and the
// tests, which map an id to the file that tests it.
func matrixFaults(cases []matrixCase, waivers []matrixWaiver, tested map[string]string) []string {
	return slices.Concat(
		untestedFaults(cases, waivers, tested),
		waiverFaults(cases, waivers, tested),
		unknownFaults(cases, tested),
	)
}

func untestedFaults(cases []matrixCase, waivers []matrixWaiver, tested map[string]string) []string {
	var faults []string
	for _, c := range cases {
		if tested[c.ID] != "" || isWaived(waivers, c.ID) {
			continue
		}
		blocks := ""
		if c.Blocker {
			blocks = " (blocks a release)"
		}
		faults = append(faults, fmt.Sprintf("%s%s has no test and no waiver: %s", c.ID, blocks, c.Text))
	}
	return faults
}

func waiverFaults(cases []matrixCase, waivers []matrixWaiver, tested map[string]string) []string {
	var faults []string
	waivedBy := make(map[string]string)
	for _, w := range waivers {
		covered := 0
		for _, c := range cases {
			if !w.covers(c.ID) {
				continue
			}
			covered++
			if file := tested[c.ID]; file != "" {
				faults = append(faults, fmt.Sprintf("waiver %s covers %s, which %s tests", w.Subject, c.ID, file))
			}
			if other := waivedBy[c.ID]; other != "" {
				faults = append(faults, fmt.Sprintf("%s is waived twice, by %s and %s", c.ID, other, w.Subject))
			}
			waivedBy[c.ID] = w.Subject
		}
		if covered == 0 {
			faults = append(faults, fmt.Sprintf("waiver %s covers no case", w.Subject))
		}
	}
	return faults
}

// unknownFaults finds tests named by an id that the matrix does not have,
// although it has the group.
func unknownFaults(cases []matrixCase, tested map[string]string) []string {
	ids, groups := make(map[string]bool), make(map[string]bool)
	for _, c := range cases {
		ids[c.ID], groups[c.group()] = true, true
	}
	var faults []string
	for _, id := range slices.Sorted(maps.Keys(tested)) {
		if groups[id[:2]] && !ids[id] {
			faults = append(faults, fmt.Sprintf("%s tests %s, which is no case of the matrix", tested[id], id))
		}
	}
	return faults
}

// logMatrix prints how much of each group is tested and how much is waived.
func logMatrix(t *testing.T, cases []matrixCase, waivers []matrixWaiver, tested map[string]string) {
	var order []string
	listed, done, excused := make(map[string]int), make(map[string]int), make(map[string]int)
	for _, c := range cases {
		if listed[c.group()] == 0 {
			order = append(order, c.group())
		}
		for _, group := range []string{c.group(), "all"} {
			listed[group]++
			if tested[c.ID] != "" {
				done[group]++
			} else if isWaived(waivers, c.ID) {
				excused[group]++
			}
		}
	}
	for _, group := range append(order, "all") {
		t.Logf("%-3s %3d cases, %3d tested, %3d waived", group, listed[group], done[group], excused[group])
	}
}
