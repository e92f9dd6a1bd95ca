package demo

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"time"
)

// skew is how far two clocks may differ.
const skew = time.Minute

// an idToken is one whose signature and claims were checked.
type idToken struct {
	// KeyID names the key that signed it.
	KeyID  string
	claims map[string]json.RawMessage
}

// A claim is one line of the table on the page.
type claim struct{ Name, Value, Meaning string }

// meanings are of the claims of OpenID Connect Core §2 and §3.
var meanings = map[string]string{
	"iss": "who issued it", "sub": "who the person is", "aud": "which client it is for",
	"exp": "when it ends", "iat": "when it was issued", "auth_time": "when the person logged in",
	"nonce": "ties it to this login", "acr": "how strong the login was", "amr": "how they logged in",
	"azp": "which client may use it", "sid": "the login session", "at_hash": "ties it to the access token",
}

// verify checks an ID token (OpenID Connect Core §3.1.3.7), but for its nonce.
// The demo's client is registered for ES256, so nothing else is believed.
func (p *provider) verify(ctx context.Context, token string) (*idToken, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil, errors.New("demo: the ID token is no JWS in compact form")
	}
	var header struct{ Alg, Kid string }
	if err := decodePart(parts[0], &header); err != nil {
		return nil, err
	}
	if header.Alg != "ES256" {
		return nil, errors.New("demo: the ID token is signed with another algorithm than ES256")
	}
	key, err := p.key(ctx, header.Kid)
	if err != nil {
		return nil, err
	}
	if !signed(key, parts[0]+"."+parts[1], parts[2]) {
		return nil, errors.New("demo: the signature of the ID token does not verify")
	}
	id := &idToken{KeyID: header.Kid}
	if err := decodePart(parts[1], &id.claims); err != nil {
		return nil, err
	}
	return id, p.judge(id)
}

// judge checks what the claims say.
func (p *provider) judge(id *idToken) error {
	switch {
	case id.text("iss") != p.issuer:
		return errors.New("demo: the ID token is of another issuer")
	case id.text("aud") != p.clientID && !slices.Equal(id.texts("aud"), []string{p.clientID}):
		return errors.New("demo: the ID token is for another client")
	case time.Now().Add(-skew).After(id.time("exp")):
		return errors.New("demo: the ID token has expired")
	}
	return nil
}

// key returns the provider's ES256 key of that kid (RFC 7517 §4, RFC 7518
// §6.2). The set is read each time: a login is rare, and keys rotate.
func (p *provider) key(ctx context.Context, kid string) (*ecdsa.PublicKey, error) {
	m, err := p.metadata(ctx)
	if err != nil {
		return nil, err
	}
	var set struct {
		Keys []struct{ Kid, Kty, Crv, X, Y string }
	}
	if err := p.getJSON(ctx, m.JWKSURI, &set); err != nil {
		return nil, err
	}
	for _, k := range set.Keys {
		if k.Kid == kid && k.Kty == "EC" && k.Crv == "P-256" {
			x, errX := base64.RawURLEncoding.DecodeString(k.X)
			y, errY := base64.RawURLEncoding.DecodeString(k.Y)
			if err := errors.Join(errX, errY); err != nil {
				return nil, fmt.Errorf("demo: the key is not base64url: %w", err)
			}
			return ecdsa.ParseUncompressedPublicKey(elliptic.P256(), slices.Concat([]byte{4}, x, y))
		}
	}
	return nil, errors.New("demo: the provider publishes no key of that kid")
}

// signed checks an ES256 signature: r and s, 32 bytes each (RFC 7518 §3.4).
func signed(key *ecdsa.PublicKey, input, signature string) bool {
	sig, err := base64.RawURLEncoding.DecodeString(signature)
	if err != nil || len(sig) != 64 {
		return false
	}
	digest := sha256.Sum256([]byte(input))
	return ecdsa.Verify(key, digest[:], new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:]))
}

func decodePart(part string, into any) error {
	raw, err := base64.RawURLEncoding.DecodeString(part)
	if err == nil {
		err = json.Unmarshal(raw, into)
	}
	if err != nil {
		return fmt.Errorf("demo: the ID token cannot be read: %w", err)
	}
	return nil
}

// text is a claim that is a string; any other is empty.
func (t *idToken) text(name string) (s string) {
	_ = json.Unmarshal(t.claims[name], &s)
	return s
}

// texts is a claim that is a list of strings; any other is empty.
func (t *idToken) texts(name string) (list []string) {
	_ = json.Unmarshal(t.claims[name], &list)
	return list
}

// time is a claim that is a time; any other is 1970.
func (t *idToken) time(name string) time.Time {
	var seconds int64
	_ = json.Unmarshal(t.claims[name], &seconds)
	return time.Unix(seconds, 0)
}

// Claims are all of them by name, for people to read.
func (t *idToken) Claims() []claim {
	var list []claim
	for _, name := range slices.Sorted(maps.Keys(t.claims)) {
		c := claim{Name: name, Value: strings.Trim(string(t.claims[name]), `"`), Meaning: meanings[name]}
		switch name {
		case "exp", "iat", "auth_time":
			c.Value += " (" + t.time(name).Format(time.TimeOnly) + ")"
		}
		list = append(list, c)
	}
	return list
}
