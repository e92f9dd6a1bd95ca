package authserver_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver"
	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage"
	"github.com/seed36673005/authserver/storage/memory"
	"github.com/seed36673005/authserver/storage/sqlstore"
)

// A brittleDB makes connections of SQLite of which the nth operation fails.
type brittleDB struct {
	driver driver.Driver
	uri    string
	only   string       // the operation that is counted; empty: all
	left   atomic.Int64 // until the one that fails
}

var errDriver = errors.New("driver: broken")

func (b *brittleDB) Connect(context.Context) (driver.Conn, error) {
	c, err := b.driver.Open(b.uri)
	if err != nil {
		return nil, err
	}
	return &brittleConn{Conn: c, db: b}, nil
}

func (b *brittleDB) Driver() driver.Driver { return b.driver }

// op counts one down, and fails it when none is left.
func (b *brittleDB) op(name string) error {
	if b.only != "" && b.only != name || b.left.Add(-1) != 0 {
		return nil
	}
	return errDriver
}

type brittleConn struct {
	driver.Conn
	db *brittleDB
}

func (c *brittleConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	if err := c.db.op("prepare"); err != nil {
		return nil, err
	}
	s, err := c.Conn.(driver.ConnPrepareContext).PrepareContext(ctx, query)
	return &brittleStmt{s, c.db}, err
}

func (c *brittleConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if err := c.db.op("exec"); err != nil {
		return nil, err
	}
	return c.Conn.(driver.ExecerContext).ExecContext(ctx, query, args)
}

func (c *brittleConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if err := c.db.op("query"); err != nil {
		return nil, err
	}
	return c.Conn.(driver.QueryerContext).QueryContext(ctx, query, args)
}

func (c *brittleConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	if err := c.db.op("begin"); err != nil {
		return nil, err
	}
	tx, err := c.Conn.(driver.ConnBeginTx).BeginTx(ctx, opts)
	return &brittleTx{tx, c.db}, err
}

type brittleTx struct {
	driver.Tx
	db *brittleDB
}

// Commit that fails has committed nothing, and leaves nothing open.
func (t *brittleTx) Commit() error {
	if err := t.db.op("commit"); err != nil {
		return errors.Join(err, t.Tx.Rollback())
	}
	return t.Tx.Commit()
}

func (t *brittleTx) Rollback() error {
	return errors.Join(t.Tx.Rollback(), t.db.op("rollback"))
}

type brittleStmt struct {
	driver.Stmt
	db *brittleDB
}

func (s *brittleStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	if err := s.db.op("exec"); err != nil {
		return nil, err
	}
	return s.Stmt.(driver.StmtExecContext).ExecContext(ctx, args)
}

func (s *brittleStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	if err := s.db.op("query"); err != nil {
		return nil, err
	}
	return s.Stmt.(driver.StmtQueryContext).QueryContext(ctx, args)
}

// brittle is a database whose file is new.
func brittle(t *testing.T) (*brittleDB, *sql.DB) {
	t.Helper()
	sqlite, err := sql.Open("sqlite", "")
	require.NoError(t, err)
	t.Cleanup(func() { _ = sqlite.Close() })
	b := &brittleDB{driver: sqlite.Driver(), uri: "file:" + filepath.Join(t.TempDir(), "brittle.db") + "?_synchronous=OFF&_txlock=immediate"}
	db := sql.OpenDB(b)
	t.Cleanup(func() { _ = db.Close() })
	return b, db
}

func TestDriverFaults(t *testing.T) {
	t.Run("SF-03 at start", func(t *testing.T) {
		// The second of each: goose waits for a second after its first fails.
		for _, operation := range []string{"prepare", "query", "begin", "commit"} {
			b, db := brittle(t)
			b.only = operation
			b.left.Store(2)
			_, err := sqlstore.Open(t.Context(), sqlstore.Config{DB: db, Dialect: sqlstore.SQLite})
			require.LessOrEqual(t, b.left.Load(), int64(0), "%s was tried", operation)
			require.Zero(t, db.Stats().InUse, "no connection is leaked")
			if err != nil {
				_, err = sqlstore.Open(t.Context(), sqlstore.Config{DB: db, Dialect: sqlstore.SQLite})
			}
			require.NoError(t, err, "it works in spite of a failed %s, or the next time", operation)
		}
	})

	t.Run("SF-03", func(t *testing.T) {
		b, db := brittle(t)
		store, err := sqlstore.Open(t.Context(), sqlstore.Config{DB: db, Dialect: sqlstore.SQLite})
		require.NoError(t, err)
		h := newHarness(t, withStore(store), hushed)
		for n := int64(1); ; n++ {
			code := h.code()
			b.left.Store(n)
			a := h.token(redeem(code))
			if b.left.Swap(0) > 0 {
				require.Equal(t, http.StatusOK, a.Status, a.Body)
				break
			}
			require.Zero(t, db.Stats().InUse)
			// A read that fails once is read again; nothing else is.
			if a.Status == http.StatusOK {
				require.True(t, h.active(a.str("access_token")))
				continue
			}
			a.refused(http.StatusServiceUnavailable, oauth.TemporarilyUnavailable)
			require.Equal(t, http.StatusOK, h.token(redeem(code)).Status, "the next request works")
		}
	})
}

