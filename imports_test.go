package authserver_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const modulePath = "github.com/seed36673005/authserver"

// TestImports keeps the tree in its order: what each package of the module
// may import, test files apart.
func TestImports(t *testing.T) {
	packages := listPackages(t)
	for _, rule := range []struct {
		name   string
		broken func(importer, path string) bool
	}{
		{"fosite stays in internal/engine", func(importer, path string) bool {
			return within(path, "github.com/ory/fosite") && importer != "internal/engine"
		}},
		{"what fosite brings is not ours to use", func(_, path string) bool {
			return within(path, "github.com/ory/x") || within(path, "github.com/pkg/errors") ||
				within(path, "github.com/sirupsen/logrus") || within(path, "github.com/dgraph-io/ristretto")
		}},
		{"testing stays in tests and kits", func(importer, path string) bool {
			name, _ := ownName(path)
			helps := within(path, "testing") || isKit(name)
			return within(path, "github.com/stretchr/testify") || helps && !isKit(importer)
		}},
		{"nothing on the default mux", func(_, path string) bool {
			return path == "net/http/pprof" || path == "expvar"
		}},
		{"one way", func(importer, path string) bool {
			name, own := ownName(path)
			return own && !mayImport(importer, name)
		}},
		{"contracts use the standard library alone", func(importer, path string) bool {
			_, own := ownName(path)
			leaf := slices.Contains([]string{"oauth", "storage", "storage/storagetest", "internal/grantstate"}, importer)
			return leaf && !own && !packages[path].Standard
		}},
	} {
		t.Run(rule.name, func(t *testing.T) {
			for _, p := range packages.own() {
				for _, path := range p.Imports {
					if rule.broken(p.name(), path) {
						t.Errorf("%s imports %s", p.ImportPath, path)
					}
				}
			}
		})
	}
	t.Run("a driver is linked only where its backend is imported", func(t *testing.T) {
		for _, p := range packages.own() {
			for _, path := range p.Deps {
				driver := within(path, "modernc.org/sqlite") && !within(p.name(), "storage/sqlstore/sqlite")
				migrations := within(path, "github.com/pressly/goose/v3") && !within(p.name(), "storage/sqlstore")
				if p.public() && (driver || migrations) {
					t.Errorf("%s links %s", p.ImportPath, path)
				}
			}
		}
	})
}

// isKit reports whether a package is for tests to import.
func isKit(name string) bool {
	return name == "storage/storagetest" || name == "authservertest" || name == "internal/testservers"
}

// mayImport says whether an import of one package of the module by another
// points the way that all must point: root → {grants, clientreg, discovery,
// keys, internal/…} → {storage, oauth}. What stands above the root has of the
// protocol what the root exports, as a host has.
func mayImport(importer, name string) bool {
	switch {
	case importer == "oauth", layerOf(importer) < layerOf(name):
		return false
	case strings.HasPrefix(name, "examples/"): // each stands alone
		return exampleOf(importer) == exampleOf(name)
	case layerOf(importer) == layerAbove && strings.HasPrefix(name, "internal/"):
		// Tools that know nothing of the protocol.
		return importer == "ui" && (name == "internal/limit" || name == "internal/passwords")
	}
	return true
}

// The layers of the tree, from the one that all may import.
const (
	layerContracts = iota // storage, its backends and kit; oauth
	layerParts            // grants, keys, discovery, …, internal/…
	layerRoot
	layerAbove // ui, authservertest, examples: programs and what a host could write
)

func layerOf(name string) int {
	top, _, _ := strings.Cut(name, "/")
	switch top {
	case "":
		return layerRoot
	case "oauth", "storage":
		return layerContracts
	case "ui", "admin", "authservertest", "examples":
		return layerAbove
	}
	return layerParts
}

// exampleOf is the first two elements of a package's name: the program's own.
func exampleOf(name string) string {
	return strings.Join(append(strings.Split(name, "/"), "")[:2], "/")
}

func TestMayImport(t *testing.T) {
	for _, ok := range [][2]string{
		{"", "internal/engine"},
		{"", "oauth"},
		{"internal/engine", "internal/grantstate"},
		{"internal/wire", "grants"},
		{"storage/memory", "storage"},
		{"storage", "oauth"},
		{"ui", ""},
		{"ui", "internal/limit"},
		{"examples/quickstart", "ui"},
		{"examples/quickstart", "storage/sqlstore"},
		{"examples/quickstart", "examples/quickstart/demo"},
	} {
		require.True(t, mayImport(ok[0], ok[1]), "%q", ok)
	}
	for _, bad := range [][2]string{
		{"oauth", "storage"},
		{"storage", "keys"},
		{"keys", ""},
		{"", "ui"},
		{"ui", "internal/wire"},
		{"examples/minimal", "internal/limit"},
		{"examples/login", "examples/minimal"},
		{"ui", "examples/minimal"},
	} {
		require.False(t, mayImport(bad[0], bad[1]), "%q", bad)
	}
}

