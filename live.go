package authserver

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/seed36673005/authserver/internal/engine"
	"github.com/seed36673005/authserver/internal/grantstate"
	"github.com/seed36673005/authserver/internal/jose"
	"github.com/seed36673005/authserver/internal/token"
	"github.com/seed36673005/authserver/keys"
	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage"
)

// presented is a token that somebody shows: what it says of itself, before
// anything is known of whether it lives.
type presented struct {
	kind    token.Kind
	grantID string
	seq     uint32
	// jwt are the claims of a JWT access token; stateless says that no
	// record holds it.
	jwt       *jwtAccess
	stateless bool
}

// jwtAccess is a JWT access token that is read back.
type jwtAccess struct {
	*jose.Token `json:"-"`
	ClientID    string `json:"client_id"`
	Scope       string `json:"scope"`
}

// replicaSkew is how far the clocks of one issuer's replicas may differ: a
// token of ours may have been signed that much ahead.
const replicaSkew = time.Minute

// present reads an access or refresh token of any form. Nothing is looked up:
// what this server did not make is false.
func (s *Server) present(set *keys.Set, text string) (presented, bool) {
	if t, ok := s.tokens.Parse(set, text); ok {
		p := presented{kind: t.Kind, grantID: t.Secret.GrantID(), seq: t.Seq}
		return p, t.Kind == token.Access || t.Kind == token.Refresh
	}
	signed, err := jose.Verify(set, text, jose.Verification{
		Types: []string{engine.TypeAccessToken}, Issuer: s.cfg.Issuer, Leeway: replicaSkew,
	})
	if err != nil {
		return presented{}, false
	}
	access := &jwtAccess{Token: signed}
	if err := json.Unmarshal(signed.Claims, access); err != nil {
		return presented{}, false
	}
	grantID, seq, stateless, ok := engine.ParseTokenID(signed.ID)
	return presented{kind: token.Access, grantID: grantID, seq: seq, jwt: access, stateless: stateless}, ok
}

// live is a token that is live, with the authorization behind it.
type live struct {
	presented
	state  grantstate.State // empty for a stateless token
	access grantstate.Access
	scopes []string
	aud    []string
	client string
}

// errNotLive says that a token is none, or no longer: unknown, expired,
// revoked, or of a client or end user that is gone.
var errNotLive = errors.New("authserver: token is not live")

// find looks up what a presented token stands for.
func (s *Server) find(ctx context.Context, p presented) (live, error) {
	if p.stateless {
		return s.findStateless(ctx, p)
	}
	st, err := s.readGrant(ctx, p.grantID)
	if err != nil {
		return live{}, err
	}
	l, ok := liveIn(st, p)
	if !ok {
		return live{}, errNotLive
	}
	err = s.subjectLives(ctx, st.Subject, errInvalidToken)
	if errors.Is(err, ErrSubjectGone) {
		return live{}, errNotLive
	}
	return l, err
}

// decodedGrants is how many authorizations are kept decoded.
const decodedGrants = 4096

// decodedGrant is an authorization as it was read at one version. A version
// never comes twice, so it is the state of that version for good.
type decodedGrant struct {
	version int64
	state   grantstate.State
}

// readGrant reads an authorization in order to look at it. A token that is
// shown again and again costs a Get each time, but is decoded once.
func (s *Server) readGrant(ctx context.Context, grantID string) (grantstate.State, error) {
	rec, err := s.cfg.Storage.Get(ctx, storage.KindGrant, grantID)
	if errors.Is(err, storage.ErrNotFound) {
		return grantstate.State{}, errNotLive
	}
	if err != nil {
		return grantstate.State{}, unavailable(err)
	}
	if known, ok := s.decoded.Get(grantID); ok && known.version == rec.Version {
		return known.state, nil
	}
	st, err := grantstate.Decode(rec.Data)
	if err != nil {
		return grantstate.State{}, unavailable(err)
	}
	s.decoded.Add(grantID, decodedGrant{rec.Version, st})
	return st, nil
}

// liveIn is the presented token as its authorization knows it.
func liveIn(st grantstate.State, p presented) (live, bool) {
	now := time.Now()
	l := live{presented: p, state: st, client: st.ClientID, scopes: st.Scopes, aud: st.Resources}
	if p.kind == token.Refresh {
		return l, st.LiveRefresh(p.seq, now)
	}
	access, ok := st.LiveAccess(p.seq, now)
	if ok {
		l.access, l.scopes, l.aud = access, st.ScopesOf(access), st.ResourcesOf(access)
	}
	return l, ok
}

// findStateless is a token that no record holds; only that it was revoked is
// on record.
func (s *Server) findStateless(ctx context.Context, p presented) (live, error) {
	_, err := s.cfg.Storage.Get(ctx, storage.KindReplay, revokedKey(p.jwt.ID))
	if err == nil {
		return live{}, errNotLive
	}
	if !errors.Is(err, storage.ErrNotFound) {
		return live{}, unavailable(err)
	}
	return live{
		presented: p, client: p.jwt.ClientID, scopes: splitScope(p.jwt.Scope), aud: p.jwt.Audience,
		access: grantstate.Access{
			Seq:       p.seq,
			IssuedAt:  grantstate.At(p.jwt.IssuedAt),
			ExpiresAt: grantstate.At(p.jwt.ExpiresAt),
		},
	}, nil
}

func revokedKey(jti string) string { return digest("revoked", jti) }

// clientLives reports whether the client a token was given to is still there.
func (s *Server) clientLives(ctx context.Context, id string) (*oauth.Client, error) {
	c, err := s.client(ctx, id)
	if errors.Is(err, storage.ErrNotFound) || (err == nil && !serves(c)) {
		return nil, errNotLive
	}
	if err != nil {
		return nil, unavailable(err)
	}
	return c, nil
}

// meantFor reports whether a token is for the server's own endpoints: it names
// the server among its resources, or none at all (RFC 8707 §2).
func (s *Server) meantFor(l live) bool {
	return len(l.aud) == 0 || slices.Contains(l.aud, s.cfg.Issuer)
}
