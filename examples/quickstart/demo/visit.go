package demo

import (
	"crypto/rand"
	"net/http"
	"sync"
)

// cookie names the visit of a browser. It is no login: what it finds is what
// this browser did here.
const cookie = "demo_visit"

// maxVisits bounds the memory; one more visit takes the place of another.
const maxVisits = 1000

// maxPending bounds the logins a browser has begun and not finished, in as
// many tabs.
const maxPending = 8

// maxExchanges bounds the requests that the page shows.
const maxExchanges = 12

// visits are the browsers that did something here. The zero value has none.
type visits struct {
	mu   sync.Mutex
	byID map[string]*visit
}

// A visit is what one browser did here.
type visit struct {
	mu    sync.Mutex
	shown snapshot
	// pending are the logins that were begun, by state.
	pending map[string]pending
}

// A snapshot is what of a visit is shown.
type snapshot struct {
	// Name is how the visitor is greeted; empty before the login.
	Name     string
	Tokens   *tokens
	ID       *idToken
	Userinfo string
	Device   *deviceFlow
	// Exchanges are the requests made to the provider, last first.
	Exchanges []exchange
}

// of returns the visit of the browser, or one that is not kept.
func (s *visits) of(r *http.Request) *visit {
	if c, err := r.Cookie(cookie); err == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		if v := s.byID[c.Value]; v != nil {
			return v
		}
	}
	return &visit{}
}

// begin returns the visit of the browser and keeps it.
func (s *visits) begin(w http.ResponseWriter, r *http.Request) *visit {
	v := s.of(r)
	s.renew(w, r, v)
	return v
}

// renew keeps a visit under a new name: one planted in the browser before the
// login finds nothing after it.
func (s *visits) renew(w http.ResponseWriter, r *http.Request, v *visit) {
	id := rand.Text()
	s.mu.Lock()
	defer s.mu.Unlock()
	if c, err := r.Cookie(cookie); err == nil {
		delete(s.byID, c.Value)
	}
	for old := range s.byID {
		if len(s.byID) < maxVisits {
			break
		}
		delete(s.byID, old)
	}
	if s.byID == nil {
		s.byID = map[string]*visit{}
	}
	s.byID[id] = v
	setCookie(w, id, 0)
}

// end forgets the visit of the browser.
func (s *visits) end(w http.ResponseWriter, r *http.Request) {
	if c, err := r.Cookie(cookie); err == nil {
		s.mu.Lock()
		delete(s.byID, c.Value)
		s.mu.Unlock()
	}
	setCookie(w, "", -1)
}

func setCookie(w http.ResponseWriter, value string, maxAge int) {
	// Not Secure: the demo is served over plain http on loopback.
	http.SetCookie(w, &http.Cookie{
		Name: cookie, Value: value, Path: "/", MaxAge: maxAge, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// snapshot returns a copy to show. What it points at is replaced, never
// changed, as the visit goes on.
func (v *visit) snapshot() snapshot {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.shown
}

// update changes what is shown, in one step.
func (v *visit) update(change func(*snapshot)) {
	v.mu.Lock()
	defer v.mu.Unlock()
	change(&v.shown)
}

// note adds a request that was made to the provider.
func (v *visit) note(ex exchange) {
	if ex.Method == "" {
		return
	}
	v.update(func(s *snapshot) {
		s.Exchanges = append([]exchange{ex}, s.Exchanges[:min(len(s.Exchanges), maxExchanges-1)]...)
	})
}

// expect remembers a login that was begun, in place of another where there
// are too many.
func (v *visit) expect(state string, p pending) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for old := range v.pending {
		if len(v.pending) < maxPending {
			break
		}
		delete(v.pending, old)
	}
	if v.pending == nil {
		v.pending = map[string]pending{}
	}
	v.pending[state] = p
}

// expected returns the login that was begun with a state, once.
func (v *visit) expected(state string) (pending, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	p, ok := v.pending[state]
	delete(v.pending, state)
	return p, ok
}
