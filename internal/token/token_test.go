package token_test

import (
	"bytes"
	"encoding/base64"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/seed36673005/authserver/internal/token"
	"github.com/seed36673005/authserver/keys"
)

type keySet []keys.TokenKey

func (s keySet) TokenKeyByID(id byte) (keys.TokenKey, bool) {
	for _, k := range s {
		if k.ID == id {
			return k, true
		}
	}
	return keys.TokenKey{}, false
}

var (
	kinds  = []token.Kind{token.Code, token.Access, token.Refresh, token.Device}
	labels = map[token.Kind]string{token.Code: "ac", token.Access: "at", token.Refresh: "rt", token.Device: "dc"}
	key    = keys.TokenKey{ID: 7, Secret: bytes.Repeat([]byte{0x5a}, 32)}
	set    = keySet{key}
)

func sample(k token.Kind) token.Token {
	return token.Token{Kind: k, Secret: token.Secret{1, 2, 3, 250}, Seq: 9}
}

func refuses(t *testing.T, c token.Codec, s string) {
	t.Helper()
	got, ok := c.Parse(set, s)
	require.False(t, ok, "accepted %q", s)
	require.Zero(t, got)
}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := token.Codec{Prefix: rapid.StringMatching(`[a-z0-9]{0,12}`).Draw(t, "prefix")}
		want := token.Token{
			Kind:   rapid.SampledFrom(kinds).Draw(t, "kind"),
			Secret: token.Secret(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "secret")),
			Seq:    rapid.Uint32().Draw(t, "seq"),
		}
		k := keys.TokenKey{
			ID:     rapid.Byte().Draw(t, "id"),
			Secret: rapid.SliceOfN(rapid.Byte(), 32, 100).Draw(t, "key"),
		}
		s := c.Make(k, want)
		require.Equal(t, s, c.Make(k, want), "a successor is derived, never drawn")
		got, ok := c.Parse(keySet{k}, s)
		require.True(t, ok)
		require.Equal(t, want, got)
	})
}

// The text is part of the contract: tokens that were handed out must go on
// working after an update of the server.
func TestStableText(t *testing.T) {
	require.Equal(t,
		"as_at_EgcBAgP6AAAAAAAAAAAAAAAAAAAACZTC9ogH9ASvP1NvVeAA8ttm5rK2IV_dq8KLwvDTHjiB",
		token.NewCodec("", "https://login.example").Make(key, sample(token.Access)))
}

func TestAnyOtherTextIsRefused(t *testing.T) {
	c := token.Codec{}
	for _, k := range kinds {
		s := c.Make(key, sample(k))
		t.Run("every byte replaced by every other/"+labels[k], func(t *testing.T) {
			b := []byte(s)
			for i := range b {
				for v := range 256 {
					if b[i] != byte(v) {
						changed := bytes.Clone(b)
						changed[i] = byte(v)
						refuses(t, c, string(changed))
					}
				}
			}
		})
		t.Run("truncated/"+labels[k], func(t *testing.T) {
			for i := range s {
				refuses(t, c, s[:i])
				refuses(t, c, s[i+1:])
			}
		})
		t.Run("extended/"+labels[k], func(t *testing.T) {
			for _, x := range []string{"A", "=", "==", "\n", " ", "\x00", s, strings.Repeat("A", 1<<20)} {
				refuses(t, c, s+x)
				refuses(t, c, x+s)
			}
		})
	}
}

// CG-15, RT-12: a token of one kind is no other kind, whatever it is called.
func TestKindsAreApart(t *testing.T) {
	c := token.Codec{}
	for _, from := range kinds {
		s := c.Make(key, sample(from))
		for _, to := range kinds {
			if from == to {
				continue
			}
			renamed := strings.Replace(s, "_"+labels[from]+"_", "_"+labels[to]+"_", 1)
			refuses(t, c, renamed)
			b, err := base64.RawURLEncoding.DecodeString(renamed[6:])
			require.NoError(t, err)
			b[0] = b[0]&0xf0 | byte(to)
			refuses(t, c, renamed[:6]+base64.RawURLEncoding.EncodeToString(b))
		}
	}
	unknown := token.Token{Kind: 9, Secret: token.Secret{1}, Seq: 1}
	refuses(t, c, c.Make(key, unknown))
	refuses(t, c, c.Make(key, token.Token{}))
}

