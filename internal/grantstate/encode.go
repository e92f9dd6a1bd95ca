package grantstate

import (
	"encoding/json"
	"fmt"
)

// Encode returns the stored form of s, of the current Version.
func Encode(s State) ([]byte, error) {
	s.V = Version
	b, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("grantstate: encode: %w", err)
	}
	return b, nil
}

// Decode reads a stored form. A form of another Version is an error: a server
// that does not know a rule must not apply the others.
func Decode(b []byte) (State, error) {
	var s State
	if err := json.Unmarshal(b, &s); err != nil {
		return State{}, fmt.Errorf("grantstate: decode: %w", err)
	}
	if s.V != Version {
		return State{}, fmt.Errorf("grantstate: record has version %d, want %d", s.V, Version)
	}
	return s, nil
}
