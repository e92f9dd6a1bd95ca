// Package sqlstore keeps the server's records in a SQL database through
// database/sql: one table, plain SQL, each method one statement that decides
// alone, so that no transaction and no lock outlives it.
//
// It owns its two tables (the records, and the list of migrations) and
// nothing else in the database. It links no driver: a package below it, such
// as sqlstore/sqlite, opens a database with its driver and the settings that
// the promises of package storage need.
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
	// Logger receives what the migrations do. If nil, nothing is logged.
	Logger *slog.Logger
}

const defaultPrefix = "authserver_"

var prefixPattern = regexp.MustCompile(`^[a-z][a-z0-9_]{0,31}$`)

// A Store is a storage.Storage, storage.Sweeper and storage.Health in a SQL
// database. It may be used by any number of goroutines, and any number of
// Stores in any number of processes may share a database. A database that is
// busy is tried again for some seconds; what fails then is an error that is
// none of package storage's.
type Store struct {
	db, readDB *sql.DB
	dialect    dialect
	do         statements
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
	s, prefix, err := newStore(cfg)
	if err != nil {
		return nil, fmt.Errorf("sqlstore: %w", err)
	}
	if err := s.migrate(ctx, prefix, cfg.Logger); err != nil {
		return nil, fmt.Errorf("sqlstore: migrate: %w", err)
	}
	if err := s.prepare(ctx, prefix); err != nil {
		return nil, fmt.Errorf("sqlstore: prepare: %w", err)
	}
	return s, nil
}

// newStore checks cfg and fills its defaults.
func newStore(cfg Config) (s *Store, prefix string, err error) {
	s = &Store{db: cfg.DB, readDB: cfg.ReadDB}
	if s.readDB == nil {
		s.readDB = s.db
	}
	if prefix = cfg.TablePrefix; prefix == "" {
		prefix = defaultPrefix
	}
	var faults []error
	if cfg.DB == nil {
		faults = append(faults, errors.New("Config.DB: missing"))
	}
	if !prefixPattern.MatchString(prefix) {
		faults = append(faults, errors.New("Config.TablePrefix: not at most 32 of a-z, 0-9 and _ with a letter first"))
	}
	var known bool
	if s.dialect, known = dialects[cfg.Dialect]; !known {
		faults = append(faults, fmt.Errorf("Config.Dialect: %q is none of this package's", cfg.Dialect))
	}
	return s, prefix, errors.Join(faults...)
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