// A store whose every write meets another's is tried a few times, and told of
// as trouble.
func TestConflicts(t *testing.T) {
	t.Run("SF-04", func(t *testing.T) {
		store := around(memory.New())
		h := newHarness(t, withStore(store))
		conflicts := func(left int, replaces *int) {
			store.around = func(_ context.Context, c storageCall, do func() error) error {
				if c.method != "Replace" {
					return do()
				}
				if *replaces++; left > 0 {
					left--
					return storage.ErrConflict
				}
				return do()
			}
		}
		for name, begin := range map[string]func() func() *answer{
			"code":    func() func() *answer { return codeExchange.begin(h) },
			"refresh": func() func() *answer { return refreshFlow.begin(h) },
			"revoke":  func() func() *answer { return knowing[0].begin(h) },
		} {
			for _, n := range []int{1, 3} {
				store.around = asItIs
				ask, replaces := begin(), 0
				conflicts(n, &replaces)
				require.Equal(t, http.StatusOK, ask().Status, name)
				require.Equal(t, n+1, replaces)
			}
			store.around = asItIs
			ask, replaces := begin(), 0
			conflicts(1000, &replaces)
			ask().refused(http.StatusServiceUnavailable, oauth.TemporarilyUnavailable)
			most := 12
			if name == "revoke" {
				most = 100 // what ends an authorization gets through a busy client
			}
			require.LessOrEqual(t, replaces, most, "and no more")
			store.around = asItIs
			require.Equal(t, http.StatusOK, ask().Status, name)
		}
	})
}

func TestKeysThatAreTaken(t *testing.T) {
	t.Run("SF-05", func(t *testing.T) {
		store := around(memory.New())
		h := newHarness(t, withStore(store))
		for _, f := range tokenFlows[:3] {
			var keys []string
			store.around = func(_ context.Context, c storageCall, do func() error) error {
				if c.method != "Create" {
					return do()
				}
				if keys = append(keys, c.key); len(keys) == 1 {
					return storage.ErrExists
				}
				return do()
			}
			a := f.begin(h)()
			store.around = asItIs
			require.Equal(t, http.StatusOK, a.Status, a.Body)
			require.NotEqual(t, keys[0], keys[1], "drawn anew")
			f.done(h, a)
		}
	})
}

// corrupt replaces the data of every record of a kind.
func (h *harness) corrupt(kind storage.Kind, data string) {
	h.t.Helper()
	page, err := h.store.List(h.t.Context(), storage.Query{Kind: kind, Limit: 1000})
	require.NoError(h.t, err)
	require.NotEmpty(h.t, page.Records)
	for _, rec := range page.Records {
		rec.Data = []byte(data)
		_, err := h.store.Replace(h.t.Context(), rec)
		require.NoError(h.t, err)
	}
}

func TestCorruptRecords(t *testing.T) {
	t.Run("SF-06", func(t *testing.T) {
		onEachStore(t, func(t *testing.T, store storage.Storage) {
			for _, data := range []string{"", "{", "null", "[]", `{"v":99}`, `{"v":"1"}`, "\x00\xff", `{"v":1,"rf":7,"br":7,"su":7}`} {
				h := newHarness(t, withStore(store), hushed)
				tokens, code := h.tokens(), h.code()
				poll, _ := h.device()
				h.corrupt(storage.KindGrant, data)
				for _, a := range []*answer{
					h.token(redeem(code)), h.refresh(tokens.str("refresh_token")), h.token(poll),
					h.post("/introspect", url.Values{"token": {tokens.str("access_token")}}, basic(confidential, secret)),
					h.post("/revoke", url.Values{"token": {tokens.str("refresh_token")}}, basic(confidential, secret)),
					h.get("/userinfo", nil, bearer(tokens.str("access_token"))),
				} {
					require.False(t, a.yes(), "%q: %s", data, a.Body)
				}
				usable(h, h.tokens())

				id, browser := h.wait(request())
				h.corrupt(storage.KindInteraction, data)
				h.approveLater(browser, id, alice).page(http.StatusServiceUnavailable)

				browser = h.signedIn()
				h.corrupt(storage.KindSession, data)
				_, err := h.srv.Session(h.later(browser))
				require.ErrorIs(t, err, oauth.TemporarilyUnavailable, data)
				require.NotNil(t, h.session(h.signedIn()))
			}
		})
	})
	t.Run("SF-06 consent", func(t *testing.T) {
		h := newHarness(t)
		h.edited(confidential, func(c *oauth.Client) { c.Verified = true }, func() {
			var req *authserver.AuthorizationRequest
			h.interact = func(w http.ResponseWriter, r *http.Request, asked *authserver.AuthorizationRequest) {
				req = asked
				h.srv.Approve(w, r, asked.ID, authserver.Approval{Subject: alice, Remember: true})
			}
			h.code()
			consented, err := h.srv.Consented(t.Context(), req, alice)
			require.True(t, consented)
			require.NoError(t, err)
			for _, data := range []string{"", "{", "null", `{"v":99,"sc":["openid","read","offline_access"]}`} {
				h.corrupt(storage.KindConsent, data)
				consented, err = h.srv.Consented(t.Context(), req, alice)
				require.False(t, consented)
				require.ErrorIs(t, err, oauth.TemporarilyUnavailable, data)
			}
		})
	})
	t.Run("SF-06 an unknown decision is none", func(t *testing.T) {
		h := newHarness(t)
		poll, _ := h.device()
		page, err := h.store.List(t.Context(), storage.Query{Kind: storage.KindGrant})
		require.NoError(t, err)
		rec := page.Records[0]
		rec.Data = []byte(`{"v":1,"gt":"x","ci":"confidential","su":"` + alice + `","ca":1,"ea":9999999999999,"de":{"e":9999999999999,"d":"maybe","i":5000}}`)
		_, err = h.store.Replace(t.Context(), rec)
		require.NoError(t, err)
		h.token(poll).refused(http.StatusBadRequest, oauth.AuthorizationPending)
	})
}

