// Package sqlstore keeps the server's records in a SQL database through
// database/sql: one table, plain SQL, each method one statement that decides
// alone, so that no transaction and no lock outlives it.
//
// It owns its two tables (the records, and the list of migrations) and
// nothing else in the database. It links no driver: a package below it, such
// as sqlstore/sqlite, opens a database with its driver and the settings that
// the promises of package storage need.
//
// # Failures
//
// A statement that certainly had no effect is tried again for a while: the
// database was busy, two statements were in each other's way (40001, 40P01,
// 1213, 1205), or it could not be reached. A statement that reads is tried
// again also after its connection was cut. A write whose connection was cut
// may have been done, so it is an error: never taken for success, and never
// sent twice.
//
// # Versions
//
// A version is 63 random bits. Storage wants that no version comes twice for
// one key, across processes, deletions and clocks that jump. A counter would
// be one row that every write of every replica contends for, and would run
// backwards with a replica that takes over without the last writes or a
// backup that is restored; a clock can be set back. Random versions depend on
// nothing. That a stale version is met again by chance has the probability
// 2⁻⁶³ for each write that comes too late.
package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"regexp"

	"github.com/seed36673005/authserver/storage"
)

// A Config says where a Store keeps its records.
type Config struct {
	// DB is the database. Required.
	DB *sql.DB
	// ReadDB serves Get and List. It must see every write to DB as soon as
	// that has returned, so it is never an asynchronous replica. If nil, DB.
	ReadDB *sql.DB
	// Dialect is the database's. Required.
	Dialect Dialect
	// TablePrefix begins the name of each table and index: at most 32 of
	// a-z, 0-9 and _, a letter first. If empty, "authserver_".
	TablePrefix string
	// Schema is where the tables are: a schema of PostgreSQL or a database of
	// MySQL, which exists, with a name as TablePrefix. If empty, where the
	// connection finds tables that are named without one.
	Schema string
	// SkipMigrations leaves the tables to the host, which runs what
	// Migrations returns by its own tool. Open fails if they are not there.
	SkipMigrations bool
	// Logger receives what the migrations do. If nil, nothing is logged.
	Logger *slog.Logger
}

// A Store is a storage.Storage, storage.Sweeper and storage.Health in a SQL
// database. It may be used by any number of goroutines, and any number of
// Stores in any number of processes may share a database. A database that is
// busy is tried again for some seconds; what fails then is an error that is
// none of package storage's.
type Store struct {
	db, readDB *sql.DB
	layout
	do statements
}

var (
	_ storage.Storage = (*Store)(nil)
	_ storage.Sweeper = (*Store)(nil)
	_ storage.Health  = (*Store)(nil)
)

// Open brings the tables up to date and returns a Store on them. Any number
// of processes may do so at once. The Store takes both pools over when Open
// succeeds; after an error they are still the caller's.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	s, err := newStore(cfg)
	if err != nil {
		return nil, fmt.Errorf("sqlstore: %w", err)
	}
	if !cfg.SkipMigrations {
		if err := s.migrate(ctx, s.files(), cfg.Logger); err != nil {
			return nil, fmt.Errorf("sqlstore: migrate: %w", err)
		}
	}
	if err := s.prepare(ctx); err != nil {
		return nil, fmt.Errorf("sqlstore: prepare: %w", err)
	}
	return s, nil
}

// newStore checks cfg and fills its defaults.
func newStore(cfg Config) (*Store, error) {
	l, err := newLayout(cfg.Dialect, cfg.TablePrefix, cfg.Schema)
	if cfg.DB == nil {
		err = errors.Join(errors.New("Config.DB: missing"), err)
	}
	if err != nil {
		return nil, err
	}
	s := &Store{db: cfg.DB, readDB: cfg.ReadDB, layout: l}
	if s.readDB == nil {
		s.readDB = s.db
	}
	return s, nil
}

// A layout says how and by what names the tables are spoken of.
type layout struct {
	dialect dialect
	names   names
}

const defaultPrefix = "authserver_"

var namePattern = regexp.MustCompile(`^[a-z][a-z0-9_]{0,31}$`)

func newLayout(d Dialect, prefix, schema string) (layout, error) {
	if prefix == "" {
		prefix = defaultPrefix
	}
	dialect, known := dialects[d]
	var faults []error
	if !known {
		faults = append(faults, fmt.Errorf("Config.Dialect: %q is none of this package's", d))
	}
	if !namePattern.MatchString(prefix) {
		faults = append(faults, errors.New("Config.TablePrefix: not at most 32 of a-z, 0-9 and _ with a letter first"))
	}
	if schema != "" && !namePattern.MatchString(schema) {
		faults = append(faults, errors.New("Config.Schema: not at most 32 of a-z, 0-9 and _ with a letter first"))
	}
	if schema != "" && known && !dialect.schemas {
		faults = append(faults, fmt.Errorf("Config.Schema: there are none in %s", d))
	}
	return layout{dialect, names{schema, prefix}}, errors.Join(faults...)
}

// Close closes the pools, DB and ReadDB; a host that uses them for other
// things too may leave it uncalled. Calls under way fail.
func (s *Store) Close() error {
	err := s.readDB.Close()
	if s.db != s.readDB {
		err = errors.Join(err, s.db.Close())
	}
	if err != nil {
		return fmt.Errorf("sqlstore: close: %w", err)
	}
	return nil
}
