package authserver_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver"
	"github.com/seed36673005/authserver/keys"
	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage"
)

// racers is how many requests meet in a storm.
const racers = 100

// A weather is how slow reads are, which opens the gap between reading and
// writing that a fast store hides, and how often a storm breaks.
type weather struct {
	latency time.Duration
	rounds  int
}

// weathers are few rounds where reads are slow, and fewer under the race
// detector, unless AUTHSERVER_SLOW=1 asks for all of them.
// Servers of their own have few rounds always: they are asked over a socket.
func weathers(rounds int, backend string) []weather {
	if slowly && backend != "memory" && backend != "sqlite" {
		return []weather{{0, 10}, {5 * time.Millisecond, 3}, {50 * time.Millisecond, 1}}
	}
	if slowly {
		return []weather{{0, 50}, {5 * time.Millisecond, 50}, {50 * time.Millisecond, 50}}
	}
	if raceDetector {
		rounds = max(1, rounds/10)
	}
	return []weather{{0, rounds}, {5 * time.Millisecond, 3}, {50 * time.Millisecond, 1}}
}

// hushed keeps neither log nor events.
func hushed(c *authserver.Config) {
	c.Logger, c.Events = slog.New(slog.NewTextHandler(io.Discard, nil)), nil
}

// A cluster is two servers over one storage whose reads can be slow.
type cluster struct {
	nodes   []*harness
	latency time.Duration // of reads, in the storms of the round
	slow    atomic.Int64  // the same while a storm lasts, in nanoseconds
}

// clusters are a cluster on each kind of storage.
func clusters(t *testing.T, options ...func(*authserver.Config)) map[string]*cluster {
	t.Helper()
	all := map[string]*cluster{}
	for name, open := range sharedStores(t) {
		c := &cluster{}
		for range 2 {
			store := around(open())
			store.around = c.delay
			c.nodes = append(c.nodes, newHarness(t, append([]func(*authserver.Config){withStore(store), hushed}, options...)...))
		}
		all[name] = c
	}
	return all
}

func (c *cluster) delay(ctx context.Context, call storageCall, do func() error) error {
	if wait := time.Duration(c.slow.Load()); wait > 0 && call.method == "Get" {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
		}
	}
	return do()
}

// storms runs rounds on each kind of storage and in each weather.
func storms(t *testing.T, rounds int, round func(t *testing.T, c *cluster), options ...func(*authserver.Config)) {
	for name, c := range clusters(t, options...) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, h := range c.nodes {
				h.t = t
			}
			for _, w := range weathers(rounds, name) {
				for c.latency = w.latency; w.rounds > 0; w.rounds-- {
					round(t, c)
				}
			}
		})
	}
}

// storm sends requests to both nodes at once. Nobody waits for long, and no
// loser is told of a fault of the server's.
func (c *cluster) storm(t *testing.T, send func(h *harness, i int) *answer) []*answer {
	t.Helper()
	c.slow.Store(int64(c.latency))
	defer c.slow.Store(0)
	answers := make([]*answer, racers)
	var barrier, done sync.WaitGroup
	barrier.Add(1)
	for i := range racers {
		done.Go(func() {
			barrier.Wait()
			answers[i] = send(c.nodes[i%len(c.nodes)], i)
		})
	}
	began := time.Now()
	barrier.Done()
	done.Wait()
	require.Less(t, time.Since(began), 5*time.Second)
	return answers
}

// outcomes counts the answers by status and error code.
func outcomes(answers []*answer) map[string]int {
	seen := map[string]int{}
	for _, a := range answers {
		outcome := strconv.Itoa(a.Status)
		if a.Status != http.StatusOK && a.Header.Get("Content-Type") == "application/json" {
			outcome += " " + a.str("error")
		}
		seen[outcome]++
	}
	return seen
}

// winner is the one answer that has that status.
func winner(t *testing.T, answers []*answer, status int) *answer {
	t.Helper()
	var won []*answer
	for _, a := range answers {
		if a.Status == status {
			won = append(won, a)
		}
	}
	require.Len(t, won, 1)
	return won[0]
}

var oneWinner = map[string]int{"200": 1, "400 invalid_grant": racers - 1}

