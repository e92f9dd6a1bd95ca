package grantstate_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	gs "github.com/seed36673005/authserver/internal/grantstate"
)

var (
	// One tick is inside the replay window of 30 s, two are outside.
	twoTicks = []time.Duration{0, 20 * time.Second, 40 * time.Second}
	oneTick  = []time.Duration{0, 20 * time.Second}

	tab      = party{honest: true, holds: 1, deaths: 1, requests: []request{{op: refreshN}, {op: refreshN}}}
	badLine  = party{honest: true, holds: 1, deaths: 3, requests: []request{{op: refreshN}, {op: refreshN}}}
	slowTab  = party{honest: true, holds: 1, deaths: 1, requests: []request{{op: refreshN}}}
	signIn   = party{honest: true, deaths: 1, requests: []request{{op: redeem}, {op: refreshN}}}
	operator = party{deaths: 1, requests: []request{{op: revoke}}}
)

// Scenarios that planted faults are looked for in.
const (
	twoTabs        = "two tabs, answers lost"
	twoTabsRevoked = "two tabs, revocation"
	lostWrites     = "two tabs, the store loses writes"
	stolenCode     = "sign-in, stolen code, revocation"
	twoDevices     = "two devices, approval"
	twoDeciders    = "a device asks twice, two people decide"
)

func thief(requests ...request) party { return party{deaths: 1, requests: requests} }

// withRefreshOnly keeps the record of the refresh scenarios small.
func withRefreshOnly() gs.State {
	s := withRefresh()
	s.Code = nil
	return s
}

func scenarios() []scenario {
	return []scenario{
		{name: twoTabs, start: withRefreshOnly(), times: twoTicks, parties: []party{tab, tab}},
		{name: "a client, a thief who goes on", start: withRefreshOnly(), times: twoTicks, parties: []party{
			tab, thief(request{op: refreshN, n: 1}, request{op: refreshN}),
		}},
		{
			name: "two tabs, replicas whose clocks are apart", start: withRefreshOnly(), parties: []party{tab, tab},
			times: []time.Duration{20 * time.Second, 0, 20 * time.Second, 40 * time.Second},
		},
		{name: twoTabsRevoked, start: withRefreshOnly(), times: oneTick, parties: []party{tab, slowTab, operator}},
		{name: "two tabs, many answers lost", start: withRefreshOnly(), times: twoTicks, parties: []party{badLine, badLine}},
		{name: lostWrites, start: withRefreshOnly(), times: twoTicks, lossy: true, parties: []party{
			tab, tab, {requests: []request{{op: failover}}},
		}},
		{name: stolenCode, start: withCode(), times: oneTick, parties: []party{
			signIn, thief(request{op: redeem}, request{op: refreshN}), operator,
		}},
		{name: twoDevices, start: withDevice(), times: twoTicks, parties: []party{
			{deaths: 1, requests: []request{{op: poll}, {op: poll}}},
			{requests: []request{{op: poll}, {op: poll}}},
			{requests: []request{{op: approve}}},
		}},
		{name: "sign-in, stolen first refresh token, revocation", start: withCode(), times: twoTicks, parties: []party{
			signIn, thief(request{op: refreshN, n: 1}), operator,
		}},
		{name: twoDeciders, start: withDevice(), times: twoTicks, parties: []party{
			{deaths: 1, requests: []request{{op: poll}, {op: poll}}},
			{deaths: 1, requests: []request{{op: approve}}},
			{requests: []request{{op: deny}}},
		}},
		{name: "three tabs, answers lost", start: withRefreshOnly(), times: twoTicks, parties: []party{tab, tab, slowTab}},
		{name: "a client, a thief with two old tokens, revocation", start: withRefreshOnly(), times: twoTicks, parties: []party{
			tab, {requests: []request{{op: refreshN, n: 1}, {op: refreshN, n: 2}}}, operator,
		}},
	}
}

// CX-12: every interleaving of redeeming, refreshing, asking again after a
// lost answer, replaying and revoking, with a crash before or after each
// storage call, keeps every promise.
func TestEverySchedule(t *testing.T) {
	var schedules uint64
	var worlds, steps int
	for _, sc := range scenarios() {
		e := explore(sc, serverRules())
		require.Empty(t, e.broken, sc.name)
		t.Logf("%-52s %19d schedules, %7d worlds, %7d steps, %3d records", sc.name, e.count, len(e.schedules), e.steps, len(e.states))
		schedules = plus(schedules, e.count)
		worlds += len(e.schedules)
		steps += e.steps
	}
	require.Less(t, schedules, uint64(math.MaxUint64), "more schedules than can be counted")
	t.Logf("%-52s %19d schedules, %7d worlds, %7d steps", "all", schedules, worlds, steps)
}

// The promises, as the model words them.
const (
	oneRedemption = "one redemption wins"
	oneRefresh    = "one refresh wins"
	onePoll       = "one poll wins, and none that was denied"
	oneDecision   = "one decision stands"
	notLoggedOut  = "no honest client is logged out inside the window"
	current       = "a recovery is answered with the current token"
	replayRefused = "a replay outside the window is refused"
	replayKills   = "a replay outside the window kills the family"
	deadIsDead    = "nothing lives after an acknowledged revocation"
	notUndone     = "a revocation is never undone"
	storedFirst   = "nothing is answered before it is stored"
)
