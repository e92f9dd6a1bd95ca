package clientreg

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"net/http"
	"time"

	"github.com/seed36673005/authserver/internal/clientauth"
	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage"
)

// errRegistration is the one refusal of RFC 7592 §2: who lacks the token learns
// nothing of the client, not even whether there is one.
var errRegistration = oauth.E(oauth.InvalidToken, "the registration access token is not valid for this client")

// own finds the client that a request manages, by its registration access
// token.
func (g *Registrar) own(ctx context.Context, r *http.Request, id string) (stored, error) {
	token, refused := bearerOf(r)
	if refused != nil {
		return stored{}, refused
	}
	if g.options.WithoutManagement || !isToken(registrationPrefix, token) {
		return stored{}, errRegistration
	}
	st, err := g.service.clients.load(ctx, id)
	if ignoring(err, storage.ErrNotFound) != nil {
		return stored{}, unavailable(err)
	}
	matches := subtle.ConstantTimeCompare([]byte(st.registration), []byte(digestOf(token))) == 1
	if err != nil || !matches || st.client.Disabled {
		return stored{}, errRegistration
	}
	return st, nil
}

// actorOf is a client that manages itself.
func actorOf(id string) Actor { return Actor{ActorClient, id} }

// Read tells a client what is registered (RFC 7592 §2.1). The secret is not
// told again: only its digest is kept.
func (g *Registrar) Read(ctx context.Context, r *http.Request, id string) (Registered, error) {
	st, err := g.own(ctx, r, id)
	if err != nil {
		return Registered{}, err
	}
	if err := g.service.permit(ctx, actorOf(id), ActionGet, &st.client); err != nil {
		return Registered{}, refusal(err)
	}
	c := st.entry().Client
	return Registered{Client: c, Body: g.body(c, "", "")}, nil
}

// Replace puts new metadata in place of all a client had (RFC 7592 §2.2) and
// gives it a new registration access token: the old one is worth nothing from
// then on.
func (g *Registrar) Replace(ctx context.Context, r *http.Request, id string, all map[string]json.RawMessage) (Registered, error) {
	st, err := g.own(ctx, r, id)
	if err != nil {
		return Registered{}, err
	}
	if err := checkOwn(&st.client, all); err != nil {
		return Registered{}, err
	}
	next := st.client
	reg := &Registration{Client: &next, Actor: actorOf(id), Request: r, service: g.service}
	if _, err := g.fill(ctx, reg, all); err != nil {
		return Registered{}, err
	}
	token := newToken(registrationPrefix)
	made, err := g.service.replaceOwn(ctx, next, st.entry().Version, digestOf(token), g.options.InitialState)
	if err != nil {
		return Registered{}, refusal(err)
	}
	return Registered{Client: made.Client, Body: g.body(made.Client, made.Secret, token)}, nil
}

var errOwn = oauth.E(oauth.InvalidClientMetadata, "client_id and client_secret: expected those of this client (RFC 7592 section 2.2)")

// checkOwn: the request names the client it is about, and no secret but one of
// its own.
func checkOwn(c *oauth.Client, all map[string]json.RawMessage) error {
	m := &members{all: all}
	if m.text("client_id") != c.ID {
		return errOwn
	}
	if m.has("client_secret") && !clientauth.VerifySecret(c, m.text("client_secret"), time.Now()) {
		return errOwn
	}
	return nil
}

// Unregister removes a client and all that was granted to it (RFC 7592 §2.3).
func (g *Registrar) Unregister(ctx context.Context, r *http.Request, id string) error {
	if _, err := g.own(ctx, r, id); err != nil {
		return err
	}
	if err := g.service.Remove(ctx, actorOf(id), id); err != nil {
		return refusal(err)
	}
	return nil
}

// replaceOwn stores what a client says of itself now. Nobody has judged that:
// it is vouched for no longer, and decided on again where somebody must.
func (s *Service) replaceOwn(ctx context.Context, c oauth.Client, version int64, registration string, initial oauth.ClientState) (Issued, error) {
	if initial == "" {
		initial = s.options.InitialState
	}
	var secret string
	st, err := s.change(ctx, actorOf(c.ID), ActionUpdate, c.ID, version, func(st *stored, now time.Time) error {
		next := keepFixed(c, &st.client)
		if next.Approved() && initial == oauth.StatePending {
			next.State = oauth.StatePending
		}
		next.Verified, next.UpdatedAt = false, now.Truncate(time.Second)
		secret = fitSecrets(&next, now)
		st.client, st.registration = next, registration
		return nil
	})
	if err != nil {
		return Issued{}, err
	}
	return st.issued(secret), nil
}