// oneRedemption is a storm of one code: one wins, and as the others are proof
// of re-use, what it won is dead.
func oneRedemption(t *testing.T, c *cluster) {
	h := c.nodes[0]
	code := h.code()
	before := len(h.records(storage.KindGrant))
	answers := c.storm(t, func(h *harness, _ int) *answer { return h.token(redeem(code)) })
	require.Equal(t, oneWinner, outcomes(answers))
	require.Len(t, h.records(storage.KindGrant), before, "no second family")
	h.allDead(winner(t, answers, http.StatusOK))
}

// oneRefresh is a storm of one refresh token without a window.
func oneRefresh(t *testing.T, c *cluster) {
	h := c.nodes[0]
	first := h.tokens()
	answers := c.storm(t, func(h *harness, _ int) *answer { return h.refresh(first.str("refresh_token")) })
	require.Equal(t, oneWinner, outcomes(answers))
	h.allDead(first, winner(t, answers, http.StatusOK))
}

// device is a device authorization that waits for its end user.
func (h *harness) device() (poll url.Values, userCode string) {
	h.t.Helper()
	start := h.post("/device_authorization", url.Values{"scope": {"read offline_access"}}, basic(confidential, secret))
	require.Equal(h.t, http.StatusOK, start.Status, start.Body)
	return url.Values{"grant_type": {oauth.GrantTypeDeviceCode}, "device_code": {start.str("device_code")}}, start.str("user_code")
}

// confirm finds the request of a user code in a new browser.
func (h *harness) confirm(userCode string) (id string, browser []*http.Cookie) {
	h.t.Helper()
	w := httptest.NewRecorder()
	req, err := h.srv.DeviceRequest(w, h.later(nil), userCode)
	require.NoError(h.t, err)
	return req.ID, w.Result().Cookies()
}

// approveDevice says yes in a new browser.
func (h *harness) approveDevice(userCode string) {
	h.t.Helper()
	id, browser := h.confirm(userCode)
	w := httptest.NewRecorder()
	require.True(h.t, h.srv.Approve(w, h.later(browser), id, authserver.Approval{Subject: alice, AuthTime: time.Now()}), w.Body)
}

func TestOneWinner(t *testing.T) {
	t.Parallel()
	t.Run("CX-01", func(t *testing.T) { storms(t, 50, oneRedemption) })
	t.Run("CX-02", func(t *testing.T) { storms(t, 50, oneRefresh, noWindow) })

	// Inside the window all are answered, with one and the same successor.
	t.Run("CX-02 within the window", func(t *testing.T) {
		storms(t, 10, func(t *testing.T, c *cluster) {
			first := c.nodes[0].tokens("scope", "read")
			answers := c.storm(t, func(h *harness, _ int) *answer { return h.refresh(first.str("refresh_token")) })
			require.Equal(t, map[string]int{"200": racers}, outcomes(answers))
			for _, a := range answers[1:] {
				require.Equal(t, answers[0].str("refresh_token"), a.str("refresh_token"))
				require.Equal(t, answers[0].str("access_token"), a.str("access_token"))
			}
			require.True(t, c.nodes[1].active(answers[0].str("access_token")))
		})
	})

	t.Run("CX-03", func(t *testing.T) {
		storms(t, 50, func(t *testing.T, c *cluster) {
			poll, userCode := c.nodes[0].device()
			c.nodes[1].approveDevice(userCode)
			answers := c.storm(t, func(h *harness, _ int) *answer { return h.token(poll) })
			require.Equal(t, oneWinner, outcomes(answers))
			c.nodes[0].allDead(winner(t, answers, http.StatusOK))
		})
	})

	t.Run("CX-06", func(t *testing.T) {
		storms(t, 50, func(t *testing.T, c *cluster) {
			id, browser := c.nodes[0].wait(request())
			answers := c.storm(t, func(h *harness, _ int) *answer { return h.approveLater(browser, id, alice) })
			require.Equal(t, map[string]int{"303": 1, "400": racers - 1}, outcomes(answers))
			code := winner(t, answers, http.StatusSeeOther).location().Get("code")
			require.Equal(t, http.StatusOK, c.nodes[1].token(redeem(code)).Status)
		})
	})

	t.Run("CX-07", func(t *testing.T) {
		storms(t, 50, func(t *testing.T, c *cluster) {
			poll, userCode := c.nodes[0].device()
			id, browser := c.nodes[1].confirm(userCode)
			var approved, denied atomic.Int64
			answers := c.storm(t, func(h *harness, i int) *answer {
				if i%4 < 2 {
					return h.decide(func(w http.ResponseWriter, r *http.Request) {
						if h.srv.Approve(w, r, id, authserver.Approval{Subject: alice, AuthTime: time.Now()}) {
							approved.Add(1)
						}
					}, browser)
				}
				return h.decide(func(w http.ResponseWriter, r *http.Request) {
					if h.srv.Deny(w, r, id, nil) {
						denied.Add(1)
					}
				}, browser)
			})
			require.EqualValues(t, 1, approved.Load()+denied.Load())
			require.Equal(t, map[string]int{"200": 1, "400": racers - 1}, outcomes(answers))
			a := c.nodes[0].token(poll)
			if approved.Load() == 1 {
				require.Equal(t, http.StatusOK, a.Status, a.Body)
				return
			}
			a.refused(http.StatusBadRequest, oauth.AccessDenied)
		})
	})
}

