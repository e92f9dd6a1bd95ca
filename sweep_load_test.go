package authserver_test

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver/internal/testservers"
	"github.com/seed36673005/authserver/storage"
	"github.com/seed36673005/authserver/storage/sqlstore"
	"github.com/seed36673005/authserver/storage/sqlstore/postgres"
	"github.com/seed36673005/authserver/storage/sqlstore/sqlite"
)

// A database is one that records can be put in by the million, by statements
// whose arguments are their number, their end and what they hold.
type database struct {
	name  string
	open  func(t *testing.T) (store *sqlstore.Store, db *sql.DB)
	fill  string
	after string // lets the database take notice of so many records
	// hasty are settings of the connection that fills, and of no other.
	hasty string
}

var databases = []database{
	{
		name: "SQLite", open: openSQLiteTwice,
		fill: `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
			INSERT INTO authserver_records (kind, record_key, version, client_id, subject, session_id, expires_at, data)
			SELECT 'grant', lower(hex(randomblob(22))), 1, 'confidential', 'subject' || i, '', ?2 + i, ?3 FROM n`,
		after: `PRAGMA wal_checkpoint(TRUNCATE)`, hasty: `PRAGMA synchronous = OFF; PRAGMA cache_size = -400000`,
	},
	{
		name: "PostgreSQL", open: openPostgresTwice,
		fill: `INSERT INTO authserver_records (kind, record_key, version, client_id, subject, session_id, expires_at, data)
			SELECT 'grant', encode(sha256(i::text::bytea), 'hex'), 1, 'confidential', 'subject' || i, '', $2::bigint + i, $3::bytea
			FROM generate_series(1, $1::int) AS i`,
		after: `VACUUM ANALYZE authserver_records`, hasty: `SET work_mem = '64MB'`,
	},
}

func openSQLiteTwice(t *testing.T) (*sqlstore.Store, *sql.DB) {
	path := filepath.Join(t.TempDir(), "state.db")
	store, err := sqlite.Open(t.Context(), path)
	require.NoError(t, err)
	return store, opened(t, store, "sqlite", path)
}

func openPostgresTwice(t *testing.T) (*sqlstore.Store, *sql.DB) {
	_, dsn := testservers.NewPostgres(t)
	store, err := postgres.Open(t.Context(), dsn)
	require.NoError(t, err)
	return store, opened(t, store, "pgx", dsn)
}

func opened(t *testing.T, store *sqlstore.Store, driver, dsn string) *sql.DB {
	db, err := sql.Open(driver, dsn)
	require.NoError(t, err)
	db.SetMaxOpenConns(1)
	t.Cleanup(func() {
		require.NoError(t, db.Close())
		require.NoError(t, store.Close())
	})
	return db
}

// TestSweepBesideTraffic removes very many expired records under the eyes of
// clients, who must hardly notice. With AUTHSERVER_SLOW=1 there are a million,
// of which as many are removed as half a minute allows, and the medians are
// held to twice those without a sweep. With AUTHSERVER_FULL=1 too it is all of
// them, and the tails and the time for it all are held to their figures: that
// takes a machine with nothing else to do.
func TestSweepBesideTraffic(t *testing.T) {
	l := sweepLoad{expired: 1_000, live: 500, most: time.Minute}
	if slowly {
		l = sweepLoad{expired: 1_000_000, live: 100_000, most: 30 * time.Second, compare: true}
	}
	if os.Getenv("AUTHSERVER_FULL") == "1" {
		l.most, l.strict = 10*time.Minute, true
	}
	for _, d := range databases {
		t.Run(d.name, func(t *testing.T) {
			store, db := d.open(t)
			h := newHarness(t, withStore(store), quiet)
			template, begin := h.aGrant(t), time.Now()
			_, err := db.Exec(d.hasty)
			require.NoError(t, err)
			d.put(t, db, template, l.expired, begin.Add(-time.Hour))
			d.put(t, db, template, l.live, begin.Add(24*time.Hour))
			_, err = db.Exec(d.after)
			require.NoError(t, err)
			t.Logf("%d expired and %d live records put in %v", l.expired, l.live, time.Since(begin).Round(time.Second))
			l.run(t, h)
		})
	}
}

func (h *harness) aGrant(t *testing.T) storage.Record {
	h.tokens()
	page, err := h.store.List(t.Context(), storage.Query{Kind: storage.KindGrant})
	require.NoError(t, err)
	return page.Records[0]
}

