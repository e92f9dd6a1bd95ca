package faulttest

import (
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// A rule is one invariant, searched for in the deeds about one family or
// client in the order in which they began. It returns what breaks it.
type rule struct {
	name string
	// timeless rules hold however the clock jumps.
	timeless bool
	broken   func(deeds []deed) string
}

var rules = []rule{
	{"I1: nothing is accepted after its revocation was acknowledged", true, acceptedAfterRevocation},
	{"I2: a code is redeemed at most once", true, redeemedTwice},
	{"I2: a refresh token has one successor", true, twoSuccessors},
	{"I3: a client that behaved can go on", false, familyLost},
	{"I4: no acknowledged write is lost", false, writeLost},
	{"I6: trouble is a 503", true, wrongStatus},
	{"I7: each answer is about what was asked", true, crossTalk},
}

// violations are all breaches of the invariants, each with the history of
// what it is about.
func (h *history) violations(jumps bool) (found []string) {
	byFamily := make(map[string][]deed)
	for _, d := range h.deeds {
		byFamily[d.of] = append(byFamily[d.of], d)
	}
	for of, deeds := range byFamily {
		slices.SortFunc(deeds, func(a, b deed) int { return int(a.begin - b.begin) })
		for _, r := range rules {
			if jumps && !r.timeless {
				continue
			}
			if what := r.broken(deeds); what != "" {
				found = append(found, fmt.Sprintf("%s: %s\n%s", r.name, what, h.about(of)))
			}
		}
	}
	return found
}

func acceptedAfterRevocation(deeds []deed) string {
	acknowledged := int64(-1)
	for _, d := range deeds {
		if d.op == revoke && d.outcome == ok && (acknowledged < 0 || d.end < acknowledged) {
			acknowledged = d.end
		}
	}
	for _, d := range deeds {
		accepted := d.op == redeem || d.op == refresh || d.op == introspect && d.active
		if acknowledged >= 0 && d.begin > acknowledged && accepted && d.outcome == ok {
			return d.String()
		}
	}
	return ""
}

func redeemedTwice(deeds []deed) string {
	times := make(map[string]int)
	for _, d := range deeds {
		if d.op == redeem && d.outcome == ok {
			if times[d.sent]++; times[d.sent] > 1 {
				return d.String()
			}
		}
	}
	return ""
}

// twoSuccessors: the same token sent again in good faith has the same answer.
func twoSuccessors(deeds []deed) string {
	successor := make(map[string]string)
	for _, d := range deeds {
		if d.op != refresh || d.outcome != ok {
			continue
		}
		if before := successor[d.sent]; before != "" && before != d.refresh {
			return d.String()
		}
		successor[d.sent] = d.refresh
	}
	return ""
}

// ended reports whether something may have ended the family before a deed was
// answered: somebody revoked it, or sent its code again, which is proof of
// re-use.
func ended(deeds []deed, d deed) bool {
	codes := 0
	for _, other := range deeds {
		if other.begin > d.end {
			break
		}
		if other.op == redeem {
			codes++
		}
		if other.op == revoke || codes > 1 {
			return true
		}
	}
	return false
}

func familyLost(deeds []deed) string {
	for _, d := range deeds {
		if d.op == refresh && d.outcome == refused && !ended(deeds, d) {
			return d.String()
		}
	}
	return ""
}

// writeLost: a code that was given can be redeemed, an access token that was
// given is live until it has a successor, a client that was registered is
// known, a key that was published stays so.
func writeLost(deeds []deed) string {
	published := make(map[string]bool)
	for _, d := range deeds {
		lost := false
		switch d.op {
		case redeem: // the first time; a second is re-use
			lost = d.outcome == refused && !ended(deeds, d)
		case introspect:
			lost = d.outcome == ok && !d.active && !ended(deeds, d) && !superseded(deeds, d)
		case useClient:
			lost = d.outcome == refused
		case jwks:
			for _, kid := range d.keys {
				published[kid] = true
			}
			lost = d.outcome == ok && len(d.keys) < len(published)
		}
		if lost {
			return d.String()
		}
	}
	return ""
}

// superseded reports whether a refresh began, before a deed was answered, with
// the refresh token that its access token came with, or with a later one.
func superseded(deeds []deed, d deed) bool {
	given := int64(-1)
	for _, other := range deeds {
		if other.access == d.sent {
			given = other.begin
		}
		if given >= 0 && other.op == refresh && other.begin > given && other.begin < d.end {
			return true
		}
	}
	return false
}

func wrongStatus(deeds []deed) string {
	for _, d := range deeds {
		switch d.status {
		case 0, http.StatusOK, http.StatusSeeOther, http.StatusBadRequest, http.StatusServiceUnavailable:
		case http.StatusUnauthorized:
			if d.op != useClient {
				return d.String()
			}
		default:
			return d.String()
		}
	}
	return ""
}

func crossTalk(deeds []deed) string {
	for _, d := range deeds {
		if d.op == introspect && d.active && d.subject != d.of {
			return d.String()
		}
	}
	return ""
}

// TestRules plants one breach of each rule.
func TestRules(t *testing.T) {
	good := []deed{
		{op: authorize, outcome: ok, code: "c"},
		{op: redeem, sent: "c", outcome: ok, refresh: "r1", access: "a1"},
		{op: introspect, sent: "a1", outcome: ok, active: true},
		{op: refresh, sent: "r1", outcome: unknown},
		{op: introspect, sent: "a1", outcome: ok},
		{op: refresh, sent: "r1", outcome: ok, refresh: "r2", access: "a2"},
		{op: refresh, sent: "r1", outcome: ok, refresh: "r2", access: "a2"},
		{op: jwks, outcome: ok, keys: []string{"k1"}},
		{op: jwks, outcome: ok, keys: []string{"k1", "k2"}},
		{op: introspect, sent: "a2", outcome: unknown, status: http.StatusServiceUnavailable},
	}
	then := func(deeds ...deed) []deed { return slices.Concat(good, deeds) }
	revoked := deed{op: revoke, sent: "r2", outcome: ok}
	for name, tc := range map[string]struct {
		deeds []deed
		want  string
	}{
		"good":                    {good, ""},
		"revoked":                 {then(revoked, deed{op: introspect, sent: "a2", outcome: ok}, deed{op: refresh, sent: "r2", outcome: refused}), ""},
		"perhaps revoked":         {then(deed{op: revoke, sent: "r2", outcome: unknown}, deed{op: refresh, sent: "r2", outcome: refused}), ""},
		"code sent again":         {then(deed{op: redeem, sent: "c", outcome: refused}, deed{op: refresh, sent: "r2", outcome: refused}), ""},
		"active after revocation": {then(revoked, deed{op: introspect, sent: "a2", outcome: ok, active: true}), "I1"},
		"refresh after it":        {then(revoked, deed{op: refresh, sent: "r2", outcome: ok, refresh: "r3"}), "I1"},
		"second redemption":       {then(deed{op: redeem, sent: "c", outcome: ok, refresh: "r1", access: "a1"}), "I2: a code"},
		"second successor":        {then(deed{op: refresh, sent: "r1", outcome: ok, refresh: "r9"}), "I2: a refresh"},
		"family lost":             {then(deed{op: refresh, sent: "r2", outcome: refused}), "I3"},
		"code lost":               {[]deed{good[0], {op: redeem, sent: "c", outcome: refused}}, "I4"},
		"access lost":             {then(deed{op: introspect, sent: "a2", outcome: ok}), "I4"},
		"client lost":             {[]deed{{op: register, outcome: ok}, {op: useClient, outcome: refused}}, "I4"},
		"key lost":                {then(deed{op: jwks, outcome: ok, keys: []string{"k2"}}), "I4"},
		"another error":           {then(deed{op: refresh, sent: "r2", outcome: unknown, status: http.StatusInternalServerError}), "I6"},
		"another's":               {then(deed{op: introspect, sent: "a2", outcome: ok, active: true, subject: "bob"}), "I7"},
	} {
		t.Run(name, func(t *testing.T) {
			var h history
			for _, d := range tc.deeds {
				h.do(d, func(*deed) {})
			}
			found := h.violations(false)
			if tc.want == "" {
				require.Empty(t, found)
				return
			}
			require.Len(t, found, 1)
			require.Contains(t, found[0], tc.want)
		})
	}
}
