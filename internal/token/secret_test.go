package token_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/seed36673005/authserver/internal/token"
)

// withRandom replaces the random source for one test.
func withRandom(t *testing.T, r io.Reader) {
	old := rand.Reader
	rand.Reader = r
	t.Cleanup(func() { rand.Reader = old })
}

func TestNewSecret(t *testing.T) {
	seen := map[token.Secret]bool{}
	for range 1000 {
		s, err := token.NewSecret()
		require.NoError(t, err)
		require.False(t, seen[s])
		seen[s] = true
	}
}

// SF-07: a random source that fails or runs dry makes nothing weak.
func TestRandomSourceFails(t *testing.T) {
	broken := errors.New("no entropy")
	for name, r := range map[string]io.Reader{
		"fails":    iotest.ErrReader(broken),
		"runs dry": io.MultiReader(bytes.NewReader(make([]byte, 10)), iotest.ErrReader(broken)),
	} {
		t.Run(name, func(t *testing.T) {
			withRandom(t, r)
			s, err := token.NewSecret()
			require.ErrorIs(t, err, broken)
			require.Zero(t, s)
			code, err := token.NewUserCode()
			require.ErrorIs(t, err, broken)
			require.Empty(t, code)
		})
	}
}

func TestDeriveSecret(t *testing.T) {
	a := token.DeriveSecret("interaction", "id")
	require.Equal(t, a, token.DeriveSecret("interaction", "id"))
	require.Equal(t, "6281a82dcd17e3795a6e34d2e451f0c4", hex.EncodeToString(a[:]), "stable across versions")
	for _, other := range [][2]string{{"interaction", "ie"}, {"interactioni", "d"}, {"interactio", "nid"}, {"", "interactionid"}, {"interactionid", ""}} {
		require.NotEqual(t, a, token.DeriveSecret(other[0], other[1]), other)
	}
}

func TestGrantID(t *testing.T) {
	require.Equal(t, "p4i_6OylU51olwDlrxeO11Bi7USnzj0609BiM-HOcs0", token.Secret{}.GrantID(), "stable across versions")
	rapid.Check(t, func(t *rapid.T) {
		s := token.Secret(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "secret"))
		id := s.GrantID()
		require.Regexp(t, `^[A-Za-z0-9_-]{43}$`, id)
		raw, err := base64.RawURLEncoding.DecodeString(id)
		require.NoError(t, err)
		require.NotContains(t, string(raw), string(s[:]))
		flipped := s
		flipped[0] ^= 1
		require.NotEqual(t, id, flipped.GrantID())
	})
}

// However it is printed, logged or marshalled, a secret shows nothing.
func TestSecretIsNotPrinted(t *testing.T) {
	s := token.Secret(bytes.Repeat([]byte{0xab}, 16))
	tok := token.Token{Kind: token.Access, Secret: s, Seq: 1}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%08b", "%t"} {
		fmt.Fprintf(&out, verb+" "+verb+" "+verb+"\n", s, tok, &tok)
	}
	for _, h := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(h).Info("message", "secret", s, "token", tok)
	}
	require.NoError(t, json.NewEncoder(&out).Encode(tok))

	require.Contains(t, out.String(), "[secret]")
	for _, leak := range []string{"abab", "ABAB", "171", "10101011", "\xab", `\xab`, "q6ur"} {
		require.NotContains(t, out.String(), leak)
	}
}