func (d database) put(t *testing.T, db *sql.DB, template storage.Record, n int, end time.Time) {
	fill := strings.Replace(d.fill, "i::text", fmt.Sprintf("(i::text || '%d')", n), 1)
	_, err := db.Exec(fill, n, end.UnixMilli()-int64(n), template.Data)
	require.NoError(t, err)
}

// A sweepLoad is how much there is to sweep, and how long that may take.
type sweepLoad struct {
	expired, live int
	most          time.Duration
	compare       bool // whether there are enough requests to compare
	strict        bool // whether the machine is quiet enough to judge tails
}

// run measures requests by turns without and with a sweep beside them, since
// a machine that others use is not equally fast at all times.
func (l sweepLoad) run(t *testing.T, h *harness) {
	var idle, swept timings
	var sweeping time.Duration
	for more := true; more && sweeping < l.most; {
		h.traffic(t, &idle, func() { time.Sleep(time.Second) })
		h.traffic(t, &swept, func() {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			began := time.Now()
			var err error
			more, err = h.srv.Sweep(ctx)
			require.NoError(t, err)
			sweeping += time.Since(began)
		})
	}
	c, err := h.srv.StorageCounts(t.Context())
	require.NoError(t, err)
	removed := l.expired - int(c.Expired)
	t.Logf("swept %d records in %v, %.0f each second", removed, sweeping.Round(time.Second/10), float64(removed)/sweeping.Seconds())
	t.Logf("idle:     %v", &idle)
	t.Logf("sweeping: %v", &swept)
	require.GreaterOrEqual(t, c.Records[storage.KindGrant], int64(l.live))
	if !l.compare {
		require.Zero(t, c.Expired)
		return
	}
	idle.halfOf(t, &swept, 0.5, time.Millisecond)
	if !l.strict {
		return
	}
	require.Less(t, float64(l.expired)/float64(removed)*sweeping.Seconds(), 300.0, "seconds for all")
	idle.halfOf(t, &swept, 0.99, checkpoint)
}

// traffic sends requests, at a pace that leaves the machine some rest, until
// during returns.
func (h *harness) traffic(t *testing.T, times *timings, during func()) {
	done := make(chan struct{})
	var clients sync.WaitGroup
	for range 4 {
		refresh := h.tokens().str("refresh_token")
		clients.Go(func() {
			for {
				select {
				case <-done:
					return
				case <-time.After(10 * time.Millisecond):
				}
				a := times.take(&times.refresh, h, "/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}})
				refresh = a.str("refresh_token")
				times.take(&times.introspection, h, "/introspect", url.Values{"token": {a.str("access_token")}})
			}
		})
	}
	during()
	close(done)
	clients.Wait()
}

// timings are how long requests took.
type timings struct {
	mu                     sync.Mutex
	refresh, introspection []time.Duration
}

func (m *timings) take(list *[]time.Duration, h *harness, path string, form url.Values) *answer {
	r := prepare(path, form, confidential).request()
	w, began := httptest.NewRecorder(), time.Now()
	h.srv.ServeHTTP(w, r)
	took := time.Since(began)
	if w.Code != http.StatusOK {
		h.t.Error(path, w.Code, w.Body.String())
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	*list = append(*list, took)
	return &answer{t: h.t, Status: w.Code, Body: w.Body.String()}
}

// at is the time that a part of the requests did not exceed.
func at(list []time.Duration, part float64) time.Duration {
	sorted := slices.Sorted(slices.Values(list))
	return sorted[int(part*float64(len(sorted)-1))].Round(time.Microsecond)
}

// checkpoint is one of SQLite's log: whichever write finds it full pays for it,
// one in some hundreds when idle, and one in some ten when much is removed.
const checkpoint = 30 * time.Millisecond

// halfOf fails if the others took more than twice as long and some slack, at a
// part of the requests.
func (m *timings) halfOf(t *testing.T, other *timings, part float64, slack time.Duration) {
	for _, lists := range [][2][]time.Duration{{m.refresh, other.refresh}, {m.introspection, other.introspection}} {
		require.LessOrEqual(t, at(lists[1], part), 2*at(lists[0], part)+slack)
	}
}

// String tells the median and the time that one of a hundred exceeds.
func (m *timings) String() string {
	return fmt.Sprintf("refresh median %v, p99 %v (%d); introspection median %v, p99 %v",
		at(m.refresh, 0.5), at(m.refresh, 0.99), len(m.refresh), at(m.introspection, 0.5), at(m.introspection, 0.99))
}
