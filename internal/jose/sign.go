package jose

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/seed36673005/authserver/keys"
)

var b64 = base64.RawURLEncoding

// headerSize is enough for a header of ours, so that it stays on the stack.
const headerSize = 192

// Sign returns claims, encoded as JSON, as a signed JWT with a typ of the
// caller's: JWT, at+jwt, logout+jwt. The key must be an active one of a set.
// It may be called from many goroutines at once.
func Sign(k keys.Key, typ string, claims any) (string, error) {
	m := methodOf(k.Algorithm)
	if m == nil || k.Signer == nil {
		return "", errors.New("jose: not a key to sign with")
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("jose: encode claims: %w", err)
	}
	// The header is made anew each time: writing a hundred bytes takes no
	// longer than finding them in a cache, and nothing has to be kept.
	var space [headerSize]byte
	header, err := appendHeader(space[:0], k, typ)
	if err != nil {
		return "", err
	}
	size := b64.EncodedLen(len(header)) + 1 + b64.EncodedLen(len(payload)) + 1 + b64.EncodedLen(m.signature)
	token := make([]byte, 0, size)
	token = append(b64.AppendEncode(token, header), '.')
	token = b64.AppendEncode(token, payload)
	signature, err := m.sign(k.Signer, token)
	if err != nil {
		return "", fmt.Errorf("jose: sign: %w", err)
	}
	token = append(token, '.')
	return string(b64.AppendEncode(token, signature)), nil
}

// appendHeader writes {"alg":…,"kid":…,"typ":…}.
func appendHeader(b []byte, k keys.Key, typ string) ([]byte, error) {
	if !plain(k.ID) || !plain(typ) {
		return nil, errors.New("jose: a kid or typ with characters that need escaping")
	}
	b = append(append(b, `{"alg":"`...), k.Algorithm...)
	b = append(append(b, `","kid":"`...), k.ID...)
	b = append(append(b, `","typ":"`...), typ...)
	return append(b, `"}`...), nil
}

// plain reports whether s stands in JSON as it is.
func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return s != ""
}
