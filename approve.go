package authserver

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/seed36673005/authserver/internal/engine"
	"github.com/seed36673005/authserver/internal/grantstate"
	"github.com/seed36673005/authserver/internal/token"
	"github.com/seed36673005/authserver/internal/wire"
	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage"
)

// AuthorizationRequest returns the request with that id that waits in the
// browser r came from, or ErrNoRequest.
func (s *Server) AuthorizationRequest(r *http.Request, id string) (*AuthorizationRequest, error) {
	in, c, err := s.waiting(r, id)
	if err != nil {
		return nil, err
	}
	return in.view(s, c, id), nil
}

// waiting is the interaction of that id and its client, while both are live.
func (s *Server) waiting(r *http.Request, id string) (*interaction, *oauth.Client, error) {
	in, err := s.load(r, id)
	if err != nil {
		return nil, nil, err
	}
	if s.expired(in, time.Now()) {
		return nil, nil, ErrNoRequest
	}
	if p := pendingOf(r.Context()); p != nil && p.id == id {
		return in, p.c, nil
	}
	c, err := s.client(r.Context(), in.ClientID)
	if errors.Is(err, storage.ErrNotFound) || (err == nil && !serves(c)) {
		return nil, nil, ErrNoRequest
	}
	if err != nil {
		return nil, nil, unavailable(err)
	}
	return in, c, nil
}

// errAnswered is shown for a request that does not wait in this browser.
var errAnswered = oauth.E(oauth.InvalidRequest, "this request was already answered, has expired, or was begun in another browser").
	WithStatus(http.StatusBadRequest)

// Approve answers the authorization request with that id: it stores the
// authorization and sends the browser back to the client. A request is
// answered once; a second answer, an approval that the request does not
// allow, and trouble in storage end on the error page or at the client, as
// the specifications say. ok says that the approval was stored. For a device
// nothing is written then: the caller shows the page that ends it.
func (s *Server) Approve(w http.ResponseWriter, r *http.Request, id string, a Approval) (ok bool) {
	ev := &Event{Type: EventApproved}
	in, c, err := s.waiting(r, id)
	w = answering(w, r, id)
	if err != nil {
		s.errorPage(w, r, ev, noRequest(err))
		return false
	}
	ev.ClientID = c.ID
	authn, err := s.accept(r.Context(), c, in, a.facts())
	if err != nil {
		s.refuseDecision(w, r, ev, in, err)
		return false
	}
	ev.Subject = authn.Subject
	if in.device() {
		return s.approveDevice(w, r, ev, id, in, authn)
	}
	return s.approve(w, r, ev, id, c, in, authn)
}

// approve makes and stores what the client asked for, and sends it.
func (s *Server) approve(w http.ResponseWriter, r *http.Request, ev *Event, id string, c *oauth.Client, in *interaction, a Approval) bool {
	ctx := r.Context()
	auth, params, err := s.authorize(ctx, id, c, in, a)
	if err != nil {
		s.answerError(w, r, ev, in, err)
		return false
	}
	ev.GrantID = auth.GrantID
	if auth.State.Code != nil || len(auth.State.Access) > 0 {
		err = s.create(ctx, auth)
	}
	switch {
	case errors.Is(err, storage.ErrExists):
		s.errorPage(w, r, ev, errAnswered)
		return false
	case err != nil:
		s.answerError(w, r, ev, in, unavailable(err))
		return false
	}
	if a.Remember {
		s.remember(ctx, c, a.Subject, auth.State.Scopes)
	}
	s.forget(ctx, id)
	s.record(ctx, ev, nil)
	to := wire.AuthorizationResponse{RedirectURI: in.Request.RedirectURI, Mode: in.Mode, Params: params}
	s.responder().Respond(w, r, to)
	return true
}

