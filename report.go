package authserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/seed36673005/authserver/internal/wire"
	"github.com/seed36673005/authserver/oauth"
)

// The types of events.
const (
	EventAuthorize       = "authorize"        // an authorization request was answered at once
	EventInteraction     = "interaction"      // an authorization request waits for its end user
	EventApproved        = "approved"         // an end user agreed
	EventDenied          = "denied"           // an end user, or the host, refused
	EventToken           = "token"            // a token request
	EventReuse           = "reuse"            // a spent code or refresh token came back; the authorization was ended
	EventDevice          = "device"           // a device authorization request
	EventUserCode        = "user_code"        // a user code was looked up
	EventIntrospection   = "introspection"    // an introspection request
	EventRevocation      = "revocation"       // a revocation request
	EventUserinfo        = "userinfo"         // a userinfo request
	EventSessionStarted  = "session_started"  // somebody logged in
	EventSessionEnded    = "session_ended"    // somebody logged out
	EventGrantRevoked    = "grant_revoked"    // an authorization was ended by the host
	EventSubjectRevoked  = "subject_revoked"  // all of an end user's authorizations were ended by the host
	EventRegistration    = "registration"     // a client registered itself
	EventRegistered      = "registered"       // a client read, changed or ended its registration
	EventClient          = "client_"          // and the action: a client was changed, whoever did it
	EventOversized       = "oversized"        // a request's header was larger than any client's is
	EventPanic           = "panic"            // a host's function, or this package, panicked
	EventStorageUnusable = "storage_unusable" // storage failed outside a request
)

// unavailable is the refusal for trouble that is not the caller's: storage, or
// a host's function. It is never a refusal of what was asked, and never a
// success.
func unavailable(cause error) *oauth.Error {
	if own, ok := errors.AsType[*oauth.Error](cause); ok {
		return own
	}
	return oauth.E(oauth.TemporarilyUnavailable, "the server cannot answer just now, try again later").Because(cause)
}

// record reports a decision: one event, one log record. cause is for the log
// alone.
func (s *Server) record(ctx context.Context, ev *Event, cause error) {
	ev.Time = time.Now().UTC()
	level := slog.LevelInfo
	if ev.Outcome == oauth.ServerError || ev.Outcome == oauth.TemporarilyUnavailable {
		level = slog.LevelError
	}
	if s.cfg.Logger.Enabled(ctx, level) {
		s.cfg.Logger.LogAttrs(ctx, level, "authserver: "+ev.Type, ev.attrs(cause)...)
	}
	if s.cfg.Events != nil {
		s.tell(ctx, *ev)
	}
}

// tell hands an event to the host. What was decided is decided by then: a
// panic of the host's function is logged and changes no answer.
func (s *Server) tell(ctx context.Context, ev Event) {
	defer func() {
		if v := recover(); v != nil {
			s.cfg.Logger.ErrorContext(ctx, "authserver: Events panicked", "type", ev.Type,
				"panic", fmt.Sprintf("%T", v), "stack", string(debug.Stack()))
		}
	}()
	s.cfg.Events(ctx, ev)
}

// attrs are the members of an event that say something, bounded: a client_id
// is whatever the caller sent.
func (ev *Event) attrs(cause error) []slog.Attr {
	attrs := make([]slog.Attr, 0, 8)
	for _, member := range []struct{ key, value string }{
		{"outcome", string(ev.Outcome)},
		{"rule", ev.Rule},
		{"client_id", ev.ClientID},
		{"subject", ev.Subject},
		{"grant_id", ev.GrantID},
		{"grant_type", ev.GrantType},
		{"reference", ev.Reference},
	} {
		if member.value != "" {
			attrs = append(attrs, slog.String(member.key, bounded(member.value)))
		}
	}
	if cause != nil {
		attrs = append(attrs, slog.String("cause", bounded(cause.Error())))
	}
	return attrs
}

// bounded keeps a log record short, whatever was sent.
func bounded(text string) string {
	const most = 512
	if len(text) > most {
		return text[:most] + "…"
	}
	return text
}

// refused enters a refusal in an event, gives it a reference and records it.
func (s *Server) refused(ctx context.Context, ev *Event, err error) *oauth.Error {
	e := oauth.AsError(err)
	ev.Outcome, ev.Reference = e.Code, wire.NewReference()
	if ev.Rule == "" {
		ev.Rule = e.Description
	}
	s.record(ctx, ev, e.Err)
	return e
}

// errorJSON answers a refusal of an endpoint that speaks JSON.
func (s *Server) errorJSON(w http.ResponseWriter, r *http.Request, ev *Event, err error, challenge string) {
	e := s.refused(r.Context(), ev, err)
	wire.Error(w, r, e, ev.Reference, challenge)
}

// errorPage shows a refusal to a person.
func (s *Server) errorPage(w http.ResponseWriter, r *http.Request, ev *Event, err error) {
	e := s.refused(r.Context(), ev, err)
	s.responder().Page(w, r, e, ev.Reference)
}

// answerError sends a refusal to the client that made an authorization
// request.
func (s *Server) answerError(w http.ResponseWriter, r *http.Request, ev *Event, in *interaction, err error) {
	e := s.refused(r.Context(), ev, err)
	to := wire.AuthorizationResponse{RedirectURI: in.Request.RedirectURI, Mode: in.Mode}
	s.responder().Refuse(w, r, to, in.Request.State, e, ev.Reference)
}

// responder writes authorization responses and error pages.
func (s *Server) responder() wire.Responder {
	p := wire.Responder{Issuer: s.cfg.Issuer}
	if s.cfg.Pages != nil {
		p.ErrorPage = func(w http.ResponseWriter, r *http.Request, e wire.ErrorPage) {
			s.cfg.Pages.Error(w, r, PageError(e))
		}
	}
	return p
}

// recover answers a panic of a host's function with 500, so that it ends one
// request and not the program.
func (s *Server) recover(w http.ResponseWriter, r *http.Request) {
	v := recover()
	if v == nil {
		return
	}
	if v == http.ErrAbortHandler {
		panic(v)
	}
	ev := &Event{Type: EventPanic}
	e := s.refused(r.Context(), ev, fmt.Errorf("panic: %T", v))
	s.cfg.Logger.ErrorContext(r.Context(), "authserver: panic", "reference", ev.Reference, "stack", string(debug.Stack()))
	wire.Error(w, r, e, ev.Reference, "")
}

// notFound answers a path that is none of the server's, as JSON: clients that
// look for metadata go on after 404 and stop at HTML.
func (s *Server) notFound(w http.ResponseWriter, r *http.Request) {
	e := oauth.E(oauth.InvalidRequest, "there is nothing at this address").WithStatus(http.StatusNotFound)
	wire.Error(w, r, e, "", "")
}
