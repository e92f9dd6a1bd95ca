package grantstate

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"time"
)

// CodeRequest is what the client sent to redeem a code.
type CodeRequest struct {
	RedirectURI  string
	RedirectSent bool   // whether redirect_uri was sent at all
	Verifier     string // code_verifier; empty when it was not sent
}

// RedeemCode judges an access token request (RFC 6749 §4.1.3). The caller has
// made sure that the client is the one the code was given to. Only a request
// that is right in everything can be re-use and revoke, so neither a stranger
// nor a wrong verifier burns the authorization.
func RedeemCode(s State, in CodeRequest, now time.Time) (State, Verdict) {
	switch c := s.Code; {
	case s.Revoked() || c == nil:
		return s, Refused
	case !c.redirectMatches(in) || !c.verifies(in.Verifier):
		return s, Refused
	case expired(c.ExpiresAt, now):
		return s, Expired
	case c.UsedAt != 0: // RFC 6749 §4.1.2: deny, and revoke what it gave
		return Revoke(s, now), Reused
	}
	used := *s.Code
	used.UsedAt = mark(now)
	s.Code = &used
	return s, OK
}

// redirectMatches wants the redirect_uri of the authorization request again,
// where that named one (RFC 6749 §4.1.3). A client that named none may leave
// it out or name the one that was used.
func (c *Code) redirectMatches(in CodeRequest) bool {
	if !in.RedirectSent {
		return !c.RedirectSent
	}
	return in.RedirectURI == c.RedirectURI
}

// verifies checks the code_verifier (RFC 7636 §4.6). A verifier without a
// challenge is refused: somebody may have stripped the challenge (RFC 9700
// §2.1.1).
func (c *Code) verifies(verifier string) bool {
	if c.Challenge == "" {
		return verifier == ""
	}
	if !isVerifier(verifier) {
		return false
	}
	sum := sha256.Sum256([]byte(verifier))
	var challenge [43]byte
	base64.RawURLEncoding.Encode(challenge[:], sum[:])
	return subtle.ConstantTimeCompare(challenge[:], []byte(c.Challenge)) == 1
}

// isVerifier checks the syntax of RFC 7636 §4.1: 43 to 128 unreserved
// characters.
func isVerifier(s string) bool {
	if len(s) < 43 || len(s) > 128 {
		return false
	}
	for i := range len(s) {
		if !isUnreserved(s[i]) {
			return false
		}
	}
	return true
}

func isUnreserved(b byte) bool {
	switch {
	case 'A' <= b && b <= 'Z', 'a' <= b && b <= 'z', '0' <= b && b <= '9':
		return true
	}
	return b == '-' || b == '.' || b == '_' || b == '~'
}
