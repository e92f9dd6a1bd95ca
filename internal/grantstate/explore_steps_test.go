package grantstate_test

import (
	"fmt"
	"time"

	gs "github.com/seed36673005/authserver/internal/grantstate"
)

// advance takes the next step of party i.
func (e *explorer) advance(w world, i int) (label string, next world, promise string, ok bool) {
	p := &w.parties[i]
	if p.out || int(p.request) == len(e.parties[i].requests) {
		return "", w, "", false
	}
	number, q := p.request, e.parties[i].requests[p.request]
	switch {
	case q.op == failover:
		label, ok = "the store falls back", e.failover(&w, p)
	case p.step == ready:
		label = "reads"
		promise, ok = e.get(&w, i, q)
	case p.step == decided:
		label, ok = "stores", true
		promise = e.replace(&w, i, q)
	default:
		label, ok = "is answered", true
		promise = e.answer(&w, i, q)
	}
	return fmt.Sprintf("party %d, request %d: %s", i, number, label), w, promise, ok
}

// die ends a request of party i without an answer; the party asks again.
func (e *explorer) die(w world, i int) (label string, next world, promise string, ok bool) {
	p := &w.parties[i]
	if p.out || int(p.request) == len(e.parties[i].requests) || p.deaths == e.parties[i].deaths ||
		e.parties[i].requests[p.request].op == failover {
		return "", w, "", false
	}
	label = fmt.Sprintf("party %d, request %d: dies after step %d", i, p.request, p.step)
	*p = progress{request: p.request, deaths: p.deaths + 1, holds: p.holds}
	return label, w, "", true
}

func (e *explorer) failover(w *world, p *progress) bool {
	p.request++
	w.record = w.before
	w.version++
	w.past.revoked = e.states[w.record].Revoked()
	return true
}

// get reads the record and decides.
func (e *explorer) get(w *world, i int, q request) (promise string, ok bool) {
	p := &w.parties[i]
	p.presented = q.n
	if q.op == refreshN && q.n == 0 {
		p.presented = p.holds
	}
	if q.op == refreshN && (p.presented == 0 || p.presented > w.past.issued) {
		return "", false // there is no such token yet
	}
	d := e.ask(w.record, q.op, p.presented, w.clock)
	p.version, p.decidedAt, p.verdict, p.next = w.version, w.clock, d.verdict, d.next
	spent := e.spent(w, q.op, p.presented)
	p.stale = spent && !w.past.revoked && !e.lossy
	p.step = decided
	if !e.stores(q.op, d.verdict) {
		p.step = answered
	}
	state := e.states[d.next]
	switch {
	case q.op == refreshN && d.verdict == gs.Recovered:
		p.answer = uint8(e.recover(state, uint32(p.presented)))
		if uint32(p.answer) != state.Refresh.Seq {
			return current, true
		}
	case d.verdict == gs.OK && state.Refresh != nil:
		p.answer = uint8(state.Refresh.Seq)
	}
	good := d.verdict == gs.OK || d.verdict == gs.Recovered
	switch {
	case p.stale && good:
		return replayRefused, true
	case e.parties[i].honest && q.op == refreshN && !spent && !w.past.revoked && !good:
		return notLoggedOut, true
	}
	return "", true
}

// spent reports whether what is presented was used up, and its window is over.
func (e *explorer) spent(w *world, o op, n uint8) bool {
	switch o {
	case redeem:
		return w.past.redeemed > 0
	case poll:
		return w.past.polled > 0
	case refreshN:
		return w.past.spent[n] > 0 && e.times[w.clock]-e.times[w.past.spentAt[n]] >= policy.Window
	}
	return false
}

// replace stores the decision, or starts again on a conflict.
func (e *explorer) replace(w *world, i int, q request) (promise string) {
	p := &w.parties[i]
	if p.version != w.version && !e.blind {
		if !e.neverRerun {
			*p = progress{request: p.request, deaths: p.deaths, holds: p.holds}
			return ""
		}
		p.version = w.version
	}
	old, stored := e.states[w.record], e.states[p.next]
	w.before, w.record = w.record, p.next
	w.version++
	p.step = answered
	if w.past.revoked && !stored.Revoked() {
		return notUndone
	}
	w.past.revoked = stored.Revoked()
	if p.verdict != gs.OK {
		return ""
	}
	return e.won(w, p, q, old, stored)
}