// handedOver are the libraries whose values a host may hand to a backend, as
// it hands an *sql.DB to another: its own client, with its own settings.
var handedOver = map[string]string{"redisstore": "github.com/redis/go-redis/v9"}

// TestExportedAPI keeps dependencies and internals out of exported
// signatures, so that either can change without a host noticing.
func TestExportedAPI(t *testing.T) {
	packages := listPackages(t, "-export")
	imp := importer.ForCompiler(token.NewFileSet(), "gc", packages.openExport)
	for _, p := range packages.own() {
		if !p.public() {
			continue
		}
		pkg, err := imp.Import(p.ImportPath)
		require.NoError(t, err)
		for path, where := range exportedTypes(pkg) {
			if !packages[path].Standard && !packages[path].public() && handedOver[p.Name] != path {
				t.Errorf("%s: exported %s mentions package %s", p.ImportPath, where, path)
			}
		}
	}
}

// exportedTypes finds the packages whose named types the exported API of pkg
// mentions, each with the name of a declaration that does.
func exportedTypes(pkg *types.Package) map[string]string {
	found := make(map[string]string)
	for _, name := range pkg.Scope().Names() {
		object := pkg.Scope().Lookup(name)
		if !object.Exported() {
			continue
		}
		see := func(t *types.TypeName) {
			if t.Pkg() != nil { // nil: predeclared
				found[t.Pkg().Path()] = name
			}
		}
		named, isNamed := object.Type().(*types.Named)
		if _, declares := object.(*types.TypeName); !declares || !isNamed {
			mentioned(object.Type(), see)
			continue
		}
		mentioned(named.Underlying(), see)
		for method := range named.Methods() {
			if method.Exported() {
				mentioned(method.Type(), see)
			}
		}
	}
	return found
}

// mentioned calls see for every named type that a reader of t meets.
func mentioned(t types.Type, see func(*types.TypeName)) {
	switch t := t.(type) {
	case *types.Alias:
		see(t.Obj())
		mentioned(t.Rhs(), see)
	case *types.Named:
		see(t.Obj())
		for arg := range t.TypeArgs().Types() {
			mentioned(arg, see)
		}
	case *types.Map:
		mentioned(t.Key(), see)
		mentioned(t.Elem(), see)
	case interface{ Elem() types.Type }: // pointer, slice, array, channel
		mentioned(t.Elem(), see)
	case *types.Signature:
		for v := range t.Params().Variables() {
			mentioned(v.Type(), see)
		}
		for v := range t.Results().Variables() {
			mentioned(v.Type(), see)
		}
	case *types.Struct:
		for field := range t.Fields() {
			if field.Exported() || field.Embedded() {
				mentioned(field.Type(), see)
			}
		}
	case *types.Interface:
		for method := range t.Methods() {
			mentioned(method.Type(), see)
		}
	}
}

// A listedPackage is what go list says of a package.
type listedPackage struct {
	ImportPath, Name, Dir, Export string
	Standard                      bool
	GoFiles, Imports, Deps        []string
}

// name is the path of the package within the module, empty for its root.
func (p *listedPackage) name() string {
	name, _ := ownName(p.ImportPath)
	return name
}

// public reports whether programs elsewhere can import the package.
func (p *listedPackage) public() bool {
	name, own := ownName(p.ImportPath)
	return own && p.Name != "main" && !slices.Contains(strings.Split(name, "/"), "internal")
}

// listedPackages are those of the module and all they depend on, by path.
type listedPackages map[string]*listedPackage

// own returns the packages of the module.
func (l listedPackages) own() []*listedPackage {
	var own []*listedPackage
	for path, p := range l {
		if _, ok := ownName(path); ok {
			own = append(own, p)
		}
	}
	return own
}

func (l listedPackages) openExport(path string) (io.ReadCloser, error) {
	if l[path] == nil {
		return nil, fmt.Errorf("package %s is not listed", path)
	}
	return os.Open(l[path].Export)
}

func listPackages(t *testing.T, flags ...string) listedPackages {
	args := slices.Concat([]string{"list", "-deps", "-json=ImportPath,Name,Dir,Export,Standard,GoFiles,Imports,Deps"}, flags, []string{"./..."})
	cmd := exec.CommandContext(t.Context(), "go", args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, stderr.String())

	packages := make(listedPackages)
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		p := new(listedPackage)
		err := dec.Decode(p)
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		packages[p.ImportPath] = p
	}
	require.NotNil(t, packages[modulePath])
	return packages
}

func ownName(path string) (name string, ok bool) {
	if path == modulePath {
		return "", true
	}
	return strings.CutPrefix(path, modulePath+"/")
}

func within(path, tree string) bool {
	return path == tree || strings.HasPrefix(path, tree+"/")
}