// authorize makes the authorization of an approved request. Its grant secret
// is derived from the id, so that one request can only ever create one record.
func (s *Server) authorize(ctx context.Context, id string, c *oauth.Client, in *interaction, a Approval) (*engine.Authorization, map[string][]string, error) {
	set, err := s.keys(ctx)
	if err != nil {
		return nil, nil, err
	}
	now := time.Now()
	secret := token.DeriveSecret("interaction", id)
	auth := &engine.Authorization{
		Client: c, Keys: set, Now: now, Secret: secret, GrantID: secret.GrantID(),
		State:        s.newState(in, a, now),
		AccessFormat: s.accessFormat(c),
	}
	if s.offer.implicit != nil {
		auth.AccessLifetime = s.offer.implicit.AccessTokenLifetimeOrDefault()
	}
	request := in.Request
	request.Scopes = auth.State.Scopes
	params, err := s.engine.Authorize(ctx, auth, request)
	if err != nil {
		return nil, nil, unavailable(err)
	}
	if auth.State.Code != nil {
		auth.State.Code.Challenge = in.Challenge
	}
	return auth, params, nil
}

// newState is the authorization that an approval gives.
func (s *Server) newState(in *interaction, a Approval, now time.Time) grantstate.State {
	scopes := in.Request.Scopes
	if a.Scopes != nil {
		scopes = a.Scopes
	}
	st := grantstate.State{
		V: grantstate.Version, GrantType: oauth.GrantTypeAuthorizationCode, ClientID: in.ClientID,
		Subject: a.Subject, Scopes: scopes, Resources: in.Resources,
		Authn: grantstate.Authentication{
			Time: grantstate.At(a.AuthTime), ACR: a.ACR, AMR: a.AMR,
			Nonce: in.Request.Nonce, Claims: in.Claims, WantTime: in.WantTime,
		},
		CreatedAt: grantstate.At(now), EndsAt: grantstate.At(now.Add(s.absoluteEnd())),
		// The secret is derived from the request: while that can be answered,
		// the record stands in the way of answering it again.
		KeepUntil: grantstate.At(s.endOf(in)),
	}
	if a.Session != nil {
		st.SessionID = a.Session.ID
	}
	if !tokenOrCode(in.Request.ResponseType) {
		st.GrantType = oauth.GrantTypeImplicit
	}
	return st
}

func tokenOrCode(responseType string) bool {
	return responseType == "" || slices.Contains([]string{
		oauth.ResponseTypeCode, oauth.ResponseTypeCodeIDToken, oauth.ResponseTypeCodeToken, oauth.ResponseTypeCodeIDTokenToken,
	}, responseType)
}

// absoluteEnd is how long an authorization can be refreshed at all; without
// refresh tokens, as long as its access token lives.
func (s *Server) absoluteEnd() time.Duration {
	if s.offer.refresh == nil {
		return s.cfg.AccessTokenLifetime
	}
	return s.offer.refresh.AbsoluteOrDefault()
}

// facts is the approval with what its session says.
func (a Approval) facts() Approval {
	if a.Session != nil {
		a.Subject, a.AuthTime, a.ACR, a.AMR = a.Session.Subject, a.Session.AuthTime, a.Session.ACR, a.Session.AMR
	}
	return a
}

var (
	errLoginRequired = oauth.E(oauth.LoginRequired, "the end user must log in, as the request demands")
	errACR           = oauth.E(oauth.UnmetAuthenticationRequirements, "acr_values: the authentication that is essential was not performed")
	errGone          = oauth.E(oauth.AccessDenied, "the end user may not use this server")
)

