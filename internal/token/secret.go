package token

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
)

// A Secret is the grant secret: what all tokens of one authorization share.
// It is never stored, and printing it in any way shows nothing of it.
type Secret [16]byte

const redacted = "[secret]"

// NewSecret returns a random secret. The error is the random source's.
func NewSecret() (Secret, error) {
	var s Secret
	if _, err := io.ReadFull(rand.Reader, s[:]); err != nil {
		return Secret{}, fmt.Errorf("token: random source: %w", err)
	}
	return s, nil
}

// DeriveSecret returns the one secret that belongs to an id, so that what
// happens once, such as an interaction, can create one grant only. The id must
// itself be a random secret of at least 128 bits, and be stored as a digest if
// at all. Each use of ids has its own label.
func DeriveSecret(label, id string) Secret {
	b := []byte("authserver secret\x00")
	b = binary.AppendUvarint(b, uint64(len(label)))
	b = append(b, label...)
	b = append(b, id...)
	sum := sha256.Sum256(b)
	return Secret(sum[:len(Secret{})])
}

// GrantID is the key of the authorization's record. It is safe to show: no
// token can be made from it.
func (s Secret) GrantID() string {
	const label = "authserver grant\x00"
	var b [len(label) + len(s)]byte
	copy(b[:], label)
	copy(b[len(label):], s[:])
	sum := sha256.Sum256(b[:])
	var text [43]byte // on the stack; EncodeToString would allocate twice
	base64.RawURLEncoding.Encode(text[:], sum[:])
	return string(text[:])
}

// Format shows nothing of the secret, whatever the verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue shows nothing of the secret.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText shows nothing of the secret.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
