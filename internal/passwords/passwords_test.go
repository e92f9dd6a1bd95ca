package passwords

import (
	"context"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// cheap is a Pool whose hashes take microseconds.
func cheap(workers int) *Pool { return newPool(cost{memory: 16, passes: 1, lanes: 1}, workers) }

// Digests of other systems, at costs that are low for the tests' sake:
// "pass word", and 72 times x.
const (
	bcryptDigest = "$2a$04$152GipDwjCA//EihHiag0O6IUadIJ5YZQYc9RsKcUPM2en5S22AQy"
	bcryptOf72   = "$2a$04$Z9e.doa52UjHYl8tWaNZE.eUtaGFdIlyie84FG5agJxfa.SbUU6vK"
)

func pbkdf2Digest(t *testing.T, password string) string {
	t.Helper()
	salt := []byte("salt and more salt")
	key, err := pbkdf2.Key(sha256.New, password, salt, 1000, 32)
	require.NoError(t, err)
	encode := base64.RawStdEncoding.EncodeToString
	return "$pbkdf2-sha256$1000$" + encode(salt) + "$" + strings.ReplaceAll(encode(key), "+", ".")
}

func TestHashThenVerify(t *testing.T) {
	p, ctx := cheap(2), t.Context()
	encoded, err := p.Hash(ctx, "correct horse")
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(encoded, "$argon2id$v=19$m=16,t=1,p=1$"), encoded)
	again, err := p.Hash(ctx, "correct horse")
	require.NoError(t, err)
	require.NotEqual(t, encoded, again, "salted")

	ok, rehash, err := p.Verify(ctx, encoded, "correct horse")
	require.NoError(t, err)
	require.True(t, ok)
	require.False(t, rehash)
	ok, rehash, err = p.Verify(ctx, encoded, "Correct horse")
	require.NoError(t, err)
	require.False(t, ok)
	require.False(t, rehash)
	require.NoError(t, p.Equalize(ctx, "correct horse"))
}

func TestDefaultParameters(t *testing.T) {
	encoded, err := NewPool().Hash(t.Context(), "correct horse")
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(encoded, "$argon2id$v=19$m=19456,t=2,p=1$"), encoded)
}

func TestImportedAndOutdatedDigestsAreVerifiedAndUpgraded(t *testing.T) {
	p, ctx := cheap(2), t.Context()
	older, err := newPool(cost{memory: 8, passes: 1, lanes: 1}, 1).Hash(ctx, "pass word")
	require.NoError(t, err)

	for _, encoded := range []string{
		bcryptDigest, strings.Replace(bcryptDigest, "$2a$", "$2b$", 1), pbkdf2Digest(t, "pass word"), older,
	} {
		ok, rehash, err := p.Verify(ctx, encoded, "pass word")
		require.NoError(t, err, encoded)
		require.True(t, ok, encoded)
		require.True(t, rehash, encoded)
		ok, rehash, err = p.Verify(ctx, encoded, "password")
		require.NoError(t, err)
		require.False(t, ok)
		require.False(t, rehash)
	}
}

// bcrypt reads 72 bytes, and the systems that digests come from cut the rest.
func TestLongPasswordOfAnImportedDigest(t *testing.T) {
	p, ctx := cheap(1), t.Context()
	ok, _, err := p.Verify(ctx, bcryptOf72, strings.Repeat("x", 80))
	require.NoError(t, err)
	require.True(t, ok)
}

func TestUnknownDigests(t *testing.T) {
	for _, encoded := range []string{
		"", "$", "plain", "$plaintext$cGxhaW4", "$1$salt$hash", "$6$salt$hash", "sha256:abc",
		"$argon2id$", "$argon2id$v=19$m=16,t=1,p=1$c2FsdA", "$argon2i$v=19$m=16,t=1,p=1$c2FsdHNhbHQ$AAAA",
		"$2b$xx$short", "$pbkdf2-sha256$1$a$",
	} {
		ok, _, err := cheap(1).Verify(t.Context(), encoded, "plain")
		require.EqualError(t, err, "passwords: digest is not understood", encoded)
		require.False(t, ok)
	}
}

// LC-08, CC-10: bounded cost and a defined result.
func TestUnusablePasswords(t *testing.T) {
	p, ctx := cheap(1), t.Context()
	encoded, err := p.Hash(ctx, "x")
	require.NoError(t, err)
	p.slots <- struct{}{} // whoever hashes now waits for ever
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	for _, password := range []string{"", strings.Repeat("x", MaxLength+1), strings.Repeat("x", 1<<20), "a\x00b", "\xff\xfe"} {
		_, err := p.Hash(canceled, password)
		require.ErrorIs(t, err, ErrUnusable)
		ok, _, err := p.Verify(canceled, encoded, password)
		require.NoError(t, err)
		require.False(t, ok)
		require.NoError(t, p.Equalize(canceled, password))
	}
	_, err = p.Hash(canceled, "tab\there")
	require.ErrorIs(t, err, ErrUnusable)
	require.ErrorIs(t, p.Equalize(canceled, "tab\there"), context.Canceled, "costs as much as any wrong password")
}

func TestLongestPassword(t *testing.T) {
	p, ctx := cheap(1), t.Context()
	longest := strings.Repeat("x", MaxLength)
	encoded, err := p.Hash(ctx, longest)
	require.NoError(t, err)
	ok, _, err := p.Verify(ctx, encoded, longest)
	require.NoError(t, err)
	require.True(t, ok)
	ok, _, err = p.Verify(ctx, encoded, longest[1:])
	require.NoError(t, err)
	require.False(t, ok)
}

// LC-08: forms of one text are one password (RFC 8265 §4.2).
func TestUnicodeForms(t *testing.T) {
	p, ctx := cheap(1), t.Context()
	encoded, err := p.Hash(ctx, "caf\u00e9 \u212b")
	require.NoError(t, err)
	for password, want := range map[string]bool{
		"cafe\u0301 A\u030a":      true,
		"caf\u00e9\u00a0\u00c5":   true, // another space
		"cafe A":                  false,
		"CAF\u00c9 \u00c5":        false,
		"\uff43af\u00e9 \u00c5":   false, // full width is another character
		"caf\u00e9 \u00c5\u200d ": false,
	} {
		ok, _, err := p.Verify(ctx, encoded, password)
		require.NoError(t, err)
		require.Equal(t, want, ok, "%q", password)
	}
}

func TestWaitsNoLongerThanItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := cheap(1)
		p.slots <- struct{}{}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := p.Hash(ctx, "x")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		<-p.slots
		_, err = p.Hash(t.Context(), "x")
		require.NoError(t, err)
	})
}

func TestFloodIsTurnedAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := cheap(1)
		p.slots <- struct{}{}
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for range cap(p.room) {
			wg.Go(func() { _ = p.Equalize(ctx, "x") })
		}
		synctest.Wait()
		require.ErrorIs(t, p.Equalize(ctx, "x"), ErrBusy)
		cancel()
		wg.Wait()
		<-p.slots
		require.NoError(t, p.Equalize(t.Context(), "x"))
	})
}

// Reading a digest never panics, and neither does preparing a password.
func FuzzDecode(f *testing.F) {
	p := cheap(1)
	encoded, err := p.Hash(f.Context(), "x")
	require.NoError(f, err)
	f.Add(encoded, "x")
	f.Add("$2b$10$", "y")
	f.Add("$pbkdf2-sha256$100000$c2FsdA$a2V5", "z")
	f.Fuzz(func(t *testing.T, encoded, password string) {
		_, _ = p.decoder.Decode(encoded)
		require.Equal(t, prepare(password), prepare(prepare(password)))
	})
}