// accept checks an approval against what the request demands and against the
// host's own rules. An error of the host's making is server_error: it says
// what it agreed to wrongly.
func (s *Server) accept(ctx context.Context, c *oauth.Client, in *interaction, a Approval) (Approval, error) {
	if a.Subject == "" || len(a.Subject) > 255 {
		return a, oauth.AsError(errors.New("authserver: Approval.Subject: want 1 to 255 bytes"))
	}
	for _, scope := range a.Scopes {
		if !slices.Contains(in.Request.Scopes, scope) {
			return a, oauth.AsError(errors.New("authserver: Approval.Scopes: holds a scope that was not asked for"))
		}
	}
	if ok, err := s.rightSubject(ctx, c, in.RequestedSub, a.Subject); err != nil || !ok {
		return a, or(err, errLoginRequired)
	}
	if in.MustAuthenticate && tooOld(a.AuthTime, in.NotBefore.Time()) {
		return a, errLoginRequired
	}
	if in.EssentialACR && !slices.Contains(in.ACRValues, a.ACR) {
		return a, errACR
	}
	return a, s.subjectLives(ctx, a.Subject, errGone)
}

// tooOld reports whether an authentication is from before the time that is good
// enough. One that is known to the second only must not look older than the
// request it was made for, so it counts to the end of its second.
func tooOld(authTime, notBefore time.Time) bool {
	if authTime.Nanosecond() == 0 {
		notBefore = notBefore.Truncate(time.Second)
	}
	return authTime.IsZero() || authTime.Before(notBefore)
}

func or(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}

// rightSubject reports whether subject is who a request insists on.
func (s *Server) rightSubject(ctx context.Context, c *oauth.Client, requested, subject string) (bool, error) {
	if requested == "" {
		return true, nil
	}
	set, err := s.keys(ctx)
	if err != nil {
		return false, err
	}
	sub, err := subjectFor(c, set, subject)
	return err == nil && sub == requested, nil
}

// subjectLives asks the host whether an end user may still be served.
func (s *Server) subjectLives(ctx context.Context, subject string, gone *oauth.Error) error {
	if s.cfg.CheckSubject == nil || subject == "" {
		return nil
	}
	err := s.cfg.CheckSubject(ctx, subject)
	switch {
	case errors.Is(err, ErrSubjectGone):
		return gone.Because(err)
	case err != nil:
		return unavailable(err)
	}
	return nil
}

// Accepts reports whether a login session is good enough for a request: of the
// end user it insists on, recent enough, and of the authentication it needs.
// It is false for a nil session, and for a request that wants an account to be
// chosen.
func (s *Server) Accepts(ctx context.Context, req *AuthorizationRequest, session *Session) (bool, error) {
	if session == nil || req.MustSelect {
		return false, nil
	}
	if req.MustAuthenticate && tooOld(session.AuthTime, req.NotBefore) {
		return false, nil
	}
	if req.EssentialACR && !slices.Contains(req.ACRValues, session.ACR) {
		return false, nil
	}
	return s.rightSubject(ctx, &req.Client, req.requestedSub, session.Subject)
}

// Deny answers the authorization request with that id with an error; a nil
// reason means access_denied. Otherwise it is as Approve.
func (s *Server) Deny(w http.ResponseWriter, r *http.Request, id string, reason *oauth.Error) (ok bool) {
	if reason == nil {
		reason = oauth.E(oauth.AccessDenied, "the end user refused")
	}
	ev := &Event{Type: EventDenied}
	in, c, err := s.waiting(r, id)
	w = answering(w, r, id)
	if err != nil {
		s.errorPage(w, r, ev, noRequest(err))
		return false
	}
	ev.ClientID = c.ID
	if in.device() {
		return s.denyDevice(w, r, ev, id, in)
	}
	s.forget(r.Context(), id)
	s.answerError(w, r, ev, in, reason)
	return true
}

// noRequest is the page's error for a request that could not be loaded.
func noRequest(err error) error {
	if errors.Is(err, ErrNoRequest) {
		return errAnswered.Because(err)
	}
	return err
}

// refuseDecision tells of a decision that cannot stand: the client, or the
// person at the device's page.
func (s *Server) refuseDecision(w http.ResponseWriter, r *http.Request, ev *Event, in *interaction, err error) {
	if in.device() {
		s.errorPage(w, r, ev, err)
		return
	}
	s.answerError(w, r, ev, in, err)
}
