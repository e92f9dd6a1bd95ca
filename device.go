package authserver

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/seed36673005/authserver/internal/engine"
	"github.com/seed36673005/authserver/internal/grantstate"
	"github.com/seed36673005/authserver/internal/limit"
	"github.com/seed36673005/authserver/internal/token"
	"github.com/seed36673005/authserver/internal/wire"
	"github.com/seed36673005/authserver/keys"
	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage"
)

// userCodeGuesses is how many wrong user codes an address may try. With 20^8
// codes, and as many as a million of them waiting, five tries in ten minutes
// hit one with a chance of 2^-12; with a thousand waiting, of 2^-22.
var userCodeGuesses = limit.Limit{Max: 5, Window: 10 * time.Minute}

// deviceResponse is the answer of RFC 8628 §3.2.
type deviceResponse struct {
	DeviceCode              string `json:"device_code"`
	UserCode                string `json:"user_code"`
	VerificationURI         string `json:"verification_uri"`
	VerificationURIComplete string `json:"verification_uri_complete"`
	ExpiresIn               int64  `json:"expires_in"`
	Interval                int64  `json:"interval"`
}

// serveDevice is the device authorization endpoint (RFC 8628 §3.1).
func (s *Server) serveDevice(w http.ResponseWriter, r *http.Request) {
	t := &tokenRequest{ev: &Event{Type: EventDevice}, now: time.Now(), http: r, grantType: oauth.GrantTypeDeviceCode}
	answer, err := s.startDevice(w, r, t)
	if err != nil {
		s.errorJSON(w, r, t.ev, err, s.challenge)
		return
	}
	s.record(r.Context(), t.ev, nil)
	wire.JSON(w, http.StatusOK, answer)
}

func (s *Server) startDevice(w http.ResponseWriter, r *http.Request, t *tokenRequest) (answer deviceResponse, err error) {
	form, refused := wire.Form(w, r, wire.DefaultLimits, "resource", "audience")
	if refused != nil {
		return answer, refused
	}
	t.form = form
	if t.client, err = s.authenticate(w, r, form, t.ev); err != nil {
		return answer, err
	}
	if !t.client.MayUse(t.grantType) {
		return answer, oauth.E(oauth.UnauthorizedClient, "the client is not registered for the device authorization grant")
	}
	if t.keys, err = s.keys(r.Context()); err != nil {
		return answer, err
	}
	scopes, refused := s.requestedScopes(t.client, form.Get("scope"))
	if refused != nil {
		return answer, refused
	}
	st, err := s.newGrant(t, "", scopes)
	if err != nil {
		return answer, err
	}
	return s.createDevice(r.Context(), t, st)
}

// createDevice stores the authorization that waits, and the alias by which its
// user code finds it. A code that is taken is drawn anew.
func (s *Server) createDevice(ctx context.Context, t *tokenRequest, st grantstate.State) (answer deviceResponse, err error) {
	secret, err := token.NewSecret()
	if err != nil {
		return answer, unavailable(err)
	}
	life, interval := s.offer.device.LifetimeOrDefault(), s.offer.device.IntervalOrDefault()
	st.Device = &grantstate.Device{
		ExpiresAt: grantstate.At(t.now.Add(life)), Interval: grantstate.Millis(interval.Milliseconds()),
		From: addressOf(t.http, s.cfg.TrustedProxies),
	}
	a := s.authorization(t, secret, st)
	userCode, err := s.alias(ctx, t, a.GrantID, t.now.Add(life))
	if err != nil {
		return answer, err
	}
	if err := s.create(ctx, a); err != nil {
		return answer, unavailable(err)
	}
	t.ev.GrantID = a.GrantID
	return deviceResponse{
		DeviceCode:      s.tokens.Make(t.keys.TokenKey(), token.Token{Kind: token.Device, Secret: secret}),
		UserCode:        userCode,
		VerificationURI: s.verificationURI(), VerificationURIComplete: withUserCode(s.verificationURI(), userCode),
		ExpiresIn: int64(life / time.Second), Interval: int64(interval / time.Second),
	}, nil
}

// addressOf is the network address of a request, or empty.
func addressOf(r *http.Request, trusted []netip.Prefix) string {
	addr := limit.ClientAddr(r, trusted)
	if !addr.IsValid() {
		return ""
	}
	return addr.Unmap().String()
}

// deviceAlias is what a user code finds.
type deviceAlias struct {
	V       int    `json:"v"`
	GrantID string `json:"gi"`
}

// newUserCode draws user codes; a test replaces it to force a collision.
var newUserCode = token.NewUserCode

