package faulttest

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed36673005/authserver/storage/memory"
)

// F-16: the clock jumps under the traffic. Each bubble begins at the same
// moment, so that bubbles one after another on one store are clocks that were
// set forward or back.
func TestClockJumps(t *testing.T) {
	const day = 24 * time.Hour
	store, all := memory.New(), &traffic{history: &history{}}
	for _, at := range []time.Duration{40 * day, 40*day + time.Hour, 40 * day, 70 * day, 40 * day, 10 * day} {
		synctest.Test(t, func(t *testing.T) {
			time.Sleep(at)
			n := nodeOn(t, store)
			// Those who had a token go on with it.
			newClient(all.history, n).audit(all.families)
			now := start(4, n)
			time.Sleep(by(300*time.Millisecond, 2*time.Second, 30*time.Second))
			now.end()
			all.families = append(all.families, now.families...)
			all.adopt(now.history)
		})
	}
	t.Log(all.history)
	for _, v := range all.violations(true) {
		t.Error(v)
	}
}

// adopt adds what was done in another history, after what is in this one.
func (h *history) adopt(other *history) {
	since := h.clock.Load()
	for _, d := range other.deeds {
		d.begin, d.end = d.begin+since, d.end+since
		h.deeds = append(h.deeds, d)
	}
	h.clock.Add(other.clock.Load())
}
