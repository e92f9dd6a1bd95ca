package token

import (
	"crypto/rand"
	"fmt"
	"io"
	"strings"
)

// A user code is eight letters, 34 bits, of the alphabet RFC 8628 §6.1 gives:
// no vowels, so that no word appears, no digits, and few look-alikes.
const (
	userCodeAlphabet = "BCDFGHJKLMNPQRSTVWXZ"
	userCodeLen      = 8
	userCodeMaxInput = 64
)

// NewUserCode returns a random user code, written XXXX-XXXX. The error is the
// random source's.
func NewUserCode() (string, error) {
	letters := make([]byte, 0, userCodeLen)
	var random [2 * userCodeLen]byte
	for len(letters) < userCodeLen {
		if _, err := io.ReadFull(rand.Reader, random[:]); err != nil {
			return "", fmt.Errorf("token: random source: %w", err)
		}
		for _, b := range random {
			// 240 is the largest multiple of 20 in a byte: no letter is
			// likelier than another.
			if b < 240 && len(letters) < userCodeLen {
				letters = append(letters, userCodeAlphabet[b%20])
			}
		}
	}
	return writeUserCode(letters), nil
}

// NormalizeUserCode returns what a person typed as NewUserCode wrote it: case,
// spaces and hyphens do not matter. It is false for what cannot be a user code.
func NormalizeUserCode(s string) (string, bool) {
	if len(s) > userCodeMaxInput {
		return "", false
	}
	letters := make([]byte, 0, userCodeLen)
	for i := range len(s) {
		b := s[i]
		if b == ' ' || b == '-' {
			continue
		}
		if 'a' <= b && b <= 'z' {
			b -= 'a' - 'A'
		}
		if strings.IndexByte(userCodeAlphabet, b) < 0 || len(letters) == userCodeLen {
			return "", false
		}
		letters = append(letters, b)
	}
	if len(letters) != userCodeLen {
		return "", false
	}
	return writeUserCode(letters), true
}

func writeUserCode(letters []byte) string {
	const half = userCodeLen / 2
	return string(letters[:half]) + "-" + string(letters[half:])
}
