package jose

import (
	"encoding/json"
	"slices"
	"strconv"
	"time"
)

// readClaims decodes a payload and the registered claims in it.
func (t *Token) readClaims(encoded string) error {
	var err error
	if t.Claims, err = b64.Strict().DecodeString(encoded); err != nil {
		return ErrClaims
	}
	found, err := members(t.Claims)
	if err != nil {
		return ErrClaims
	}
	for _, m := range found {
		if t.readClaim(m) != nil {
			return ErrClaims
		}
	}
	return nil
}

// readClaim decodes one claim, if it is a registered one.
func (t *Token) readClaim(m member) (err error) {
	switch m.name {
	case "iss":
		t.Issuer, err = text(m.value)
	case "sub":
		t.Subject, err = text(m.value)
	case "jti":
		t.ID, err = text(m.value)
	case "aud":
		t.Audience, err = audience(m.value)
	case "exp":
		t.ExpiresAt, err = numericDate(m.value)
	case "iat":
		t.IssuedAt, err = numericDate(m.value)
	case "nbf":
		t.NotBefore, err = numericDate(m.value)
	}
	return err
}

// audience decodes aud: a string or an array of strings.
func audience(value []byte) ([]string, error) {
	if value[0] == '"' {
		one, err := text(value)
		return []string{one}, err
	}
	var many []string
	return many, json.Unmarshal(value, &many)
}

// numericDate decodes whole seconds. RFC 7519 §2 allows fractions too; who
// signs for us writes none, and a float would hide how large it is.
func numericDate(value []byte) (time.Time, error) {
	seconds, err := strconv.ParseInt(string(value), 10, 64)
	if err != nil {
		return time.Time{}, err
	}
	if seconds <= 0 || seconds > maxTime {
		return time.Time{}, ErrClaims
	}
	return time.Unix(seconds, 0), nil
}

// check judges the claims.
func (v Verification) check(t *Token) error {
	now, leeway := v.Now, min(v.Leeway, maxLeeway)
	if now.IsZero() {
		now = time.Now()
	}
	if leeway <= 0 {
		leeway = defaultLeeway
	}
	switch {
	case t.Issuer != v.Issuer:
		return ErrIssuer
	case v.Audience != "" && !slices.Contains(t.Audience, v.Audience):
		return ErrAudience
	case t.ExpiresAt.IsZero():
		return ErrClaims
	case !v.AllowExpired && !now.Before(t.ExpiresAt):
		return ErrExpired
	case t.IssuedAt.After(now.Add(leeway)), t.NotBefore.After(now.Add(leeway)):
		return ErrNotYet
	}
	return nil
}
