package authserver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/seed36673005/authserver/internal/grantstate"
	"github.com/seed36673005/authserver/storage"
)

// session is a login, as it is stored under a digest of its cookie.
type session struct {
	V         int               `json:"v"`
	Subject   string            `json:"su"`
	AuthTime  grantstate.Millis `json:"at"`
	ACR       string            `json:"ac,omitempty"`
	AMR       []string          `json:"am,omitempty"`
	CreatedAt grantstate.Millis `json:"ca"`
}

const sessionVersion = 1

func (s *Server) sessionView(in session, id string) *Session {
	created := in.CreatedAt.Time()
	return &Session{
		ID: id, Subject: in.Subject, AuthTime: in.AuthTime.Time(), ACR: in.ACR, AMR: in.AMR,
		CreatedAt: created, ExpiresAt: created.Add(s.cfg.SessionLifetime),
	}
}

// sessionID is the sid of a session: it names the login and cannot be used as
// one.
func sessionID(cookie string) string { return digest("sid", cookie)[:22] }

// Session returns the login session of the browser r came from, or nil if
// there is none. The error is of storage.
func (s *Server) Session(r *http.Request) (*Session, error) {
	cookie := s.readCookie(r, cookieSession)
	if cookie == "" {
		return nil, nil
	}
	ctx := r.Context()
	rec, err := s.cfg.Storage.Get(ctx, storage.KindSession, digest("session", cookie))
	if errors.Is(err, storage.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, unavailable(err)
	}
	var stored session
	if err := json.Unmarshal(rec.Data, &stored); err != nil || stored.V != sessionVersion {
		return nil, unavailable(fmt.Errorf("authserver: session record of another form: %w", err))
	}
	if err := s.subjectLives(ctx, stored.Subject, errGone); err != nil {
		if errors.Is(err, ErrSubjectGone) {
			return nil, nil
		}
		return nil, err
	}
	s.touch(ctx, rec, stored)
	return s.sessionView(stored, sessionID(cookie)), nil
}

// sessionEnd is when a session used at now ends if it is not used again.
func (s *Server) sessionEnd(created, now time.Time) time.Time {
	end := created.Add(s.cfg.SessionLifetime)
	if idle := now.Add(s.cfg.SessionIdle); idle.Before(end) {
		return idle
	}
	return end
}

// touch moves a session's idle end on, once a tenth of the idle time is gone.
// A session that cannot be moved on ends a little early.
func (s *Server) touch(ctx context.Context, rec storage.Record, stored session) {
	end := s.sessionEnd(stored.CreatedAt.Time(), time.Now())
	if end.Sub(rec.ExpiresAt) < s.cfg.SessionIdle/10 {
		return
	}
	rec.ExpiresAt = end
	_, _ = s.cfg.Storage.Replace(ctx, rec)
}

// SignIn starts a login session in the browser, under a new identifier
// whatever the browser had before, and ends the one it had. Of a, Subject,
// AuthTime (zero means now), ACR and AMR count.
func (s *Server) SignIn(w http.ResponseWriter, r *http.Request, a Approval) (*Session, error) {
	ctx, now := r.Context(), time.Now()
	if a.Subject == "" || len(a.Subject) > 255 {
		return nil, errors.New("authserver: SignIn: Subject: want 1 to 255 bytes")
	}
	if a.AuthTime.IsZero() {
		a.AuthTime = now
	}
	stored := session{
		V: sessionVersion, Subject: a.Subject, AuthTime: grantstate.At(a.AuthTime),
		ACR: a.ACR, AMR: a.AMR, CreatedAt: grantstate.At(now),
	}
	data, err := json.Marshal(stored)
	if err != nil {
		return nil, fmt.Errorf("authserver: encode session: %w", err)
	}
	cookie := newCookieValue()
	_, err = s.cfg.Storage.Create(ctx, storage.Record{
		Kind: storage.KindSession, Key: digest("session", cookie), Subject: a.Subject, SessionID: sessionID(cookie),
		ExpiresAt: s.sessionEnd(now, now), Data: data,
	})
	if err != nil {
		return nil, unavailable(err)
	}
	if err := s.endSession(r); err != nil {
		return nil, err
	}
	s.setCookie(w, cookieSession, cookie, s.cfg.SessionLifetime)
	s.record(ctx, &Event{Type: EventSessionStarted, Subject: a.Subject}, nil)
	return s.sessionView(stored, sessionID(cookie)), nil
}

// SignOut ends the browser's login session, if there is one. After an error it
// may live on, and the caller says so.
func (s *Server) SignOut(w http.ResponseWriter, r *http.Request) error {
	if err := s.endSession(r); err != nil {
		return err
	}
	s.setCookie(w, cookieSession, "", 0)
	// Browsers bring whole pages back by the Back button, no-store or not.
	w.Header().Set("Clear-Site-Data", `"cache"`)
	s.record(r.Context(), &Event{Type: EventSessionEnded}, nil)
	return nil
}

// endSession removes the session that r came with.
func (s *Server) endSession(r *http.Request) error {
	cookie := s.readCookie(r, cookieSession)
	if cookie == "" {
		return nil
	}
	if err := s.cfg.Storage.Delete(r.Context(), storage.KindSession, digest("session", cookie)); err != nil {
		return unavailable(err)
	}
	return nil
}
