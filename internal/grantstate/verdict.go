package grantstate

// Verdict is what a request comes to, and whether the State that came with it
// must be stored before the answer.
type Verdict int

// The verdicts.
const (
	OK        Verdict = iota // go on; the new State must be stored, or created
	Recovered                // an old refresh token inside its window: answer with the current one; nothing to store
	Refused                  // invalid_grant; nothing to store
	Reused                   // invalid_grant; the new State, which is revoked, must be stored
	Expired                  // past its lifetime: invalid_grant, of a device code expired_token; nothing to store
	Pending                  // authorization_pending; the new State must be stored
	TooFast                  // slow_down; the new State must be stored
	Denied                   // access_denied; nothing to store
)

var verdicts = [...]string{
	OK: "ok", Recovered: "recovered", Refused: "refused", Reused: "reused",
	Expired: "expired", Pending: "pending", TooFast: "too fast", Denied: "denied",
}

// String names the verdict, for events and test failures.
func (v Verdict) String() string {
	if v < 0 || int(v) >= len(verdicts) {
		return "unknown"
	}
	return verdicts[v]
}

// Stores reports whether the State that came with the verdict must be stored
// before the answer is written.
func (v Verdict) Stores() bool {
	switch v {
	case OK, Reused, Pending, TooFast:
		return true
	}
	return false
}
