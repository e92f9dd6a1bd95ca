package authserver

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/seed36673005/authserver/internal/grantstate"
	"github.com/seed36673005/authserver/internal/token"
	"github.com/seed36673005/authserver/internal/wire"
	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage"
)

var errTokenParam = oauth.E(oauth.InvalidRequest, "token: required")

// serveRevoke is the revocation endpoint (RFC 7009).
func (s *Server) serveRevoke(w http.ResponseWriter, r *http.Request) {
	ev := &Event{Type: EventRevocation}
	if err := s.revoke(w, r, ev); err != nil {
		s.errorJSON(w, r, ev, err, s.challenge)
		return
	}
	s.record(r.Context(), ev, nil)
	wire.JSON(w, http.StatusOK, []byte("{}"))
}

func (s *Server) revoke(w http.ResponseWriter, r *http.Request, ev *Event) error {
	form, refused := wire.Form(w, r, wire.DefaultLimits)
	if refused != nil {
		return refused
	}
	// A client that is not approved may still give up what it has.
	caller, err := s.identify(w, r, form, ev)
	if err != nil {
		return err
	}
	if !form.Has("token") {
		return errTokenParam
	}
	ctx := r.Context()
	set, err := s.keys(ctx)
	if err != nil {
		return err
	}
	// RFC 7009 §2.2: a token that is none is as good as revoked.
	p, ok := s.present(set, form.Get("token"))
	if !ok {
		return nil
	}
	ev.GrantID = p.grantID
	if p.stateless {
		return s.revokeStateless(ctx, caller, p)
	}
	return s.revokePresented(ctx, ev, caller, p)
}

// revokePresented ends an access token, or with a refresh token, however old,
// the whole authorization (RFC 7009 §2.1). Another client's token is let be.
func (s *Server) revokePresented(ctx context.Context, ev *Event, caller *oauth.Client, p presented) error {
	err := s.end(ctx, p.grantID, func(st grantstate.State, now time.Time) (grantstate.State, bool, error) {
		if st.ClientID != caller.ID {
			ev.Rule = "token of another client"
			return st, false, nil
		}
		if p.kind == token.Refresh {
			return grantstate.Revoke(st, now), !st.Revoked(), nil
		}
		if _, live := st.LiveAccess(p.seq, now); !live {
			return st, false, nil
		}
		return grantstate.EndAccess(st, p.seq), true, nil
	})
	if errors.Is(err, errNoGrant) {
		return nil
	}
	return err
}

// revokeStateless puts a token that no record holds on record as revoked, for
// as long as it would have lived.
func (s *Server) revokeStateless(ctx context.Context, caller *oauth.Client, p presented) error {
	if p.jwt.ClientID != caller.ID {
		return nil
	}
	_, err := s.cfg.Storage.Create(ctx, storage.Record{
		Kind: storage.KindReplay, Key: revokedKey(p.jwt.ID), ClientID: caller.ID,
		ExpiresAt: p.jwt.ExpiresAt.Add(time.Minute), Data: []byte(`{"v":1}`),
	})
	if err != nil && !errors.Is(err, storage.ErrExists) {
		return unavailable(err)
	}
	return nil
}
