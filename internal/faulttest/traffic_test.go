package faulttest

import (
	"fmt"
	"net/http"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// How long the tests take.
var (
	slow = os.Getenv("AUTHSERVER_SLOW") == "1"
	full = os.Getenv("AUTHSERVER_FULL") == "1"
)

// by is one of three numbers.
func by[T any](short, longer, longest T) T {
	switch {
	case full:
		return longest
	case slow:
		return longer
	}
	return short
}

// Traffic is some clients that go on until they are stopped.
type traffic struct {
	*history
	nodes    []http.RoundTripper
	done     chan struct{}
	clients  sync.WaitGroup
	mu       sync.Mutex
	families []*family // of all clients, once they have stopped
}

// start has so many clients send requests.
func start(clients int, nodes ...http.RoundTripper) *traffic {
	t := &traffic{history: &history{}, nodes: nodes, done: make(chan struct{})}
	for range clients {
		t.clients.Go(t.run)
	}
	return t
}

func (t *traffic) run() {
	c := newClient(t.history, t.nodes...)
	var mine []*family
	for {
		select {
		case <-t.done:
			c.audit(mine)
			t.mu.Lock()
			defer t.mu.Unlock()
			t.families = append(t.families, mine...)
			return
		case <-time.After(time.Millisecond):
			c.act(&mine)
		}
	}
}

// end has each client ask after everything that it knows of, and returns when
// they have.
func (t *traffic) end() {
	close(t.done)
	t.clients.Wait()
}

// stop ends the traffic and fails the test for each violation.
func (t *traffic) stop(test *testing.T) {
	test.Helper()
	t.end()
	test.Log(t.history)
	for _, v := range t.violations(false) {
		test.Error(v)
	}
}

// A family is what a client knows of one authorization.
type family struct {
	subject    string
	code       string
	refresh    string
	access     []string
	asked      bool // to be revoked
	revoked    bool // acknowledged
	registered string
	dead       bool
}

var subjects atomic.Int64

// act does one of the things that clients do.
func (c *client) act(families *[]*family) {
	switch n := c.dice.IntN(100); {
	case n < 3:
		c.jwks()
		return
	case n < 6:
		id := fmt.Sprintf("client%d", subjects.Add(1))
		if c.register(id).outcome == ok {
			*families = append(*families, &family{registered: id})
		}
		return
	case n < 16 || len(*families) < 4:
		f := &family{subject: fmt.Sprintf("subject%d", subjects.Add(1))}
		if f.code = c.authorize(f.subject).code; f.code != "" {
			*families = append(*families, f)
		}
		return
	}
	i := c.dice.IntN(len(*families))
	c.continueWith((*families)[i])
	if (*families)[i].dead {
		*families = slices.Delete(*families, i, i+1)
	}
}

// continueWith does something with a family, as well-behaved clients do and
// now and then one that sends its code twice.
func (c *client) continueWith(f *family) {
	n := c.dice.IntN(100)
	switch {
	case f.registered != "":
		f.dead = c.useClient(f.registered).outcome != unknown && n < 20
	case f.refresh == "":
		c.exchange(f, n < 10)
	case f.revoked:
		c.mourn(f)
	case f.asked || n < 8:
		f.asked = true
		f.revoked = c.revoke(f.subject, f.refresh).outcome == ok
	case n < 30:
		c.introspect(f.subject, f.access[len(f.access)-1])
	default:
		sent := f.refresh
		f.keep(c.refresh(f.subject, sent))
		if n > 95 { // once more in good faith, as another tab does
			f.keep(c.refresh(f.subject, sent))
		}
	}
}

// exchange redeems the code, and again if that is what a client does whose
// answer was lost.
func (c *client) exchange(f *family, twice bool) {
	d := c.redeem(f.subject, f.code)
	if d.outcome == ok && !twice {
		f.keep(d)
		return
	}
	if d.outcome != refused {
		c.redeem(f.subject, f.code)
	}
	f.dead = true
}

// mourn makes sure that nothing lives of what was revoked.
func (c *client) mourn(f *family) {
	for _, token := range f.access {
		c.introspect(f.subject, token)
	}
	f.dead = c.refresh(f.subject, f.refresh).outcome == refused
}

// audit asks after everything that the client knows of.
func (c *client) audit(families []*family) {
	c.jwks()
	for _, f := range families {
		switch {
		case f.registered != "":
			c.useClient(f.registered)
		case f.refresh == "":
			c.redeem(f.subject, f.code)
		case f.revoked:
			c.mourn(f)
		default:
			c.introspect(f.subject, f.access[len(f.access)-1])
			c.refresh(f.subject, f.refresh)
		}
	}
}

// keep takes the tokens of an answer, if there are any.
func (f *family) keep(d deed) {
	switch {
	case d.outcome == ok && d.refresh != "":
		f.refresh = d.refresh
		f.access = append(f.access, d.access)
	case d.outcome == refused:
		f.dead = true
	}
}
