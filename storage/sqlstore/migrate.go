package sqlstore

import (
	"context"
	"embed"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"strings"

	"github.com/pressly/goose/v3"
)

//go:embed migrations
var migrations embed.FS

// migrate brings the tables up to date. Each migration is one transaction
// together with the note that it was done, so of several processes that start
// at once one does it, and the others fail without a trace and find it done
// when they look again.
func (s *Store) migrate(ctx context.Context, prefix string, logger *slog.Logger) error {
	const tries = 4
	for try := 1; ; try++ {
		err := s.patiently(ctx, func() error { return s.migrateOnce(ctx, prefix, logger) })
		if err == nil || try == tries || pause(ctx, maxWait) != nil {
			return err
		}
	}
}

func (s *Store) migrateOnce(ctx context.Context, prefix string, logger *slog.Logger) error {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	folder, err := fs.Sub(migrations, s.dialect.migrations)
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(s.dialect.goose, s.db, prefixed{folder, prefix},
		goose.WithTableName(prefix+"migrations"),
		goose.WithDisableGlobalRegistry(true), // the host may use goose too
		goose.WithSlog(logger),
	)
	if err != nil {
		return err
	}
	_, err = provider.Up(ctx)
	return err
}

// prefixed is a file system of migrations with the table prefix filled in.
type prefixed struct {
	fs.FS
	prefix string
}

// Open implements fs.FS.
func (p prefixed) Open(name string) (fs.File, error) {
	f, err := p.FS.Open(name)
	if err != nil || !strings.HasSuffix(name, ".sql") {
		return f, err
	}
	text, err := io.ReadAll(f)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return rendered{f, strings.NewReader(withPrefix(string(text), p.prefix))}, nil
}

// rendered is a file with other content.
type rendered struct {
	fs.File
	content io.Reader
}

// Read implements fs.File.
func (r rendered) Read(b []byte) (int, error) { return r.content.Read(b) }
