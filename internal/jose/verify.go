package jose

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/seed36673005/authserver/keys"
)

// The refusals. They say what was wrong and nothing of the token.
var (
	ErrMalformed  = errors.New("jose: not a JWS in compact form of acceptable size and header")
	ErrType       = errors.New("jose: typ is not the one required")
	ErrUnknownKey = errors.New("jose: kid names no known key")
	ErrAlgorithm  = errors.New("jose: alg is not that of the key")
	ErrSignature  = errors.New("jose: signature does not verify")
	ErrClaims     = errors.New("jose: claims are malformed")
	ErrIssuer     = errors.New("jose: iss is not the one required")
	ErrAudience   = errors.New("jose: aud does not hold the one required")
	ErrExpired    = errors.New("jose: expired")
	ErrNotYet     = errors.New("jose: iat or nbf lies in the future")
	ErrPolicy     = errors.New("jose: verification without types or issuer")
)

const (
	// maxToken is the most bytes of a token.
	maxToken = 16 << 10
	// defaultLeeway and maxLeeway are for clocks that differ.
	defaultLeeway = 10 * time.Second
	maxLeeway     = 60 * time.Second
	// maxTime is the last second of the year 9999.
	maxTime = 253402300799
)

// Keys finds verification keys; *keys.Set is one.
type Keys interface {
	Lookup(kid string) (keys.Key, bool)
}

// A Verification is what is required of a token beside its signature.
type Verification struct {
	// Types are the values of typ that will do (RFC 8725 §3.11), with or
	// without application/ before them. Required.
	Types []string
	// Issuer is what iss must be, byte by byte. Required.
	Issuer string
	// Audience is what aud must be or hold. If empty, any will do, and none.
	Audience string
	// Now is the time to judge by. If zero, time.Now.
	Now time.Time
	// Leeway is how far iat and nbf may lie ahead. Zero means 10 s; more than
	// 60 s means 60 s. There is none for exp.
	Leeway time.Duration
	// AllowExpired accepts a token however long ago it expired, as is done
	// with an id_token_hint. It must have an exp all the same.
	AllowExpired bool
}

// A Token is one that was verified.
type Token struct {
	// KeyID and Algorithm are those of the key.
	KeyID, Algorithm string
	// Type is typ as it stood in the header.
	Type string
	// The registered claims (RFC 7519 §4.1), zero where absent.
	Issuer, Subject, ID            string
	Audience                       []string
	ExpiresAt, IssuedAt, NotBefore time.Time
	// Claims is the whole payload: a JSON object.
	Claims []byte
}

// Verify checks a token against keys and returns what it says. Any one fault
// refuses it. It may be called from many goroutines at once.
func Verify(set Keys, token string, v Verification) (*Token, error) {
	if len(v.Types) == 0 || v.Issuer == "" {
		return nil, ErrPolicy
	}
	input, signature, h, err := split(token)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(v.Types, func(t string) bool { return sameType(t, h.typ) }) {
		return nil, ErrType
	}
	k, ok := set.Lookup(h.kid)
	if !ok {
		return nil, ErrUnknownKey
	}
	m := methodOf(k.Algorithm)
	if m == nil || h.alg != k.Algorithm {
		return nil, ErrAlgorithm
	}
	if m.Verify(input, signature, k.Public) != nil {
		return nil, ErrSignature
	}
	t := &Token{KeyID: k.ID, Algorithm: k.Algorithm, Type: h.typ}
	if err := t.readClaims(input[strings.IndexByte(input, '.')+1:]); err != nil {
		return nil, err
	}
	if err := v.check(t); err != nil {
		return nil, err
	}
	return t, nil
}

// header is what is read of a JOSE header. Everything else in it is ignored,
// jku, jwk, x5u and x5c above all, except what must not be.
type header struct{ alg, kid, typ string }

// split takes a token apart: the signing input, the signature, the header.
func split(token string) (input string, signature []byte, h header, err error) {
	// The decoder passes over line ends, in strict mode too.
	if len(token) > maxToken || strings.Count(token, ".") != 2 || strings.ContainsAny(token, "\r\n") {
		return "", nil, header{}, ErrMalformed
	}
	last := strings.LastIndexByte(token, '.')
	input = token[:last]
	signature, err = b64.Strict().DecodeString(token[last+1:])
	if err != nil || len(signature) == 0 {
		return "", nil, header{}, ErrMalformed
	}
	raw, err := b64.Strict().DecodeString(input[:strings.IndexByte(input, '.')])
	if err != nil {
		return "", nil, header{}, ErrMalformed
	}
	h, err = readHeader(raw)
	return input, signature, h, err
}

// readHeader decodes a JOSE header. alg, kid and typ must be there.
func readHeader(raw []byte) (header, error) {
	found, err := members(raw)
	if err != nil {
		return header{}, ErrMalformed
	}
	var h header
	for _, m := range found {
		switch m.name {
		case "alg":
			h.alg, err = text(m.value)
		case "kid":
			h.kid, err = text(m.value)
		case "typ":
			h.typ, err = text(m.value)
		case "crit", "b64", "enc":
			// RFC 7515 §4.1.11: we understand no extension. b64 is one (RFC
			// 7797), and enc makes it another kind of object.
			err = ErrMalformed
		}
		if err != nil {
			return header{}, ErrMalformed
		}
	}
	if h.alg == "" || h.kid == "" {
		return header{}, ErrMalformed
	}
	return h, nil
}

// sameType compares media types as typ abbreviates them (RFC 7515 §4.1.9).
func sameType(a, b string) bool {
	short := func(s string) string {
		const prefix = "application/"
		if len(s) > len(prefix) && strings.EqualFold(s[:len(prefix)], prefix) {
			return s[len(prefix):]
		}
		return s
	}
	return a != "" && strings.EqualFold(short(a), short(b))
}
