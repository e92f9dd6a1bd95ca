package faulttest

import (
	"database/sql"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver/internal/testservers"
	"github.com/seed36673005/authserver/storage"
	"github.com/seed36673005/authserver/storage/sqlstore/postgres"
)

// replicas are two nodes, each with a store of its own on one database.
func replicas[S interface {
	storage.Storage
	Close() error
}](t *testing.T, open func() (S, error)) []*node {
	var nodes []*node
	for range 2 {
		store, err := open()
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, store.Close()) })
		nodes = append(nodes, nodeOn(t, store))
	}
	return nodes
}

func onPostgres(t *testing.T) (server *testservers.Server, dsn string, clients *traffic) {
	server, dsn = testservers.NewPostgres(t)
	nodes := replicas(t, func() (closingStore, error) { return postgres.Open(t.Context(), dsn) })
	return server, dsn, start(8, nodes[0], nodes[1])
}

type closingStore interface {
	storage.Storage
	Close() error
}

// F-03: PostgreSQL is killed under load and started again, while two replicas
// go on.
func TestPostgresRestart(t *testing.T) {
	server, _, clients := onPostgres(t)
	outages(t, clients, by(1, 4, 10), func() { server.Kill(t) }, func() { server.Start(t) })
	clients.stop(t)
}

// outages takes a server down again and again, and wants the first write soon
// after it is back, and nothing to fail any more a moment later.
func outages(t *testing.T, clients *traffic, times int, down, up func()) {
	t.Helper()
	const settled = time.Second
	for range times {
		time.Sleep(time.Second)
		before := time.Now()
		down()
		time.Sleep(500 * time.Millisecond)
		up()
		back := time.Now()
		time.Sleep(settled)
		calm := time.Now()
		time.Sleep(time.Second)
		first, found := clients.firstOK(back)
		require.True(t, found)
		after := clients.between(calm, time.Now())
		t.Logf("down for %v: %d requests failed; first write %v after it was back; then %d ok, %d failed",
			back.Sub(before).Round(time.Millisecond), clients.between(before, calm)[unknown],
			first.Sub(back).Round(time.Millisecond), after[ok], after[unknown])
		require.Less(t, first.Sub(back), 3*time.Second)
		require.Zero(t, after[unknown])
	}
}

// F-04: connections are cut at random, again and again.
func TestPostgresConnectionsCut(t *testing.T) {
	_, dsn, clients := onPostgres(t)
	db, err := sql.Open("pgx", dsn)
	require.NoError(t, err)
	defer func() { _ = db.Close() }()
	cut := 0
	for began := time.Now(); time.Since(began) < by(2*time.Second, 10*time.Second, 2*time.Minute); {
		time.Sleep(50 * time.Millisecond)
		var n int
		require.NoError(t, db.QueryRow(`SELECT count(pg_terminate_backend(pid)) FROM (
			SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
			ORDER BY random() LIMIT 1) AS one`).Scan(&n))
		cut += n
	}
	calm := time.Now()
	time.Sleep(time.Second)
	after := clients.between(calm.Add(100*time.Millisecond), time.Now())
	clients.stop(t)
	t.Logf("%d connections cut: %d requests failed; then %d ok, %d failed",
		cut, clients.between(time.Time{}, calm)[unknown], after[ok], after[unknown])
	require.Zero(t, after[unknown])
	var open int
	require.NoError(t, db.QueryRow(`SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'`).Scan(&open))
	require.LessOrEqual(t, open, 2*20+1, "connections leak")
}
