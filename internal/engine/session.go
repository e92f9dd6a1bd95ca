package engine

import (
	"time"

	"github.com/ory/fosite"
	"github.com/ory/fosite/handler/openid"
	"github.com/ory/fosite/token/jwt"
)

// session is what fosite's handlers ask for between their steps. It holds
// nothing that is stored: the times go by token kind, because handlers set
// that of the access token and then that of the refresh token.
type session struct {
	subject           string
	access, code, any time.Time
	claims            jwt.IDTokenClaims
	headers           jwt.Headers
}

var _ openid.Session = (*session)(nil)

func newSession(a *Authorization) *session {
	s := &session{subject: a.State.Subject}
	// fosite judges an authentication's age by these; both are the moment of
	// the request, because it was judged before. The ID token says the truth.
	s.claims.Subject = a.State.Subject
	s.claims.AuthTime = a.Now
	s.claims.RequestedAt = a.Now
	return s
}

func (s *session) SetExpiresAt(key fosite.TokenType, exp time.Time) {
	switch key {
	case fosite.AccessToken:
		s.access = exp
	case fosite.AuthorizeCode:
		s.code = exp
	default:
		s.any = exp
	}
}

func (s *session) GetExpiresAt(key fosite.TokenType) time.Time {
	switch key {
	case fosite.AccessToken:
		return s.access
	case fosite.AuthorizeCode:
		return s.code
	}
	return s.any
}

func (s *session) GetUsername() string               { return "" }
func (s *session) GetSubject() string                { return s.subject }
func (s *session) SetSubject(subject string)         { s.subject = subject }
func (s *session) Clone() fosite.Session             { c := *s; return &c }
func (s *session) IDTokenClaims() *jwt.IDTokenClaims { return &s.claims }
func (s *session) IDTokenHeaders() *jwt.Headers      { return &s.headers }
