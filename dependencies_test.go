package authserver_test

import (
	"go/ast"
	goparser "go/parser"
	"go/token"
	"go/version"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// moduleFloors are the versions below which a module that the server links has
// a known vulnerability, or which fosite alone would choose too low.
var moduleFloors = map[string]string{
	"github.com/go-jose/go-jose/v3":         "v3.0.5",
	"github.com/go-jose/go-jose/v4":         "v4.1.8",
	"github.com/golang-jwt/jwt/v5":          "v5.3.1",
	"github.com/hashicorp/go-retryablehttp": "v0.7.8",
	"golang.org/x/crypto":                   "v0.58.0",
	"golang.org/x/net":                      "v0.62.0",
	"golang.org/x/oauth2":                   "v0.27.0",
	"golang.org/x/sys":                      "v0.49.0",
	"golang.org/x/text":                     "v0.43.0",
	"google.golang.org/grpc":                "v1.85.0",
	"google.golang.org/protobuf":            "v1.36.12",
	"go.opentelemetry.io/otel":              "v1.47.0",
	"go.opentelemetry.io/otel/sdk":          "v1.47.0",
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp": "v1.47.0",
}

func TestDependencies(t *testing.T) {
	t.Run("HG-13 no bare http client", func(t *testing.T) {
		packages := listPackages(t)
		for _, p := range packages.own() {
			// Examples are clients of it; internal/fetch is the one made with care.
			if within(p.name(), "examples") || p.name() == "internal/fetch" {
				continue
			}
			for _, use := range defaultClientUses(t, p) {
				t.Errorf("%s: the server sends no request", use)
			}
		}
	})
	t.Run("HG-14 no module is older than its security fixes", func(t *testing.T) {
		out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Path}} {{.Version}}", "all").Output()
		require.NoError(t, err)
		found := 0
		for line := range strings.Lines(string(out)) {
			path, got, _ := strings.Cut(strings.TrimSpace(line), " ")
			floor, ok := moduleFloors[path]
			if !ok {
				continue
			}
			found++
			require.False(t, isOlder(got, floor), "%s is %s, want at least %s", path, got, floor)
		}
		require.Equal(t, len(moduleFloors), found)
		require.True(t, isOlder("v0.9.1", "v0.10.0"))
	})
}

// isOlder compares two versions of a module, which the versions of Go resemble.
func isOlder(a, b string) bool {
	return version.Compare("go"+strings.TrimPrefix(a, "v"), "go"+strings.TrimPrefix(b, "v")) < 0
}

// defaultClientUses finds where a package sends requests by net/http without a
// client that was made with care.
func defaultClientUses(t *testing.T, p *listedPackage) []string {
	senders := []string{"Get", "Head", "Post", "PostForm", "Client", "DefaultClient", "Transport", "DefaultTransport"}
	var uses []string
	for _, name := range p.GoFiles {
		fset := token.NewFileSet()
		file, err := goparser.ParseFile(fset, filepath.Join(p.Dir, name), nil, goparser.SkipObjectResolution)
		require.NoError(t, err)
		ast.Inspect(file, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok && slices.Contains(senders, sel.Sel.Name) {
				if pkg, ok := sel.X.(*ast.Ident); ok && pkg.Name == "http" {
					uses = append(uses, fset.Position(sel.Pos()).String()+" uses http."+sel.Sel.Name)
				}
			}
			return true
		})
	}
	return uses
}
