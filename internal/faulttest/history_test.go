package faulttest

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// The operations of clients.
const (
	authorize  = "authorize"
	redeem     = "redeem"
	refresh    = "refresh"
	revoke     = "revoke" // of the refresh token, and so of everything
	introspect = "introspect"
	register   = "register" // a client
	useClient  = "use client"
	jwks       = "jwks"
)

// An outcome is what a client knows of its request afterwards.
type outcome string

const (
	ok      outcome = "ok"
	refused outcome = "refused" // a 4xx
	unknown outcome = "unknown" // a 5xx, or no answer at all
)

// A deed is one request and what came of it.
type deed struct {
	op string
	// of is the family or the client that it is about.
	of string
	// sent is the code, token or secret in the request.
	sent string
	// begin and end order the deeds: one that ended before another began has
	// the smaller number.
	begin, end int64
	at, done   time.Time

	outcome outcome
	status  int    // 0: no answer
	detail  string // of what was not ok

	code, refresh, access string // given
	active                bool   // of introspect
	subject               string // of introspect
	keys                  []string
}

// String shows no more of a code or token than tells it from others.
func (d deed) String() string {
	s := fmt.Sprintf("%5d–%5d %s %s %s", d.begin, d.end, d.of, d.op, short(d.sent))
	s += fmt.Sprintf(" → %s (%d)", d.outcome, d.status)
	if d.op == introspect && d.outcome == ok {
		s += fmt.Sprintf(" active %v", d.active)
	}
	for _, given := range []string{d.code, d.refresh, d.access} {
		if given != "" {
			s += " " + short(given)
		}
	}
	return s + " " + d.detail
}

func short(token string) string { return "…" + token[max(0, len(token)-8):] }

// A history is what all clients did. Its methods may be called concurrently.
type history struct {
	clock atomic.Int64
	mu    sync.Mutex
	deeds []deed
}

// do writes a deed down around doing it.
func (h *history) do(d deed, do func(*deed)) deed {
	d.begin, d.at = h.clock.Add(1), time.Now()
	do(&d)
	d.end, d.done = h.clock.Add(1), time.Now()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.deeds = append(h.deeds, d)
	return d
}

// about are the deeds about one family or client, as they were done.
func (h *history) about(of string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var b strings.Builder
	for _, d := range h.deeds {
		if d.of == of {
			fmt.Fprintln(&b, d)
		}
	}
	return b.String()
}

// between are how many deeds began and ended in a span of time, by outcome.
func (h *history) between(from, to time.Time) map[outcome]int {
	h.mu.Lock()
	defer h.mu.Unlock()
	counts := make(map[outcome]int)
	for _, d := range h.deeds {
		if d.at.After(from) && d.done.Before(to) {
			counts[d.outcome]++
		}
	}
	return counts
}

// firstOK is when the first write succeeded that began after a time.
func (h *history) firstOK(from time.Time) (at time.Time, found bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, d := range h.deeds {
		if d.outcome == ok && d.at.After(from) && d.op != introspect && d.op != jwks && (!found || d.done.Before(at)) {
			at, found = d.done, true
		}
	}
	return at, found
}

// String tells how much was done.
func (h *history) String() string {
	c := h.between(time.Time{}, time.Now().Add(time.Hour))
	return fmt.Sprintf("%d requests: %d ok, %d refused, %d unknown", len(h.deeds), c[ok], c[refused], c[unknown])
}
