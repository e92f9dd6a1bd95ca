package sqlstore

import (
	"context"
	"embed"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"path"
	"strings"

	"github.com/pressly/goose/v3"
)

//go:embed migrations
var migrations embed.FS

// A Migration is one step in the making of the tables.
type Migration struct {
	Version int64  // 1, 2, and so on
	Name    string // a file name that begins with the Version
	// SQL is one or more statements, each ended by a semicolon. The comment
	// "+goose Up" is for those who use goose, and for others a comment.
	SQL string
}

// Migrations returns all migrations in order, for a host that runs them by
// its own tool and sets Config.SkipMigrations. The dialect, table prefix and
// schema are as in Config. A migration that was released does not change;
// later versions of the package add to them. Each leaves the tables such that
// the previous version of the package works on beside it and after it, so it
// can be run before the last process of that version has ended.
func Migrations(d Dialect, tablePrefix, schema string) ([]Migration, error) {
	l, err := newLayout(d, tablePrefix, schema)
	if err != nil {
		return nil, fmt.Errorf("sqlstore: %w", err)
	}
	all, err := readMigrations(l.files())
	if err != nil {
		return nil, fmt.Errorf("sqlstore: read migrations: %w", err)
	}
	return all, nil
}

func readMigrations(files fs.FS) (all []Migration, err error) {
	names, err := fs.Glob(files, "*.sql")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		version, err := goose.NumericComponent(name)
		if err != nil {
			return nil, err
		}
		all = append(all, Migration{Version: version, Name: name, SQL: string(text)})
	}
	return all, nil
}

// migrate brings the tables up to date. A migration of SQLite or PostgreSQL
// is one transaction together with the note that it was done; one of MySQL
// can be done again. So whatever ends it half way, and however many processes
// start at once, the next try finds what it can go on from.
func (s *Store) migrate(ctx context.Context, files fs.FS, logger *slog.Logger) error {
	const tries = 4
	for try := 1; ; try++ {
		err := s.patiently(ctx, func() error {
			provider, err := s.provider(files, logger)
			if err != nil {
				return err
			}
			_, err = provider.Up(ctx)
			return err
		})
		if err == nil || s.patience(err) > 0 || try == tries || pause(ctx, maxWait) != nil {
			return err
		}
	}
}

func (s *Store) provider(files fs.FS, logger *slog.Logger) (*goose.Provider, error) {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	options := []goose.ProviderOption{
		goose.WithTableName(s.names.table("migrations")),
		goose.WithDisableGlobalRegistry(true), // the host may use goose too
		goose.WithSlog(logger),
	}
	if lock := s.dialect.lock; lock != nil {
		options = append(options, goose.WithSessionLocker(lock.of(s.names)))
	}
	return goose.NewProvider(s.dialect.goose, s.db, files, options...)
}

// files are the dialect's migrations with the names filled in.
func (l layout) files() fs.FS { return named{migrations, l} }

// named is a file system of migrations as a layout has them.
type named struct {
	fs.FS
	layout
}

// Open implements fs.FS.
func (n named) Open(name string) (fs.File, error) {
	f, err := n.FS.Open(path.Join(n.dialect.migrations, name))
	if err != nil || !strings.HasSuffix(name, ".sql") {
		return f, err
	}
	text, err := io.ReadAll(f)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return rendered{f, strings.NewReader(n.names.render(string(text)))}, nil
}

// rendered is a file with other content.
type rendered struct {
	fs.File
	content io.Reader
}

// Read implements fs.File.
func (r rendered) Read(b []byte) (int, error) { return r.content.Read(b) }
