package token_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/seed36673005/authserver/internal/token"
)

func TestNewUserCode(t *testing.T) {
	const n = 20_000
	count := map[rune]int{}
	for range n {
		code, err := token.NewUserCode()
		require.NoError(t, err)
		require.Regexp(t, `^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$`, code)
		same, ok := token.NormalizeUserCode(code)
		require.True(t, ok)
		require.Equal(t, code, same)
		for _, r := range code {
			count[r]++
		}
	}
	delete(count, '-')
	require.Len(t, count, 20)
	for r, c := range count { // 8000 expected; 450 is five standard deviations
		require.InDelta(t, n*8/20, c, 450, "letter %c is biased", r)
	}
}

// Bytes from 240 on would favour the first sixteen letters.
func TestUserCodeIsUnbiased(t *testing.T) {
	random := append([]byte(strings.Repeat("\xff", 16)), 240, 255, 239, 0, 19, 20, 39, 1, 2, 3, 4, 5, 6, 7, 8, 9)
	withRandom(t, strings.NewReader(string(random)))
	code, err := token.NewUserCode()
	require.NoError(t, err)
	require.Equal(t, "ZBZB-ZCDF", code)
}

// DV-13
func TestNormalizeUserCode(t *testing.T) {
	for in, want := range map[string]string{
		"BCDF-GHJK":                          "BCDF-GHJK",
		"bcdfghjk":                           "BCDF-GHJK",
		" b c-d-f  ghjk- ":                   "BCDF-GHJK",
		strings.Repeat("-", 56) + "WXZBWXZB": "WXZB-WXZB",
	} {
		got, ok := token.NormalizeUserCode(in)
		require.True(t, ok, in)
		require.Equal(t, want, got)
	}
	for _, in := range []string{
		"", "-", "BCDF-GHJ", "BCDF-GHJKL", "ACDF-GHJK", "BCDF-GHJ0", "BCDF-GHJY", "BCDF_GHJK", "BCDF\tGHJK",
		"BCDF\r\nGHJK", "BCDF-GHJK\x00", "BCDF-GHJ\u212a", "BCDF-GHJ<", "%42CDFGHJK", "\xff\xff\xff\xff\xff\xff\xff\xff",
		strings.Repeat("-", 57) + "WXZBWXZB", strings.Repeat("B", 10<<10),
	} {
		got, ok := token.NormalizeUserCode(in)
		require.False(t, ok, in)
		require.Empty(t, got)
	}
}

func TestNormalizeUserCodeProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		once, ok := token.NormalizeUserCode(rapid.StringMatching(`[a-zA-Z -]{0,12}|.*`).Draw(t, "typed"))
		if !ok {
			return
		}
		twice, ok := token.NormalizeUserCode(once)
		require.True(t, ok)
		require.Equal(t, once, twice)
	})
}

func FuzzNormalizeUserCode(f *testing.F) {
	f.Add("bcdf-ghjk")
	f.Fuzz(func(t *testing.T, s string) {
		if code, ok := token.NormalizeUserCode(s); ok {
			require.Regexp(t, `^[B-Z]{4}-[B-Z]{4}$`, code)
		}
	})
}