// won notes down what a request used up, and wants it to be the only one.
func (e *explorer) won(w *world, p *progress, q request, old, stored gs.State) string {
	switch h := &w.past; q.op {
	case redeem:
		h.redeemed++
		h.issued = max(h.issued, 1)
		if h.redeemed > 1 {
			return oneRedemption
		}
	case poll:
		h.polled++
		if h.polled > 1 || h.denied {
			return onePoll
		}
	case refreshN:
		last := max(uint32(p.presented), stored.Refresh.Seq-1)
		for n := min(old.Refresh.Seq, uint32(p.presented)); n <= last; n++ {
			h.spent[n]++
			h.spentAt[n] = p.decidedAt
			if h.spent[n] > 1 && !e.lossy {
				return oneRefresh
			}
		}
		h.issued = max(h.issued, uint8(stored.Refresh.Seq))
	}
	return ""
}

// answer tells the party what came of it.
func (e *explorer) answer(w *world, i int, q request) (promise string) {
	p := &w.parties[i]
	good := p.verdict == gs.OK || p.verdict == gs.Recovered
	record := e.states[w.record]
	switch {
	case p.stale && !record.Revoked():
		promise = replayKills
	case good && p.answer > w.past.issued && (q.op == redeem || q.op == refreshN):
		promise = storedFirst
	case q.op == revoke:
		w.past.acknowledged = true
	case good && (q.op == approve || q.op == deny):
		w.past.approved = w.past.approved || q.op == approve
		w.past.denied = w.past.denied || q.op == deny
		if w.past.approved && w.past.denied {
			promise = oneDecision
		}
	}
	holds := p.holds
	if good && (q.op == redeem || q.op == refreshN) {
		holds = p.answer
	}
	out := !good && (q.op == redeem || q.op == refreshN)
	*p = progress{request: p.request + 1, deaths: p.deaths, holds: holds, out: out}
	return promise
}

// brokenAlways checks what must hold always: after an acknowledged revocation
// nothing lives, and nothing can come to life.
func (e *explorer) brokenAlways(w world) string {
	if !w.past.acknowledged {
		return ""
	}
	s, now := e.states[w.record], at(e.times[w.clock])
	alive := !s.Revoked() || s.LiveRefresh(maxNumber, now)
	for seq := range s.AccessSeq + 2 {
		_, live := s.LiveAccess(seq, now)
		alive = alive || live || e.ask(w.record, refreshN, uint8(seq), w.clock).verdict == gs.OK
	}
	if alive || e.ask(w.record, redeem, 0, w.clock).verdict == gs.OK {
		return deadIsDead
	}
	return ""
}

// brokenAtEnd checks that an honest client can go on, if it asks soon enough.
func (e *explorer) brokenAtEnd(w world) string {
	for i, p := range w.parties[:len(e.parties)] {
		if !e.parties[i].honest || p.holds == 0 || w.past.revoked || e.spent(&w, refreshN, p.holds) {
			continue
		}
		if v := e.ask(w.record, refreshN, p.holds, w.clock).verdict; v != gs.OK && v != gs.Recovered {
			return notLoggedOut
		}
	}
	return ""
}

// ask is the pure decision on a record at a moment.
func (e *explorer) ask(record int16, o op, n, clock uint8) outcome {
	q := question{record, o, n, clock}
	if d, ok := e.outcomes[q]; ok {
		return d
	}
	s, v := e.apply(e.states[record], o, n, at(e.times[clock]))
	d := outcome{e.intern(s), v}
	e.outcomes[q] = d
	return d
}

func (e *explorer) apply(s gs.State, o op, n uint8, now time.Time) (gs.State, gs.Verdict) {
	decide := func(d gs.DeviceDecision) (gs.State, gs.Verdict) {
		if s, ok := e.decide(s, d, now); ok {
			return s, gs.OK
		}
		return s, gs.Refused
	}
	switch o {
	case redeem:
		return e.redeem(s, now)
	case refreshN:
		return e.refresh(s, uint32(n), now)
	case revoke:
		return e.revoke(s, now), gs.OK
	case poll:
		return e.poll(s, now)
	case approve:
		return decide(gs.DeviceApproved)
	}
	return decide(gs.DeviceDenied)
}

func (e *explorer) intern(s gs.State) int16 {
	b, err := gs.Encode(s)
	if err != nil {
		panic(err)
	}
	id, ok := e.ids[string(b)]
	if !ok {
		id = int16(len(e.states))
		if id < 0 {
			panic("too many records")
		}
		e.ids[string(b)] = id
		e.states = append(e.states, s)
	}
	return id
}