// The same storms under the names that the groups of the grants have.
func TestStormsOfGrants(t *testing.T) {
	calm := func(t *testing.T, round func(*testing.T, *cluster), options ...func(*authserver.Config)) {
		for name, c := range clusters(t, options...) {
			t.Run(name, func(t *testing.T) {
				for _, h := range c.nodes {
					h.t = t
				}
				c.latency = 5 * time.Millisecond
				round(t, c)
			})
		}
	}
	t.Run("CG-05", func(t *testing.T) { calm(t, oneRedemption) })
	t.Run("RT-06", func(t *testing.T) { calm(t, oneRefresh, noWindow) })

	// However many lose, the authorization ends once.
	t.Run("CG-05 is one re-use", func(t *testing.T) {
		h := newHarness(t)
		code := h.code()
		c := &cluster{nodes: []*harness{h}}
		require.Equal(t, oneWinner, outcomes(c.storm(t, func(h *harness, _ int) *answer { return h.token(redeem(code)) })))
		reuses := 0
		for _, ev := range h.seen() {
			if ev.Type == authserver.EventReuse {
				reuses++
			}
		}
		require.Equal(t, 1, reuses)
	})
}

// Whatever meets on one authorization, losers are refused and the server is
// not at fault.
func TestLosers(t *testing.T) {
	t.Parallel()
	t.Run("CX-14", func(t *testing.T) {
		storms(t, 3, func(t *testing.T, c *cluster) {
			h := c.nodes[0]
			code, tokens := h.code(), h.tokens()
			pending, _ := h.device()
			kept := h.tokens()
			allowed := map[int]bool{http.StatusOK: true, http.StatusBadRequest: true}
			answers := c.storm(t, func(h *harness, i int) *answer {
				switch i % 5 {
				case 0:
					return h.token(redeem(code))
				case 1:
					return h.refresh(tokens.str("refresh_token"))
				case 2:
					return h.post("/revoke", url.Values{"token": {tokens.str("access_token")}}, basic(confidential, secret))
				case 3:
					return h.token(pending)
				default:
					return h.refresh(kept.str("refresh_token"), "scope", []string{"read", "openid", "openid read"}[i%3])
				}
			})
			for _, a := range answers {
				require.True(t, allowed[a.Status], a.Body)
			}
		})
	})
}

// Any number of nodes may start at once on empty storage.
func TestFirstStart(t *testing.T) {
	t.Parallel()
	for name, open := range sharedStores(t) {
		t.Run("CX-11 "+name, func(t *testing.T) {
			const n = 8
			sets := make([]string, n)
			var barrier, done sync.WaitGroup
			barrier.Add(1)
			for i := range n {
				done.Go(func() {
					barrier.Wait()
					store := open()
					ring, err := keys.Managed(store, []byte("a secret of the host, of 32 bytes"), keys.ManagedOptions{Algorithms: []string{keys.ES256}})
					if err == nil {
						h := newHarness(t, withStore(store), hushed, func(c *authserver.Config) { c.Keys = ring })
						sets[i] = h.get("/jwks.json", nil).Body
					}
				})
			}
			barrier.Done()
			done.Wait()
			require.NotEmpty(t, sets[0])
			for _, set := range sets {
				require.Equal(t, sets[0], set, "no second signing key")
			}
			h := newHarness(t, withStore(open()))
			require.Len(t, h.records(storage.KindKey), 1)
		})
	}
}
