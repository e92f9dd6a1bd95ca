package keys

import (
	"errors"
	"fmt"
)

// minSecret is the least length of a host's secret, in bytes.
const minSecret = 32

// checkSecret refuses a secret that cannot have been chosen at random: a short
// one, and one that repeats itself, as zeros and filled-up passwords do.
func checkSecret(secret []byte) error {
	if len(secret) < minSecret {
		return fmt.Errorf("keys: secret has %d bytes, not at least %d", len(secret), minSecret)
	}
	for period := 1; period <= len(secret)/2; period++ {
		if repeats(secret, period) {
			return errors.New("keys: secret repeats itself and was not chosen at random")
		}
	}
	return nil
}

// repeats reports whether b is its first period bytes over and over.
func repeats(b []byte, period int) bool {
	for i := period; i < len(b); i++ {
		if b[i] != b[i-period] {
			return false
		}
	}
	return true
}
