package authserver_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestReadme builds the program that the README shows, and looks for the files
// it links to.
func TestReadme(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)

	before, rest, found := strings.Cut(string(readme), "```go\n")
	require.True(t, found, "no program")
	program, after, _ := strings.Cut(rest, "```")
	main := filepath.Join(t.TempDir(), "main.go")
	require.NoError(t, os.WriteFile(main, []byte(program), 0o600))
	out, err := exec.CommandContext(t.Context(), "go", "vet", main).CombinedOutput()
	require.NoError(t, err, string(out))

	for _, link := range regexp.MustCompile(`\]\(([^)#:]+)\)`).FindAllStringSubmatch(before+after, -1) {
		_, err := os.Stat(link[1])
		require.NoError(t, err)
	}
}