func TestKeys(t *testing.T) {
	c, want := token.Codec{}, sample(token.Refresh)
	other := keys.TokenKey{ID: key.ID, Secret: bytes.Repeat([]byte{0x5b}, 32)}
	refuses(t, c, c.Make(other, want))
	refuses(t, c, c.Make(keys.TokenKey{ID: 8, Secret: key.Secret}, want))

	ring := keySet{{ID: 1, Secret: other.Secret}, key}
	for _, k := range ring {
		got, ok := c.Parse(ring, c.Make(k, want))
		require.True(t, ok)
		require.Equal(t, want, got)
	}

	for _, short := range []keys.TokenKey{{}, {ID: 7, Secret: key.Secret[:31]}} {
		_, ok := c.Parse(keySet{short}, c.Make(short, want))
		require.False(t, ok, "a short key must mint nothing")
	}
}

func TestPrefix(t *testing.T) {
	a, b := token.Codec{Prefix: "acme"}, token.Codec{Prefix: "acne"}
	s := a.Make(key, sample(token.Access))
	require.True(t, strings.HasPrefix(s, "acme_at_"))
	refuses(t, b, s)
	refuses(t, token.Codec{}, s)
	_, ok := token.Codec{Prefix: token.DefaultPrefix}.Parse(set, token.Codec{}.Make(key, sample(token.Code)))
	require.True(t, ok)
}

// DJ-10: two issuers may share their keys.
func TestIssuer(t *testing.T) {
	a, b := token.NewCodec("", "https://a.example"), token.NewCodec("", "https://b.example")
	s := a.Make(key, sample(token.Access))
	refuses(t, b, s)
	refuses(t, token.Codec{}, s)
}

// Line breaks are skipped by package base64 even when it is strict.
func TestLineBreaksAreRefused(t *testing.T) {
	c := token.Codec{}
	s := c.Make(key, sample(token.Access))
	for i := 6; i < len(s); i++ {
		for _, br := range []string{"\r", "\n", "\r\n"} {
			refuses(t, c, s[:i]+br+s[i:])
			refuses(t, c, (s[:i] + br + s[i:])[:len(s)])
		}
	}
}

// The expressions for secret scanners in the package comment find our tokens.
func TestScannerExpressions(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	found := regexp.MustCompile(`\\bas_(..)_[EF]\S+`).FindAllStringSubmatch(string(doc), -1)
	require.Len(t, found, len(kinds))
	for i, k := range kinds {
		require.Equal(t, labels[k], found[i][1])
		expr := regexp.MustCompile(found[i][0])
		for id := range 256 {
			s := token.Codec{}.Make(keys.TokenKey{ID: byte(id), Secret: key.Secret}, sample(k))
			require.Equal(t, s, expr.FindString("token="+s+"\n"))
		}
	}
}

func FuzzParse(f *testing.F) {
	c := token.Codec{}
	for _, k := range kinds {
		f.Add(c.Make(key, sample(k)))
	}
	f.Add("")
	f.Add("as_at_")
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := c.Parse(set, s)
		if ok {
			require.Equal(t, s, c.Make(key, got), "accepted what Make does not make")
		} else {
			require.Zero(t, got)
		}
	})
}

func BenchmarkMake(b *testing.B) {
	b.ReportAllocs()
	c, t := token.Codec{}, sample(token.Access)
	for b.Loop() {
		c.Make(key, t)
	}
}

func BenchmarkParse(b *testing.B) {
	c := token.Codec{}
	good := c.Make(key, sample(token.Access))
	for _, bb := range []struct{ name, text string }{
		{"good", good},
		{"forged", good[:len(good)-1] + "_"},
		{"garbage", strings.Repeat("x", 1<<20)},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			var find token.KeyFinder = set
			for b.Loop() {
				c.Parse(find, bb.text)
			}
		})
	}
}