// dryReader is a random source without grant secrets and user codes.
type dryReader struct{ io.Reader }

func (d dryReader) Read(p []byte) (int, error) {
	if len(p) == 16 {
		return 0, errors.New("entropy: none left")
	}
	return d.Reader.Read(p)
}

func TestRandomSource(t *testing.T) {
	t.Run("SF-07", func(t *testing.T) {
		h := newHarness(t)
		before := h.records()
		source := rand.Reader
		rand.Reader = dryReader{source}
		defer func() { rand.Reader = source }()
		for _, f := range tokenFlows[:3] {
			require.False(t, f.begin(h)().yes(), f.name)
		}
		require.Equal(t, before, h.records())
		rand.Reader = source
		usable(h, h.tokens())
	})

	// Where package crypto/rand returns no error, it ends the program: an id
	// that can be guessed is never given.
	t.Run("SF-07 ends the program", func(t *testing.T) {
		const name = "AUTHSERVER_TEST_NO_ENTROPY"
		if os.Getenv(name) == "1" {
			h := newHarness(t)
			rand.Reader = brokenReader{}
			a := h.get("/authorize", request())
			t.Fatal("answered: ", a.Header)
		}
		child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestRandomSource$/^SF-07_ends_the_program$")
		child.Env = append(os.Environ(), name+"=1")
		out, err := child.CombinedOutput()
		require.Error(t, err)
		require.Contains(t, string(out), "crypto/rand")
		require.NotContains(t, string(out), "answered: ")
	})
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errors.New("entropy: none left") }

// Storage that takes its time does not take the server's.
func TestSlowStorage(t *testing.T) {
	const answer = 6 * time.Second
	stall := func(ctx context.Context, _ storageCall, do func() error) error {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(answer):
			return do()
		}
	}
	t.Run("SF-08", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { // which waits for every goroutine
			store := around(memory.New())
			h := newHarness(t, withStore(store), func(c *authserver.Config) { c.RequestTimeout = 2 * time.Second })
			for _, f := range append(append([]flow{codeExchange, refreshFlow}, tokenFlows[:3]...), knowing[4:]...) {
				ask := f.begin(h)
				store.around = stall
				began := time.Now()
				var crowd sync.WaitGroup
				for range 20 {
					crowd.Go(func() { require.False(t, ask().yes(), f.name) })
				}
				crowd.Wait()
				require.Equal(t, 2*time.Second, time.Since(began), f.name)
				store.around = asItIs
				require.True(t, ask().yes(), f.name)
			}
		})
	})
	t.Run("SF-08 with the default", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			store := around(memory.New())
			h := newHarness(t, withStore(store))
			ask := codeExchange.begin(h)
			store.around = stall
			began := time.Now()
			require.False(t, ask().yes())
			require.Equal(t, 10*time.Second, time.Since(began), "in the second call")
		})
	})
	// Pages, and what the host's own code asks, have the deadline that the host
	// gives them.
	t.Run("SF-08 pages", func(t *testing.T) {
		var deadline bool
		h := newHarness(t, func(c *authserver.Config) {
			c.Pages = handlerPages(func(_ http.ResponseWriter, r *http.Request) { _, deadline = r.Context().Deadline() })
		})
		h.get("/a-page", nil)
		require.False(t, deadline)
		h.interact = func(w http.ResponseWriter, r *http.Request, req *authserver.AuthorizationRequest) {
			_, deadline = r.Context().Deadline()
			h.srv.Approve(w, r, req.ID, authserver.Approval{Subject: alice})
		}
		h.code()
		require.True(t, deadline)
	})
}

// handlerPages are pages of one handler.
type handlerPages http.HandlerFunc

func (handlerPages) Interact(http.ResponseWriter, *http.Request, *authserver.AuthorizationRequest) {}

func (handlerPages) Error(w http.ResponseWriter, _ *http.Request, e authserver.PageError) {
	w.WriteHeader(e.Status)
}
func (p handlerPages) Handler(*authserver.Server) http.Handler { return http.HandlerFunc(p) }
