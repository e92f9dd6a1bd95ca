package main

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"strings"
)

// A hostSecret is what the database must not hold: 32 random bytes that seal
// the keys, and from which the demo's credentials are derived, so that they
// stay the same for as long as the file does.
type hostSecret [32]byte

// openSecret reads the secret, or makes one that only its owner can read. One
// that others can read is refused: it may be theirs by now.
func openSecret(path string) (hostSecret, error) {
	var s hostSecret
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return newSecret(path)
	}
	if err != nil {
		return s, fmt.Errorf("secret file: %w", err)
	}
	if err := checkMode(path); err != nil {
		return s, err
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(content)))
	if err != nil || len(raw) != len(s) {
		return s, fmt.Errorf("secret file %s: want %d bytes in base64", path, len(s))
	}
	copy(s[:], raw)
	return s, nil
}

func checkMode(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("secret file: %w", err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 { // Windows has no such bits
		return fmt.Errorf("secret file %s: others may use it (mode %04o), want 0600", path, info.Mode().Perm())
	}
	return nil
}

func newSecret(path string) (hostSecret, error) {
	var s hostSecret
	rand.Read(s[:])
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return s, fmt.Errorf("secret file: %w", err)
	}
	_, err = f.WriteString(base64.StdEncoding.EncodeToString(s[:]) + "\n")
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return s, fmt.Errorf("secret file: %w", err)
	}
	return s, nil
}

// derive returns 32 bytes of their own for each purpose.
func (s hostSecret) derive(purpose string) []byte {
	key, err := hkdf.Key(sha256.New, s[:], nil, "authserver quickstart "+purpose, 32)
	if err != nil {
		panic(err) // the length is a constant
	}
	return key
}

// clientSecret is the confidential client's: 256 bits, in the form of those
// that the server makes.
func (s hostSecret) clientSecret() string {
	return "cs_" + base64.RawURLEncoding.EncodeToString(s.derive("client secret"))
}

// password is alice's: 80 bits, in four groups that one can type.
func (s hostSecret) password() string {
	text := strings.ToLower(base32.StdEncoding.EncodeToString(s.derive("password")[:10]))
	return strings.Join([]string{text[:4], text[4:8], text[8:12], text[12:]}, "-")
}
