package ui

import (
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

var (
	here  = netip.MustParseAddr("192.0.2.1")
	there = netip.MustParseAddr("198.51.100.7")
)

func TestSignInLimits(t *testing.T) {
	take := func(l *signInLimits, name string, addr netip.Addr) bool {
		_, _, ok := l.take(name, addr, "")
		return ok
	}
	t.Run("by account, however it is written", func(t *testing.T) {
		l := newSignInLimits(SignInLimit{PerAccount: 3}, nil)
		for _, name := range []string{"alice", " ALICE", "ａlice."} {
			require.True(t, take(l, name, here))
		}
		require.False(t, take(l, "Alice", there))
		require.True(t, take(l, "bob", here))
	})
	t.Run("by address", func(t *testing.T) {
		l := newSignInLimits(SignInLimit{PerAddress: 2}, nil)
		v6 := netip.MustParseAddr("2001:db8::1")
		require.True(t, take(l, "a", v6))
		require.True(t, take(l, "b", v6.Next()))
		require.False(t, take(l, "c", v6.Next().Next()))
		require.True(t, take(l, "c", here))
	})
	t.Run("an account that is full uses up no address", func(t *testing.T) {
		l := newSignInLimits(SignInLimit{PerAccount: 1, PerAddress: 2}, nil)
		require.True(t, take(l, "a", here))
		require.False(t, take(l, "a", here))
		require.True(t, take(l, "b", here))
	})
	t.Run("what succeeded is not counted", func(t *testing.T) {
		l := newSignInLimits(SignInLimit{PerAccount: 1, PerAddress: 1}, nil)
		for range 3 {
			forgive, _, ok := l.take("alice", here, "")
			require.True(t, ok)
			forgive()
		}
	})
	t.Run("none", func(t *testing.T) {
		l := newSignInLimits(SignInLimit{PerAccount: -1, PerAddress: -1}, nil)
		for range 1000 {
			require.True(t, take(l, "alice", here))
		}
	})
	t.Run("until the window is over", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			l := newSignInLimits(SignInLimit{PerAccount: 1, Window: time.Minute}, nil)
			require.True(t, take(l, "alice", here))
			_, wait, ok := l.take("alice", here, "")
			require.False(t, ok)
			require.Equal(t, time.Minute, wait)
			time.Sleep(wait)
			require.True(t, take(l, "alice", here))
		})
	})
}

func TestKnownBrowser(t *testing.T) {
	key := []byte("Zk3tq8Zt1mX0bq4hU7dE2vR9sY6wC5aL")
	l := newSignInLimits(SignInLimit{PerAccount: 1}, key)
	cookie := l.remember("", "Alice")
	_, _, ok := l.take("alice", there, "")
	require.True(t, ok)

	t.Run("has a counter of its own", func(t *testing.T) {
		_, _, ok := l.take("alice", there, "")
		require.False(t, ok)
		_, _, ok = l.take("alice", there, cookie)
		require.True(t, ok)
		_, _, ok = l.take("alice", there, cookie)
		require.False(t, ok)
	})
	t.Run("for its own accounts", func(t *testing.T) {
		_, known := l.knows(cookie, "bob")
		require.False(t, known)
		both := l.remember(cookie, "bob")
		for _, name := range []string{"alice", "bob"} {
			_, known := l.knows(both, name)
			require.True(t, known)
		}
	})
	t.Run("on every replica with the key", func(t *testing.T) {
		_, known := newSignInLimits(SignInLimit{}, key).knows(cookie, "alice")
		require.True(t, known)
		_, known = newSignInLimits(SignInLimit{}, nil).knows(cookie, "alice")
		require.False(t, known)
	})
	t.Run("not with a forged cookie", func(t *testing.T) {
		for _, forged := range []string{"", ".", "x.y", strings.Repeat(".", 500), cookie[:len(cookie)-2], "A" + cookie[1:]} {
			if forged == cookie {
				continue
			}
			_, known := l.knows(forged, "alice")
			require.False(t, known, forged)
		}
	})
	t.Run("stays small", func(t *testing.T) {
		c := cookie
		for i := range 50 {
			c = l.remember(c, strings.Repeat("x", i+1))
		}
		require.LessOrEqual(t, len(c), maxCookie)
		require.Equal(t, c, l.remember(c, strings.Repeat("x", 50)))
	})
}

func TestFormTokens(t *testing.T) {
	token := formToken("key", "login", "id")
	require.True(t, validToken("key", token, "login", "id"))
	require.NotEqual(t, token, formToken("key", "login", "id"))
	for _, bad := range []string{"", ".", "x." + token, token + "x", strings.ToLower(token)} {
		require.False(t, validToken("key", bad, "login", "id"), bad)
	}
	require.False(t, validToken("other", token, "login", "id"))
	require.False(t, validToken("key", token, "loginid"))
	require.False(t, validToken("key", token, "login", "id", ""))
	require.False(t, validToken("key", token, "logini", "d"))
	require.False(t, validToken("", formToken("", "login", "id"), "login", "id"))
}
