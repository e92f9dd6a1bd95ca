package clientauth

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"strings"
	"time"

	"github.com/seed36673005/authserver/oauth"
)

const (
	// madePrefix begins every secret the server makes, so that scanners find
	// leaked ones, and so that a look tells them from chosen ones.
	madePrefix = "cs_"
	madeBytes  = 32

	digestPrefix = "sha256:"
	digestLength = len(digestPrefix) + 43 // 43 characters hold 32 bytes
)

// NewSecret makes a client secret of 256 bits and its digest. A secret has the
// characters A-Z a-z 0-9 - _ only, which are the same in every encoding a
// client may send it in. The digest needs no slow hash: nobody guesses 256
// bits.
func NewSecret() (secret, digest string) {
	var b [madeBytes]byte
	_, _ = rand.Read(b[:]) // never fails
	secret = madePrefix + base64.RawURLEncoding.EncodeToString(b[:])
	d := digestOf(secret)
	return secret, string(d[:])
}

// isMade reports whether a secret has the form of one that NewSecret makes.
func isMade(secret string) bool {
	return len(secret) == len(madePrefix)+base64.RawURLEncoding.EncodedLen(madeBytes) && strings.HasPrefix(secret, madePrefix)
}

// IsDigest reports whether s has the form of a digest that NewSecret returns.
func IsDigest(s string) bool {
	encoded, ok := strings.CutPrefix(s, digestPrefix)
	if !ok || len(s) != digestLength {
		return false
	}
	sum, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	return err == nil && len(sum) == sha256.Size
}

// digestOf is "sha256:" and the base64url of the SHA-256 of a secret.
func digestOf(secret string) (digest [digestLength]byte) {
	sum := sha256.Sum256([]byte(secret))
	copy(digest[:], digestPrefix)
	base64.RawURLEncoding.Encode(digest[len(digestPrefix):], sum[:])
	return digest
}

// VerifySecret reports whether a secret is one of the client's live ones whose
// digest is a SHA-256. It takes as long for a client without secrets, and for
// a nil one, as for a wrong secret. Secrets that have expired at now, and
// digests of other kinds, do not match.
func VerifySecret(c *oauth.Client, secret string, now time.Time) bool {
	digest := digestOf(secret)
	secrets := nobody
	if c != nil && len(c.Secrets) > 0 {
		secrets = c.Secrets
	}
	match := 0
	for i := range secrets {
		match |= subtle.ConstantTimeCompare(digest[:], []byte(secrets[i].Digest)) & alive(&secrets[i], now)
	}
	return match == 1
}

// nobody is compared with where there is nothing to compare with. No secret
// has a digest of zeros.
var nobody = []oauth.Secret{{Digest: digestPrefix + strings.Repeat("A", digestLength-len(digestPrefix))}}

// alive is 1 until a secret expires, then 0.
func alive(s *oauth.Secret, now time.Time) int {
	if s.ExpiresAt.IsZero() || now.Before(s.ExpiresAt) {
		return 1
	}
	return 0
}

// secretID names the secret that was just found to be right, or is empty: it
// ended meanwhile, or the proof of a chosen one was forgotten.
func (a *Authenticator) secretID(c *oauth.Client, secret string, now time.Time) string {
	digest := digestOf(secret)
	for i := range c.Secrets {
		s := &c.Secrets[i]
		if alive(s, now) == 0 {
			continue
		}
		made := subtle.ConstantTimeCompare(digest[:], []byte(s.Digest)) == 1
		if made || isChosen(s) && a.proofs.has(a.proofs.of(s.Digest, secret)) {
			return s.ID
		}
	}
	return ""
}
