package grantstate

import (
	"bytes"
	"encoding/json"
	"slices"
	"time"
)

// Version of the stored form.
const Version = 1

// State is one authorization. Its JSON is what a grant record holds. A State
// is a value: the functions of this package never change one they were given,
// nor what it points at.
type State struct {
	V         int      `json:"v"`
	GrantType string   `json:"gt"` // how it began: a grant_type, or implicit
	ClientID  string   `json:"ci"`
	Subject   string   `json:"su,omitempty"` // empty: the client for itself
	SessionID string   `json:"si,omitempty"`
	Scopes    []string `json:"sc,omitempty"` // granted
	Resources []string `json:"re,omitempty"` // granted (RFC 8707)

	Authn Authentication `json:"au,omitzero"`

	CreatedAt Millis `json:"ca"`
	// EndsAt is the absolute end, after which nothing can be refreshed. Zero
	// is a time long past.
	EndsAt    Millis `json:"ea"`
	RevokedAt Millis `json:"ra,omitempty"`
	// KeepUntil is how long the record must stay at least. What is created
	// under a derived key, as by an interaction, must outlive what it was
	// derived from, or it could be created a second time. Zero asks nothing.
	KeepUntil Millis `json:"ku,omitempty"`

	Code    *Code    `json:"co,omitempty"`
	Device  *Device  `json:"de,omitempty"`
	Refresh *Refresh `json:"rf,omitempty"`

	// AccessSeq is the number of the last access token that was issued.
	AccessSeq uint32 `json:"as,omitempty"`
	// Access are the access tokens that live, oldest first, at most MaxAccess.
	Access []Access `json:"ac,omitempty"`
}

// Millis is a time in Unix milliseconds; zero is no time.
type Millis int64

// At is t as Millis; the zero time is zero.
func At(t time.Time) Millis {
	if t.IsZero() {
		return 0
	}
	return Millis(t.UnixMilli())
}

// Time is m as a time in UTC; zero is the zero time.
func (m Millis) Time() time.Time {
	if m == 0 {
		return time.Time{}
	}
	return time.UnixMilli(int64(m)).UTC()
}

// Authentication is how and when the end user proved who they are, and what
// the request asked to be told of it in ID tokens.
type Authentication struct {
	Time  Millis   `json:"t,omitempty"`
	ACR   string   `json:"c,omitempty"`
	AMR   []string `json:"m,omitempty"`
	Nonce string   `json:"n,omitempty"`
	// Claims is the claims request parameter (OpenID Connect Core §5.5).
	Claims json.RawMessage `json:"q,omitempty"`
	// WantTime says that the request asked for auth_time by max_age or by the
	// claims parameter.
	WantTime bool `json:"w,omitempty"`
}

// IsZero reports whether there is nothing to be stored; an empty list is none.
func (a Authentication) IsZero() bool {
	return a.Time == 0 && a.ACR == "" && len(a.AMR) == 0 && a.Nonce == "" && len(a.Claims) == 0 && !a.WantTime
}

// Code is the state of an authorization code.
type Code struct {
	ExpiresAt    Millis `json:"e"`
	RedirectURI  string `json:"r,omitempty"` // the effective one
	RedirectSent bool   `json:"s,omitempty"` // whether the request named it
	Challenge    string `json:"c,omitempty"` // S256
	UsedAt       Millis `json:"u,omitempty"`
}

// Device is the state of a device authorization (RFC 8628).
type Device struct {
	ExpiresAt Millis         `json:"e"`
	Decision  DeviceDecision `json:"d,omitempty"`
	Interval  Millis         `json:"i"`           // least time between polls; grows by slow_down
	PolledAt  Millis         `json:"p,omitempty"` // last poll
	UsedAt    Millis         `json:"u,omitempty"`
	// From is the network address that asked, for the end user to recognise.
	From string `json:"f,omitempty"`
}

// DeviceDecision is what the end user said.
type DeviceDecision string

// The decisions.
const (
	DevicePending  DeviceDecision = ""
	DeviceApproved DeviceDecision = "approved"
	DeviceDenied   DeviceDecision = "denied"
)

// Refresh is the refresh chain. Token n's successor is n+1, derived and not
// stored; the record holds only the newest number.
type Refresh struct {
	Seq       uint32 `json:"n"` // the current number; the first token is 1
	ExpiresAt Millis `json:"e"` // idle end of the current token
	// Rotated are the numbers that may still be recovered: those rotated
	// inside the replay window, oldest first, at most MaxRecoverable.
	Rotated []Rotation `json:"o,omitempty"`
}

// Rotation is when number Seq was replaced by its successor.
type Rotation struct {
	Seq uint32 `json:"n"`
	At  Millis `json:"t"`
}

// Access is one live access token.
type Access struct {
	Seq       uint32 `json:"n"`
	IssuedAt  Millis `json:"i"`
	ExpiresAt Millis `json:"e"`
	// Scopes and Resources, where narrower than the authorization's.
	Scopes    []string `json:"s,omitempty"`
	Resources []string `json:"r,omitempty"`
	// Narrowed says that Scopes holds, even if it is empty.
	Narrowed bool `json:"w,omitempty"`
}

// Revoked reports whether the authorization and all that descends from it is
// dead.
func (s *State) Revoked() bool { return s.RevokedAt != 0 }

// Clone returns a copy that shares nothing with s, for a caller that changes
// a State by hand. The functions of this package need none: they replace what
// they change and leave the State they were given as it was.
func (s *State) Clone() State {
	c := *s
	c.Scopes = slices.Clone(s.Scopes)
	c.Resources = slices.Clone(s.Resources)
	c.Authn.AMR = slices.Clone(s.Authn.AMR)
	c.Authn.Claims = bytes.Clone(s.Authn.Claims)
	c.Code = clonePointer(s.Code)
	c.Device = clonePointer(s.Device)
	if c.Refresh = clonePointer(s.Refresh); c.Refresh != nil {
		c.Refresh.Rotated = slices.Clone(s.Refresh.Rotated)
	}
	c.Access = slices.Clone(s.Access)
	for i := range c.Access {
		c.Access[i].Scopes = slices.Clone(c.Access[i].Scopes)
		c.Access[i].Resources = slices.Clone(c.Access[i].Resources)
	}
	return c
}

func clonePointer[T any](p *T) *T {
	if p == nil {
		return nil
	}
	v := *p
	return &v
}

// Limits of the lists in a State, so that a record stays small.
const (
	MaxRecoverable = 16
	MaxAccess      = 32
)
