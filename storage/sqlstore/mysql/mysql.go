// Package mysql opens a storage backend in a MySQL or MariaDB database. It is
// what links the driver, go-sql-driver/mysql.
//
// Every acknowledged write has been committed, as durably as the server's
// innodb_flush_log_at_trx_commit says: with its default, 1, on its disk. On a
// Galera cluster the dsn must have wsrep_sync_wait=1: without it a node may
// not yet show a write that another has acknowledged.
package mysql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/seed36673005/authserver/storage/sqlstore"
)

// The pool: as many connections as keep a server of this size busy, and a
// lifetime after which they follow a failover or a balancer.
const (
	connections = 20
	lifetime    = 5 * time.Minute
	dialTimeout = 10 * time.Second // unless the dsn says otherwise
)

// Open connects to the database that dsn names
// (https://github.com/go-sql-driver/mysql#dsn-data-source-name) and makes the
// tables if they are not there. A connection that only reads, as one to a
// primary that was demoted, is given up for another. A host that wants another
// pool, schema or prefix gives its own *sql.DB to sqlstore.Open. Close the
// Store when it is no longer needed.
func Open(ctx context.Context, dsn string) (*sqlstore.Store, error) {
	cfg, err := mysql.ParseDSN(dsn)
	if err != nil || cfg.DBName == "" { // err may show a part of a password
		return nil, errors.New("mysql: dsn is not as in user:password@tcp(host:3306)/database?name=value")
	}
	db, err := open(cfg)
	if err != nil {
		return nil, fmt.Errorf("mysql: %w", err)
	}
	s, err := sqlstore.Open(ctx, sqlstore.Config{DB: db, Dialect: sqlstore.MySQL})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("mysql: %w", err), db.Close())
	}
	return s, nil
}

func open(cfg *mysql.Config) (*sql.DB, error) {
	cfg.InterpolateParams = true // one round trip instead of three
	cfg.RejectReadOnly = true
	cfg.Logger = &mysql.NopLogger{} // what it would log is returned as an error
	if cfg.Timeout == 0 {
		cfg.Timeout = dialTimeout
	}
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	db.SetConnMaxLifetime(lifetime)
	return db, nil
}
