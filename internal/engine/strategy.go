package engine

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ory/fosite"

	"github.com/seed36673005/authserver/internal/grantstate"
	"github.com/seed36673005/authserver/internal/jose"
	"github.com/seed36673005/authserver/internal/token"
	"github.com/seed36673005/authserver/oauth"
)

// TypeAccessToken is the typ of a JWT access token (RFC 9068 §2.1).
const TypeAccessToken = "at+jwt"

// strategy makes every token, and enters it in the State.
type strategy struct{ opts Options }

// signature is what fosite passes from a token to its storage; nothing is
// stored by it.
const signature = "made"

// GenerateAuthorizeCode makes the code of an authorization.
func (s *strategy) GenerateAuthorizeCode(ctx context.Context, _ fosite.Requester) (string, string, error) {
	a := from(ctx)
	a.State.Code.ExpiresAt = grantstate.At(a.Now.Add(s.opts.CodeLifetime))
	a.code = s.opts.Tokens.Make(a.Keys.TokenKey(), token.Token{Kind: token.Code, Secret: a.Secret})
	return a.code, signature, nil
}

// GenerateRefreshToken makes the current token of the chain, which it starts
// if there is none.
func (s *strategy) GenerateRefreshToken(ctx context.Context, _ fosite.Requester) (string, string, error) {
	a := from(ctx)
	if a.State.Refresh == nil {
		a.State = grantstate.StartRefresh(a.State, s.opts.RefreshIdle, a.Now)
	}
	t := token.Token{Kind: token.Refresh, Secret: a.Secret, Seq: a.State.Refresh.Seq}
	return s.opts.Tokens.Make(a.Keys.TokenKey(), t), signature, nil
}

// GenerateAccessToken issues an access token, or shows the live one again.
func (s *strategy) GenerateAccessToken(ctx context.Context, _ fosite.Requester) (string, string, error) {
	a := from(ctx)
	issued := s.issue(a)
	a.expires = issued.ExpiresAt.Time()
	made, err := s.accessToken(a, issued)
	a.access = made
	return made, signature, err
}

// issue numbers a new access token in the State, or finds the one to be shown
// again. A token that no record will hold is the only one of its secret.
func (s *strategy) issue(a *Authorization) grantstate.Access {
	if live, ok := a.recovered(); ok {
		return live
	}
	end := a.Now.Add(a.AccessLifetime)
	if a.Stateless {
		return grantstate.Access{Seq: 1, IssuedAt: grantstate.At(a.Now), ExpiresAt: grantstate.At(end)}
	}
	var seq uint32
	a.State, seq = grantstate.IssueAccess(a.State, grantstate.AccessRequest{
		ExpiresAt: end, Narrowed: a.Narrowed, Scopes: a.Scopes, Resources: a.Resources, EndOthers: a.EndOthers,
	}, a.Now)
	issued, _ := a.State.LiveAccess(seq, a.Now)
	return issued
}

// recovered is the access token to be shown again.
func (a *Authorization) recovered() (grantstate.Access, bool) {
	if !a.Recover {
		return grantstate.Access{}, false
	}
	live, ok := a.State.CurrentAccess(a.Now)
	same := ok && live.Narrowed == a.Narrowed && slices.Equal(live.Scopes, a.Scopes) &&
		slices.Equal(live.Resources, a.Resources)
	return live, same
}

func (s *strategy) accessToken(a *Authorization, issued grantstate.Access) (string, error) {
	if a.AccessFormat == oauth.AccessTokenJWT {
		return s.jwtAccessToken(a, issued)
	}
	t := token.Token{Kind: token.Access, Secret: a.Secret, Seq: issued.Seq}
	return s.opts.Tokens.Make(a.Keys.TokenKey(), t), nil
}

// accessClaims are those of RFC 9068 §2.2.
type accessClaims struct {
	Issuer    string   `json:"iss"`
	Subject   string   `json:"sub"`
	Audience  audience `json:"aud"`
	ExpiresAt int64    `json:"exp"`
	IssuedAt  int64    `json:"iat"`
	ID        string   `json:"jti"`
	ClientID  string   `json:"client_id"`
	Scope     string   `json:"scope,omitempty"`
	AuthTime  int64    `json:"auth_time,omitempty"`
	ACR       string   `json:"acr,omitempty"`
	AMR       []string `json:"amr,omitempty"`
	SessionID string   `json:"sid,omitempty"`
}

func (s *strategy) jwtAccessToken(a *Authorization, issued grantstate.Access) (string, error) {
	subject, err := s.subject(a)
	if err != nil {
		return "", err
	}
	aud := a.resources()
	if len(aud) == 0 {
		aud = []string{s.opts.Issuer} // RFC 9068 §3: a default resource indicator
	}
	key, err := signingKey(a.Keys, "")
	if err != nil {
		return "", err
	}
	return jose.Sign(key, TypeAccessToken, accessClaims{
		Issuer: s.opts.Issuer, Subject: subject, Audience: aud, ClientID: a.State.ClientID,
		ExpiresAt: unix(issued.ExpiresAt), IssuedAt: unix(issued.IssuedAt),
		ID: TokenID(a, issued.Seq), Scope: strings.Join(a.scopes(), " "),
		AuthTime: unix(a.State.Authn.Time), ACR: a.State.Authn.ACR, AMR: a.State.Authn.AMR,
		SessionID: a.State.SessionID,
	})
}

// subject is the sub of the authorization's end user as its client is told it,
// or of the client itself, under a prefix that no end user's identifier can be
// mistaken for (RFC 9068 §5).
func (s *strategy) subject(a *Authorization) (string, error) {
	if a.State.Subject == "" {
		return ClientSubjectPrefix + a.State.ClientID, nil
	}
	return s.opts.Subject(a.Client, a.Keys, a.State.Subject)
}

// ClientSubjectPrefix starts the sub of a client that acts for itself.
const ClientSubjectPrefix = "client:"

// statelessMark starts the jti of a JWT access token that no record holds.
const statelessMark = "."

// TokenID is the jti of an access token: the GrantID and the number.
func TokenID(a *Authorization, seq uint32) string {
	mark := ""
	if a.Stateless {
		mark = statelessMark
	}
	return mark + a.GrantID + "." + strconv.FormatUint(uint64(seq), 10)
}

// ParseTokenID is the reverse of TokenID.
func ParseTokenID(jti string) (grantID string, seq uint32, stateless, ok bool) {
	jti, stateless = strings.CutPrefix(jti, statelessMark)
	grantID, number, found := strings.Cut(jti, ".")
	n, err := strconv.ParseUint(number, 10, 32)
	return grantID, uint32(n), stateless, found && err == nil && grantID != ""
}

func unix(m grantstate.Millis) int64 { return int64(m) / int64(time.Second/time.Millisecond) }

// fosite asks for signatures and validity of tokens that were judged before.
func (s *strategy) AccessTokenSignature(context.Context, string) string   { return signature }
func (s *strategy) RefreshTokenSignature(context.Context, string) string  { return signature }
func (s *strategy) AuthorizeCodeSignature(context.Context, string) string { return signature }
func (s *strategy) ValidateAccessToken(context.Context, fosite.Requester, string) error {
	return errUnreachable
}

func (s *strategy) ValidateRefreshToken(context.Context, fosite.Requester, string) error {
	return errUnreachable
}

func (s *strategy) ValidateAuthorizeCode(context.Context, fosite.Requester, string) error {
	return nil
}
