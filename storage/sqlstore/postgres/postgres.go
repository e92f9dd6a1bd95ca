// Package postgres opens a storage backend in a PostgreSQL database: the one
// for more than one machine. It is what links the driver, pgx.
//
// Every acknowledged write has been committed, as durably as the server's
// synchronous_commit says. With its default, on, that is the disk of the
// primary, and the synchronous standbys if there are any; a failover to an
// asynchronous standby can lose the last writes.
//
// Of the distributed databases that speak PostgreSQL's protocol, CockroachDB
// and YugabyteDB have what the statements need.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/seed36673005/authserver/storage/sqlstore"
)

// The pool: as many connections as keep a server of this size busy and leave
// others of its hundred, and a lifetime after which they follow a failover or
// a balancer.
const (
	connections = 20
	lifetime    = 30 * time.Minute
)

// Open connects to the database that dsn names, by a URL or by pairs of
// keyword and value
// (https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING),
// and makes the tables if they are not there, in the schema that is first in
// the role's search_path. A host that wants another pool, schema or prefix
// gives its own *sql.DB to sqlstore.Open. Close the Store when it is no longer
// needed.
func Open(ctx context.Context, dsn string) (*sqlstore.Store, error) {
	cfg, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, fmt.Errorf("postgres: %w", err) // shows no password
	}
	db := stdlib.OpenDB(*cfg)
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	db.SetConnMaxLifetime(lifetime)
	s, err := sqlstore.Open(ctx, sqlstore.Config{DB: db, Dialect: sqlstore.PostgreSQL})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("postgres: %w", err), db.Close())
	}
	return s, nil
}
