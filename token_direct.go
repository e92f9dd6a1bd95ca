package authserver

import (
	"context"
	"errors"
	"slices"

	"github.com/seed36673005/authserver/grants"
	"github.com/seed36673005/authserver/internal/engine"
	"github.com/seed36673005/authserver/internal/grantstate"
	"github.com/seed36673005/authserver/internal/limit"
	"github.com/seed36673005/authserver/internal/passwords"
	"github.com/seed36673005/authserver/oauth"
)

// clientCredentials is RFC 6749 §4.4: the client for itself.
func (s *Server) clientCredentials(ctx context.Context, t *tokenRequest) (result tokenResult, err error) {
	if t.client.Public() {
		return result, errClientGrantType
	}
	scopes, refused := s.requestedScopes(t.client, t.form.Get("scope"))
	if refused != nil {
		return result, refused
	}
	// There is no end user whom the scopes of OpenID Connect could be about.
	scopes = slices.DeleteFunc(scopes, func(scope string) bool { return openIDScopes[scope] })
	st, err := s.newGrant(t, "", scopes)
	if err != nil {
		return result, err
	}
	result.TokenAnswer, err = s.begin(ctx, t, st, false)
	return result, err
}

var errCredentials = oauth.E(oauth.InvalidGrant, "username and password: expected those of an active account")

// maxUsername is the most bytes of a user name; passwords.MaxLength is that of
// a password.
const maxUsername = 255

// password is RFC 6749 §4.3.
func (s *Server) password(ctx context.Context, t *tokenRequest) (result tokenResult, err error) {
	username, password := t.form.Get("username"), t.form.Get("password")
	if username == "" || password == "" {
		return result, oauth.E(oauth.InvalidRequest, "username and password: required (RFC 6749 section 4.3.2)")
	}
	if len(username) > maxUsername || len(password) > passwords.MaxLength {
		return result, errCredentials // nobody's, and nothing to hash
	}
	scopes, refused := s.requestedScopes(t.client, t.form.Get("scope"))
	if refused != nil {
		return result, refused
	}
	who, err := s.checkPassword(ctx, username, password)
	if err != nil {
		return result, err
	}
	if err := s.subjectLives(ctx, who.Subject, errCredentials); err != nil {
		return result, err
	}
	st, err := s.newGrant(t, who.Subject, scopes)
	if err != nil {
		return result, err
	}
	t.ev.Subject = who.Subject
	st.Authn = authenticated(t, who)
	result.TokenAnswer, err = s.begin(ctx, t, st, s.mayRefresh(t.client, scopes))
	return result, err
}

// checkPassword asks the host, within the limit of its account. An attempt is
// counted before it is made, so that many at once cannot pass the limit.
func (s *Server) checkPassword(ctx context.Context, username, password string) (grants.Authenticated, error) {
	account := limit.AccountKey(username)
	if ok, after := s.passwords.Take(account); !ok {
		return grants.Authenticated{}, errCredentials.WithStatus(429).Because(&limit.Exceeded{After: after})
	}
	who, err := s.offer.password.Authenticate(ctx, username, password)
	switch {
	case errors.Is(err, grants.ErrBadCredentials):
		return who, errCredentials.Because(err)
	case err != nil:
		s.passwords.Forgive(account)
		return who, unavailable(err)
	case who.Subject == "":
		return who, oauth.AsError(errors.New("authserver: Password.Authenticate returned no subject"))
	}
	s.passwords.Forgive(account)
	return who, nil
}

func authenticated(t *tokenRequest, who grants.Authenticated) grantstate.Authentication {
	return grantstate.Authentication{Time: grantstate.At(t.now), ACR: who.ACR, AMR: who.AMR}
}

// extension is a grant of the host's own (RFC 6749 §4.5).
func (s *Server) extension(g grants.Extension) exchange {
	return func(ctx context.Context, t *tokenRequest) (result tokenResult, err error) {
		scopes, refused := s.requestedScopes(t.client, t.form.Get("scope"))
		if refused != nil {
			return result, refused
		}
		params := t.form
		params.Del("client_secret")
		given, err := g.Exchange(ctx, grants.ExchangeRequest{Client: *t.client, Params: params, Scopes: slices.Clone(scopes)})
		if err != nil {
			return result, unavailable(err)
		}
		if given.Scopes != nil {
			if !contained(given.Scopes, scopes) {
				return result, oauth.AsError(errors.New("authserver: Extension.Exchange granted a scope that was not asked for"))
			}
			scopes = given.Scopes
		}
		if err := s.subjectLives(ctx, given.Subject, errSubjectGrant); err != nil {
			return result, err
		}
		result.TokenAnswer, err = s.beginFor(ctx, t, given, scopes)
		result.extra = given.Extra
		return result, err
	}
}

func (s *Server) beginFor(ctx context.Context, t *tokenRequest, given grants.Exchanged, scopes []string) (*engine.TokenAnswer, error) {
	st, err := s.newGrant(t, given.Subject, scopes)
	if err != nil {
		return nil, err
	}
	t.ev.Subject = given.Subject
	if given.Subject != "" {
		st.Authn = authenticated(t, given.Authenticated)
	}
	refresh := given.Refresh && given.Subject != "" && s.offer.refresh != nil && t.client.MayUse(oauth.GrantTypeRefreshToken)
	return s.begin(ctx, t, st, refresh)
}
