package engine

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/ory/fosite"

	"github.com/seed36673005/authserver/internal/jose"
	"github.com/seed36673005/authserver/keys"
)

// TypeIDToken is the typ of an ID token.
const TypeIDToken = "JWT"

// idClaims are those of OpenID Connect Core §2 and §3.3.2.11.
type idClaims struct {
	Issuer          string   `json:"iss"`
	Subject         string   `json:"sub"`
	Audience        audience `json:"aud"`
	AuthorizedParty string   `json:"azp"`
	ExpiresAt       int64    `json:"exp"`
	IssuedAt        int64    `json:"iat"`
	AuthTime        int64    `json:"auth_time,omitempty"`
	Nonce           string   `json:"nonce,omitempty"`
	ACR             string   `json:"acr,omitempty"`
	AMR             []string `json:"amr,omitempty"`
	SessionID       string   `json:"sid,omitempty"`
	AccessTokenHash string   `json:"at_hash,omitempty"`
	CodeHash        string   `json:"c_hash,omitempty"`
	StateHash       string   `json:"s_hash,omitempty"`
}

// audience is written as a string when there is one (RFC 7519 §4.1.3).
type audience []string

// MarshalJSON writes one audience as a string.
func (a audience) MarshalJSON() ([]byte, error) {
	if len(a) == 1 {
		return json.Marshal(a[0])
	}
	return json.Marshal([]string(a))
}

// GenerateIDToken makes the ID token of an authorization, bound to the code
// and access token that were made before it in the same request.
func (s *strategy) GenerateIDToken(ctx context.Context, _ time.Duration, _ fosite.Requester) (string, error) {
	a := from(ctx)
	subject, err := s.opts.Subject(a.Client, a.Keys, a.State.Subject)
	if err != nil {
		return "", err
	}
	key, err := signingKey(a.Keys, a.Client.IDTokenSignedResponseAlg)
	if err != nil {
		return "", err
	}
	claims := s.idClaims(a, key.Algorithm, subject)
	extra, err := s.opts.Claims(ctx, a)
	if err != nil {
		return "", err
	}
	return signMerged(key, claims, extra)
}

func (s *strategy) idClaims(a *Authorization, alg, subject string) idClaims {
	c := idClaims{
		Issuer: s.opts.Issuer, Subject: subject,
		Audience: audience{a.Client.ID}, AuthorizedParty: a.Client.ID,
		ExpiresAt: a.Now.Add(s.opts.IDTokenLifetime).Unix(), IssuedAt: a.Now.Unix(),
		ACR: a.State.Authn.ACR, AMR: a.State.Authn.AMR, SessionID: a.State.SessionID,
	}
	// OpenID Connect Core §2: auth_time is required where it was asked for.
	if a.State.Authn.Time != 0 {
		c.AuthTime = unix(a.State.Authn.Time)
	}
	// §12.2: a refreshed ID token need not repeat the nonce; ours does not.
	if a.grantType != refreshGrant {
		c.Nonce = a.State.Authn.Nonce
	}
	c.AccessTokenHash = half(alg, a.access)
	if a.frontID {
		c.CodeHash, c.StateHash = half(alg, a.code), half(alg, a.stateHash)
	}
	return c
}

func half(alg, value string) string {
	if value == "" {
		return ""
	}
	return jose.HalfHash(alg, value)
}

// signMerged signs claims together with those the host added, which cannot
// replace any that the protocol defines.
func signMerged(key keys.Key, claims idClaims, extra map[string]json.RawMessage) (string, error) {
	if len(extra) == 0 {
		return jose.Sign(key, TypeIDToken, claims)
	}
	own, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	merged := make(map[string]json.RawMessage, len(extra)+16)
	for name, value := range extra {
		if !reservedClaims[name] {
			merged[name] = value
		}
	}
	if err := json.Unmarshal(own, &merged); err != nil {
		return "", err
	}
	return jose.Sign(key, TypeIDToken, merged)
}

// reservedClaims are never the host's to set, present or not.
var reservedClaims = map[string]bool{
	"iss": true, "sub": true, "aud": true, "azp": true, "exp": true, "iat": true, "nbf": true, "jti": true,
	"auth_time": true, "nonce": true, "acr": true, "amr": true, "sid": true,
	"at_hash": true, "c_hash": true, "s_hash": true, "cnf": true, "events": true,
}

var errNoKey = errors.New("engine: no key signs with the algorithm that is asked for")

// signingKey is the active key of alg, or the server's default for none.
func signingKey(set *keys.Set, alg string) (keys.Key, error) {
	if alg == "" {
		if algs := set.Algorithms(); len(algs) > 0 {
			alg = algs[0]
		}
	}
	if key, ok := set.Signing(alg); ok {
		return key, nil
	}
	return keys.Key{}, errNoKey
}
