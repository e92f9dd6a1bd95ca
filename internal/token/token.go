package token

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"

	"github.com/seed36673005/authserver/keys"
)

// A Kind is what a token is for. A token of one kind is none of another.
type Kind byte

// The kinds.
const (
	Code    Kind = 1 + iota // authorization code (RFC 6749 §1.3.1)
	Access                  // access token (RFC 6749 §1.4)
	Refresh                 // refresh token (RFC 6749 §1.5)
	Device                  // device code (RFC 8628 §3.2)
)

// label is what stands for the kind in a token's text.
func (k Kind) label() string {
	switch k {
	case Code:
		return "ac"
	case Access:
		return "at"
	case Refresh:
		return "rt"
	case Device:
		return "dc"
	}
	return "??"
}

// A Token is what an opaque token says.
type Token struct {
	Kind   Kind
	Secret Secret
	// Seq is the number of the token among those of its kind.
	Seq uint32
}

// A KeyFinder finds a key by its ID. A *keys.Set is one.
type KeyFinder interface {
	TokenKeyByID(id byte) (keys.TokenKey, bool)
}

// The payload: version and kind, key id, secret, number, MAC. Its length is a
// multiple of three, so its base64 has neither padding nor loose bits.
const (
	version = 1

	secretAt   = 2
	seqAt      = secretAt + len(Secret{})
	macAt      = seqAt + 4
	payloadLen = macAt + sha256.Size
	textLen    = payloadLen / 3 * 4

	minKey = 32 // bytes of a key's secret
)

type payload [payloadLen]byte

// DefaultPrefix is what tokens begin with unless configured otherwise.
const DefaultPrefix = "as"

// A Codec makes and reads tokens. The zero value is ready, and any number of
// goroutines may use one.
type Codec struct {
	// Prefix is what every token begins with; empty means DefaultPrefix. It
	// is plain text for people and secret scanners, of the characters A-Z
	// a-z 0-9 only.
	Prefix string
	// Issuer is a digest of the issuer whose tokens these are, which the MAC
	// covers: a token of one issuer is none of another that has the same keys.
	Issuer [sha256.Size]byte
}

// NewCodec is the codec of an issuer.
func NewCodec(prefix, issuer string) Codec {
	return Codec{Prefix: prefix, Issuer: sha256.Sum256([]byte(issuer))}
}

// Make returns the token's text. A token whose key is shorter than 32 bytes, or
// whose kind is unknown, is one that Parse refuses.
func (c Codec) Make(k keys.TokenKey, t Token) string {
	var p payload
	p[0] = version<<4 | byte(t.Kind)
	p[1] = k.ID
	copy(p[secretAt:], t.Secret[:])
	binary.BigEndian.PutUint32(p[seqAt:], t.Seq)
	sum := p.mac(k.Secret, &c.Issuer)
	copy(p[macAt:], sum[:])

	var buf [textLen + 32]byte // on the stack; a long prefix moves it to the heap
	text := append(buf[:0], c.prefix()...)
	text = append(text, '_')
	text = append(text, t.Kind.label()...)
	text = append(text, '_')
	return string(base64.RawURLEncoding.AppendEncode(text, p[:]))
}

// Parse reads a token's text. It is false for every text but one that Make
// made, with a key that set still has.
func (c Codec) Parse(set KeyFinder, s string) (Token, bool) {
	kind, body, ok := c.cut(s)
	if !ok {
		return Token{}, false
	}
	var p payload
	if !p.decode(body) || p[0] != version<<4|byte(kind) {
		return Token{}, false
	}
	k, ok := set.TokenKeyByID(p[1])
	if !ok || len(k.Secret) < minKey {
		return Token{}, false
	}
	if sum := p.mac(k.Secret, &c.Issuer); !hmac.Equal(sum[:], p[macAt:]) {
		return Token{}, false
	}
	return Token{
		Kind:   kind,
		Secret: Secret(p[secretAt:seqAt]),
		Seq:    binary.BigEndian.Uint32(p[seqAt:macAt]),
	}, true
}

func (c Codec) prefix() string {
	if c.Prefix == "" {
		return DefaultPrefix
	}
	return c.Prefix
}

// cut splits "prefix_label_body" after checking every length, so that what is
// looked at afterwards is bounded.
func (c Codec) cut(s string) (kind Kind, body string, ok bool) {
	head := c.prefix()
	if len(s) != len(head)+4+textLen || s[:len(head)] != head {
		return 0, "", false
	}
	label, body := s[len(head):len(head)+4], s[len(head)+4:]
	for kind := Code; kind <= Device; kind++ {
		if label[0] == '_' && label[1:3] == kind.label() && label[3] == '_' {
			return kind, body, true
		}
	}
	return 0, "", false
}

// decode is strict: text that is shorter after leaving out line breaks, which
// package base64 skips, does not fill the payload.
func (p *payload) decode(body string) bool {
	var text [textLen]byte
	copy(text[:], body)
	n, err := base64.RawURLEncoding.Decode(p[:], text[:])
	return err == nil && n == payloadLen
}
