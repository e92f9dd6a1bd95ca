package grantstate_test

import (
	"fmt"
	"math"
	"math/bits"
	"slices"
	"time"

	gs "github.com/seed36673005/authserver/internal/grantstate"
)

// This file is a small model checker. A world is one record in a store with
// compare-and-swap, up to three parties that send requests about it, and the
// time. Every request is what the server makes of it: Get, decide, Replace,
// answer; run again on a conflict; and it may die before the Get, before the
// Replace, or after it, when the party asks again. explore follows every
// order in which all this can happen and checks the promises on the way.

// An op is what a request asks for.
type op uint8

const (
	redeem   op = iota // the code, by its client or by a thief with everything
	refreshN           // a refresh token: number n, or the one the party holds if n is 0
	revoke             // RFC 7009, or the operator
	poll               // device code
	approve
	deny
	failover // the store falls back to the record before the last write
)

type request struct {
	op op
	n  uint8
}

// A party sends requests one after the other.
type party struct {
	requests []request
	honest   bool  // holds its tokens as a client should, and must not be logged out
	holds    uint8 // refresh token number at the start
	deaths   uint8 // how many of its requests may die
}

// A scenario is where the parties start from, and the moments the clock shows.
type scenario struct {
	name    string
	start   gs.State
	times   []time.Duration
	parties []party
	// lossy says that the store may lose writes, so that only what is
	// promised then is checked.
	lossy bool
}

// Steps of a request.
const (
	ready uint8 = iota
	decided
	answered
)

const maxNumber = 12

// A progress is how far a party is. All of a world is comparable.
type progress struct {
	request, step, deaths, holds uint8
	out                          bool // was refused, and gave up

	version, decidedAt uint8
	verdict            gs.Verdict
	next               int16 // the State to store
	presented, answer  uint8
	stale              bool // what was presented was spent, and its window over
}

type world struct {
	record, before int16
	version, clock uint8
	parties        [3]progress
	past           past
}

// past is what has happened, kept apart from the record it is compared with.
type past struct {
	redeemed, polled uint8
	issued           uint8            // highest refresh token number ever stored
	spent            [maxNumber]uint8 // how often a number was succeeded
	spentAt          [maxNumber]uint8 // and when last
	revoked          bool             // a revocation was stored
	acknowledged     bool             // and one was answered with success
	approved, denied bool             // answered with success
}

// rules are what the server does. A planted fault changes one.
type rules struct {
	redeem  func(gs.State, time.Time) (gs.State, gs.Verdict)
	refresh func(gs.State, uint32, time.Time) (gs.State, gs.Verdict)
	recover func(s gs.State, presented uint32) uint32 // the number a recovery is answered with
	revoke  func(gs.State, time.Time) gs.State
	poll    func(gs.State, time.Time) (gs.State, gs.Verdict)
	decide  func(gs.State, gs.DeviceDecision, time.Time) (gs.State, bool)
	stores  func(op, gs.Verdict) bool // whether the decision is stored before the answer

	blind      bool // Replace ignores the version
	neverRerun bool // on a conflict the old decision is stored over the new record
}

func access(now time.Time) gs.AccessRequest {
	return gs.AccessRequest{ExpiresAt: now.Add(time.Hour), EndOthers: true}
}

// serverRules are this package's functions, put together as the endpoint does.
func serverRules() rules {
	return rules{
		redeem: func(s gs.State, now time.Time) (gs.State, gs.Verdict) {
			s, v := gs.RedeemCode(s, right, now)
			if v == gs.OK {
				s = gs.StartRefresh(s, policy.Idle, now)
				s, _ = gs.IssueAccess(s, access(now), now)
			}
			return s, v
		},
		refresh: func(s gs.State, seq uint32, now time.Time) (gs.State, gs.Verdict) {
			s, v := gs.UseRefresh(s, seq, policy, now)
			if v == gs.OK {
				s, _ = gs.IssueAccess(s, access(now), now)
			}
			return s, v
		},
		recover: func(s gs.State, _ uint32) uint32 { return s.Refresh.Seq },
		revoke:  gs.Revoke,
		poll: func(s gs.State, now time.Time) (gs.State, gs.Verdict) {
			s, v := gs.PollDevice(s, now)
			if v == gs.OK {
				s = gs.StartRefresh(s, policy.Idle, now)
			}
			return s, v
		},
		decide: gs.DecideDevice,
		stores: func(_ op, v gs.Verdict) bool { return v.Stores() },
	}
}

// An explorer walks one scenario. States are interned, so that a world is
// small and comparable.
type explorer struct {
	rules
	scenario
	until []string

	states    []gs.State
	ids       map[string]int16
	outcomes  map[question]outcome
	schedules map[world]uint64 // from here to an end
	trail     []string

	count  uint64              // of schedules
	steps  int                 // from world to world
	broken map[string][]string // promise to the first schedule that breaks it
}

// A question is a request as the pure functions see it, and an outcome their
// answer.
type question struct {
	record   int16
	op       op
	n, clock uint8
}

type outcome struct {
	next    int16
	verdict gs.Verdict
}

// explore follows every schedule and returns what it found. With promises in
// until it ends as soon as it has seen each of them broken.
func explore(sc scenario, r rules, until ...string) *explorer {
	e := &explorer{
		rules: r, scenario: sc, until: until, broken: map[string][]string{},
		ids: map[string]int16{}, outcomes: map[question]outcome{}, schedules: map[world]uint64{},
	}
	w := world{record: e.intern(sc.start)}
	w.before = w.record
	if sc.start.Refresh != nil {
		w.past.issued = uint8(sc.start.Refresh.Seq)
		w.past.redeemed = 1
	}
	for i, p := range sc.parties {
		w.parties[i].holds = p.holds
	}
	e.count = e.walk(w)
	return e
}

// walk counts the schedules from w on.
func (e *explorer) walk(w world) uint64 {
	if n, ok := e.schedules[w]; ok || e.seenEnough() {
		return n
	}
	var total uint64
	moved := false
	for i := range e.parties {
		for _, move := range []func(world, int) (string, world, string, bool){e.advance, e.die} {
			if label, next, promise, ok := move(w, i); ok {
				moved = true
				total = plus(total, e.follow(label, next, promise))
			}
		}
	}
	if int(w.clock)+1 < len(e.times) {
		moved = true
		next := w
		next.clock++
		total = plus(total, e.follow(fmt.Sprintf("it is %v", e.times[next.clock]), next, ""))
	}
	if !moved {
		total = 1
		e.check(e.brokenAtEnd(w))
	}
	e.schedules[w] = total
	return total
}

// follow walks on from next, unless the way there broke a promise.
func (e *explorer) follow(label string, next world, promise string) uint64 {
	e.steps++
	e.trail = append(e.trail, label)
	defer func() { e.trail = e.trail[:len(e.trail)-1] }()
	if promise == "" {
		promise = e.brokenAlways(next)
	}
	if !e.check(promise) {
		return 0
	}
	return e.walk(next)
}

// check keeps the first schedule that breaks a promise.
func (e *explorer) check(promise string) bool {
	if promise != "" && e.broken[promise] == nil {
		e.broken[promise] = slices.Clone(e.trail)
	}
	return promise == ""
}

func (e *explorer) seenEnough() bool {
	return len(e.until) > 0 && !slices.ContainsFunc(e.until, func(p string) bool { return e.broken[p] == nil })
}

// plus is a + b, or the greatest number when that is too much.
func plus(a, b uint64) uint64 {
	if sum, carry := bits.Add64(a, b, 0); carry == 0 {
		return sum
	}
	return math.MaxUint64
}