// alias draws a user code and stores what it finds.
func (s *Server) alias(ctx context.Context, t *tokenRequest, grantID string, end time.Time) (string, error) {
	data, err := json.Marshal(deviceAlias{V: 1, GrantID: grantID})
	if err != nil {
		return "", unavailable(err)
	}
	for range 5 {
		userCode, err := newUserCode()
		if err != nil {
			return "", unavailable(err)
		}
		_, err = s.cfg.Storage.Create(ctx, storage.Record{
			Kind: storage.KindAlias, Key: aliasKey(t.keys, userCode), ClientID: t.client.ID, ExpiresAt: end, Data: data,
		})
		if err == nil {
			return userCode, nil
		}
		if !errors.Is(err, storage.ErrExists) {
			return "", unavailable(err)
		}
	}
	return "", unavailable(storage.ErrExists)
}

// aliasKey is what a user code is kept under: it is short, so a plain digest
// of it could be searched for.
func aliasKey(set *keys.Set, userCode string) string {
	key := set.Derive("user code")
	mac := hmac.New(sha256.New, key[:])
	mac.Write([]byte(userCode))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func (s *Server) verificationURI() string {
	if s.offer.device.VerificationURI != "" {
		return s.offer.device.VerificationURI
	}
	return s.url(pathVerify)
}

func withUserCode(uri, userCode string) string {
	u, err := url.Parse(uri)
	if err != nil {
		return uri
	}
	q := u.Query()
	q.Set("user_code", userCode)
	u.RawQuery = q.Encode()
	return u.String()
}

// DeviceRequest finds the device authorization of a user code, as typed by a
// person (RFC 8628 §3.3), for the browser r came from. The ID of what it
// returns is for Approve and Deny in this browser. It returns ErrNoRequest
// alike for a code that is unknown, expired or used, and ErrThrottled after
// too many of those.
func (s *Server) DeviceRequest(w http.ResponseWriter, r *http.Request, userCode string) (*AuthorizationRequest, error) {
	if s.offer.device == nil {
		return nil, ErrNoRequest
	}
	ev := &Event{Type: EventUserCode}
	address := limit.AddrKey(limit.ClientAddr(r, s.cfg.TrustedProxies))
	if ok, _ := s.userCodes.Take(address); !ok {
		ev.Rule = "too many wrong user codes"
		_ = s.refused(r.Context(), ev, oauth.E(oauth.AccessDenied, ev.Rule))
		return nil, ErrThrottled
	}
	req, err := s.findDevice(w, r, ev, userCode)
	if !errors.Is(err, ErrNoRequest) {
		s.userCodes.Forgive(address)
	}
	switch {
	case errors.Is(err, ErrNoRequest):
		_ = s.refused(r.Context(), ev, errUserCode.Because(err))
		return nil, err
	case err != nil:
		_ = s.refused(r.Context(), ev, err)
		return nil, err
	}
	s.record(r.Context(), ev, nil)
	return req, nil
}

var errUserCode = oauth.E(oauth.AccessDenied, "user_code: expected one that is not used or expired")

// findDevice loads the waiting authorization and begins an interaction for it.
func (s *Server) findDevice(w http.ResponseWriter, r *http.Request, ev *Event, typed string) (*AuthorizationRequest, error) {
	ctx := r.Context()
	userCode, ok := token.NormalizeUserCode(typed)
	if !ok {
		return nil, ErrNoRequest
	}
	grantID, st, err := s.deviceOf(ctx, userCode)
	if err != nil {
		return nil, err
	}
	ev.ClientID, ev.GrantID = st.ClientID, grantID
	c, err := s.client(ctx, st.ClientID)
	if errors.Is(err, storage.ErrNotFound) || (err == nil && !serves(c)) {
		return nil, ErrNoRequest
	}
	if err != nil {
		return nil, unavailable(err)
	}
	id := newInteractionID()
	in := &interaction{
		V: interactionVersion, ClientID: st.ClientID, At: st.CreatedAt, Opened: grantstate.At(time.Now()),
		Resources: st.Resources, GrantID: grantID, UserCode: veil(id, []byte(userCode)), From: st.Device.From,
	}
	in.Request.Scopes = st.Scopes
	if err := s.save(ctx, w, r, id, in); err != nil {
		return nil, unavailable(err)
	}
	return in.view(s, c, id), nil
}

// deviceOf is the authorization that a user code finds, while it waits.
func (s *Server) deviceOf(ctx context.Context, userCode string) (string, grantstate.State, error) {
	var st grantstate.State
	set, err := s.keys(ctx)
	if err != nil {
		return "", st, err
	}
	rec, err := s.cfg.Storage.Get(ctx, storage.KindAlias, aliasKey(set, userCode))
	if err != nil {
		return "", st, missing(err)
	}
	var alias deviceAlias
	if err := json.Unmarshal(rec.Data, &alias); err != nil {
		return "", st, unavailable(err)
	}
	rec, err = s.cfg.Storage.Get(ctx, storage.KindGrant, alias.GrantID)
	if err != nil {
		return "", st, missing(err)
	}
	if st, err = grantstate.Decode(rec.Data); err != nil {
		return "", st, unavailable(err)
	}
	if _, waits := grantstate.DecideDevice(st, grantstate.DeviceDenied, time.Now()); !waits {
		return "", st, ErrNoRequest
	}
	return alias.GrantID, st, nil
}

func missing(err error) error {
	if errors.Is(err, storage.ErrNotFound) {
		return ErrNoRequest
	}
	return unavailable(err)
}

// approveDevice stores an end user's agreement to a device's request.
func (s *Server) approveDevice(w http.ResponseWriter, r *http.Request, ev *Event, id string, in *interaction, a Approval) bool {
	return s.decideDevice(w, r, ev, id, in, func(st grantstate.State, now time.Time) (grantstate.State, bool) {
		next, ok := grantstate.DecideDevice(st, grantstate.DeviceApproved, now)
		if !ok {
			return st, false
		}
		next.Subject = a.Subject
		if a.Scopes != nil {
			next.Scopes = a.Scopes
		}
		next.Authn = grantstate.Authentication{Time: grantstate.At(a.AuthTime), ACR: a.ACR, AMR: a.AMR}
		if a.Session != nil {
			next.SessionID = a.Session.ID
		}
		return next, true
	})
}

func (s *Server) denyDevice(w http.ResponseWriter, r *http.Request, ev *Event, id string, in *interaction) bool {
	return s.decideDevice(w, r, ev, id, in, func(st grantstate.State, now time.Time) (grantstate.State, bool) {
		return grantstate.DecideDevice(st, grantstate.DeviceDenied, now)
	})
}

// decideDevice stores a decision; of two that meet, one is too late.
func (s *Server) decideDevice(w http.ResponseWriter, r *http.Request, ev *Event, id string, in *interaction, decide func(grantstate.State, time.Time) (grantstate.State, bool)) bool {
	ev.GrantID = in.GrantID
	err := s.amend(r.Context(), in.GrantID, func(st grantstate.State, now time.Time) (grantstate.State, bool, error) {
		next, ok := decide(st, now)
		if !ok {
			return st, false, errAnswered
		}
		return next, true, nil
	})
	if err != nil {
		if errors.Is(err, errNoGrant) {
			err = errAnswered.Because(err)
		}
		s.errorPage(w, r, ev, err)
		return false
	}
	s.forget(r.Context(), id)
	s.record(r.Context(), ev, nil)
	return true
}

var errDeviceCode = oauth.E(oauth.InvalidGrant, "device_code: expected one that was given to this client and is not used")

// deviceRefusals are the answers of RFC 8628 §3.5.
var deviceRefusals = map[grantstate.Verdict]*oauth.Error{
	grantstate.Pending: oauth.E(oauth.AuthorizationPending, "the end user has not decided yet"),
	grantstate.TooFast: oauth.E(oauth.SlowDown, "the interval between polls is 5 seconds longer from now on"),
	grantstate.Denied:  oauth.E(oauth.AccessDenied, "the end user refused"),
	grantstate.Expired: oauth.E(oauth.ExpiredToken, "the device_code has expired"),
}

// redeemDevice exchanges a device code (RFC 8628 §3.4).
func (s *Server) redeemDevice() exchange {
	return s.redeem(redemption{
		kind: token.Device, param: "device_code",
		missing: oauth.E(oauth.InvalidRequest, "device_code: required (RFC 8628 section 3.4)"),
		invalid: errDeviceCode,
		// What the codec proved was ours is expired for ever.
		gone: deviceRefusals[grantstate.Expired],
		judge: func(_ *tokenRequest, _ token.Token, st grantstate.State, now time.Time) (grantstate.State, grantstate.Verdict) {
			return grantstate.PollDevice(st, now)
		},
		refuse: refusalOf,
		prepare: func(t *tokenRequest, a *engine.Authorization, _ grantstate.Verdict) error {
			a.Refresh = s.mayRefresh(t.client, a.State.Scopes)
			return narrow(t, a, false)
		},
	})
}

func refusalOf(verdict grantstate.Verdict) *oauth.Error {
	if refusal, ok := deviceRefusals[verdict]; ok {
		return refusal
	}
	return errDeviceCode
}
