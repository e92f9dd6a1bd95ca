// Package sqlite opens a storage backend in a SQLite file: the embedded
// default, for one machine. It is what links the SQLite driver, which needs
// no C compiler.
//
// Every acknowledged write has reached the disk (WAL, synchronous FULL). Any
// number of processes on one machine may use the file at once; a network file
// system will not do (https://sqlite.org/wal.html).
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/seed36673005/authserver/storage/sqlstore"
)

// Open opens the database file at path, and creates it if there is none,
// readable and writable by its owner alone; SQLite gives the files beside it
// (-wal, -shm) the same permissions. The folder must exist. There is no
// database in memory: package storage/memory is for that. Close the Store
// when it is no longer needed.
func Open(ctx context.Context, path string) (*sqlstore.Store, error) {
	if path == "" || path == ":memory:" {
		return nil, errors.New("sqlite: path names no file")
	}
	if err := create(path); err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	db, readDB, err := pools(path)
	if err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	s, err := sqlstore.Open(ctx, sqlstore.Config{DB: db, ReadDB: readDB, Dialect: sqlstore.SQLite})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("sqlite: %w", err), readDB.Close(), db.Close())
	}
	return s, nil
}

// creating guards the moment in which a new file is open outside SQLite:
// closing it would drop the locks that another Store of this process has on
// it by then (https://sqlite.org/howtocorrupt.html §2.2).
var creating sync.Mutex

// create makes an empty file, which SQLite takes for an empty database.
func create(path string) error {
	creating.Lock()
	defer creating.Unlock()
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}

// pools are one connection that writes, since SQLite has one writer at a
// time and a queue in this process is fairer than its lock, and several that
// read beside it.
func pools(path string) (db, readDB *sql.DB, err error) {
	file, err := fileURI(path)
	if err != nil {
		return nil, nil, err
	}
	if db, err = open(file, 1, url.Values{
		"_journal_mode": {"WAL"},
		"_synchronous":  {"FULL"},
		"_txlock":       {"immediate"},
	}); err != nil {
		return nil, nil, err
	}
	if readDB, err = open(file, max(4, runtime.GOMAXPROCS(0)), url.Values{
		"_query_only": {"1"},
	}); err != nil {
		return nil, nil, errors.Join(err, db.Close())
	}
	return db, readDB, nil
}

// busyTimeout is in milliseconds, and short: SQLite's own waiting does not
// end with a context, sqlstore's does.
const busyTimeout = "10"

func open(file string, connections int, params url.Values) (*sql.DB, error) {
	params.Set("mode", "rw")
	params.Set("_busy_timeout", busyTimeout)
	db, err := sql.Open("sqlite", file+"?"+params.Encode())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db, nil
}

// fileURI is path as SQLite takes it with parameters, whatever characters it
// has (https://sqlite.org/uri.html).
func fileURI(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	slashed := filepath.ToSlash(abs)
	if !strings.HasPrefix(slashed, "/") {
		slashed = "/" + slashed // a drive letter
	}
	return (&url.URL{Scheme: "file", Path: slashed}).String(), nil
}
