package ui_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-crypt/crypt/algorithm/bcrypt"
	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver"
	"github.com/seed36673005/authserver/grants"
	"github.com/seed36673005/authserver/storage"
	"github.com/seed36673005/authserver/storage/memory"
	"github.com/seed36673005/authserver/ui"
)

func TestStoredUsers(t *testing.T) {
	users := ui.NewUsers(memory.New())
	ctx := t.Context()
	alice, err := users.Create(ctx, ui.User{Username: "Alice", Claims: map[string]any{"email": "alice@example.com", "email_verified": true}}, password)
	require.NoError(t, err)
	require.NotEqual(t, "Alice", alice.Subject)

	t.Run("logs in under every spelling", func(t *testing.T) {
		for _, name := range []string{"Alice", "alice", " ALICE ", "ａｌｉｃｅ", "alice."} {
			who, err := users.Authenticate(ctx, name, password)
			require.NoError(t, err)
			require.Equal(t, grants.Authenticated{Subject: alice.Subject, AMR: []string{"pwd"}}, who)
		}
	})
	t.Run("one name is one user", func(t *testing.T) {
		_, err := users.Create(ctx, ui.User{Username: "aLICE"}, password)
		require.ErrorIs(t, err, ui.ErrUserExists)
	})
	t.Run("names and passwords that cannot be", func(t *testing.T) {
		for _, name := range []string{"", "  ", "...", strings.Repeat("x", 256)} {
			_, err := users.Create(ctx, ui.User{Username: name}, password)
			require.ErrorIs(t, err, ui.ErrUsername, name)
		}
		for _, bad := range []string{"", "short", "seven77", strings.Repeat("x", 1025), "with\x00control", "bad \xff utf-8"} {
			_, err := users.Create(ctx, ui.User{Username: "new"}, bad)
			require.ErrorIs(t, err, ui.ErrPassword)
			require.ErrorIs(t, users.SetPassword(ctx, alice.Subject, bad), ui.ErrPassword)
		}
	})
	t.Run("claims that were asked for", func(t *testing.T) {
		claims, err := users.Claims(ctx, alice.Subject, []string{"email", "email_verified", "preferred_username", "name", "sub"})
		require.NoError(t, err)
		require.Equal(t, map[string]json.RawMessage{
			"email": json.RawMessage(`"alice@example.com"`), "email_verified": json.RawMessage(`true`), "preferred_username": json.RawMessage(`"Alice"`),
		}, claims)
		require.NoError(t, users.SetClaims(ctx, alice.Subject, map[string]any{"preferred_username": "ally"}))
		claims, err = users.Claims(ctx, alice.Subject, []string{"email", "preferred_username"})
		require.NoError(t, err)
		require.Equal(t, map[string]json.RawMessage{"preferred_username": json.RawMessage(`"ally"`)}, claims)
	})
	t.Run("found", func(t *testing.T) {
		found, err := users.Find(ctx, "ALICE")
		require.NoError(t, err)
		got, err := users.Get(ctx, alice.Subject)
		require.NoError(t, err)
		require.Equal(t, got, found)
		require.Equal(t, "Alice", got.Username)
		_, err = users.Find(ctx, "nobody")
		require.ErrorIs(t, err, ui.ErrNoUser)
		_, err = users.Get(ctx, "nobody")
		require.ErrorIs(t, err, ui.ErrNoUser)
		require.ErrorIs(t, users.Disable(ctx, "nobody"), ui.ErrNoUser)
	})
	t.Run("deleted", func(t *testing.T) {
		bob, err := users.Create(ctx, ui.User{Username: "bob"}, password)
		require.NoError(t, err)
		require.NoError(t, users.Delete(ctx, bob.Subject))
		require.NoError(t, users.Delete(ctx, bob.Subject))
		require.ErrorIs(t, users.Check(ctx, bob.Subject), authserver.ErrSubjectGone)
		again, err := users.Create(ctx, ui.User{Username: "bob"}, password)
		require.NoError(t, err)
		require.NotEqual(t, bob.Subject, again.Subject)
	})
	t.Run("disabled and enabled", func(t *testing.T) {
		require.NoError(t, users.Check(ctx, alice.Subject))
		require.NoError(t, users.Disable(ctx, alice.Subject))
		require.ErrorIs(t, users.Check(ctx, alice.Subject), authserver.ErrSubjectGone)
		_, err := users.Claims(ctx, alice.Subject, nil)
		require.ErrorIs(t, err, authserver.ErrSubjectGone)
		_, err = users.Authenticate(ctx, "alice", password)
		require.ErrorIs(t, err, grants.ErrBadCredentials)
		require.NoError(t, users.Enable(ctx, alice.Subject))
		require.NoError(t, users.Check(ctx, alice.Subject))
	})
}

func TestImportedPassword(t *testing.T) {
	store := memory.New()
	users := ui.NewUsers(store)
	hasher, err := bcrypt.New(bcrypt.WithIterations(10))
	require.NoError(t, err)
	digest, err := hasher.Hash(password)
	require.NoError(t, err)
	old, err := users.Import(t.Context(), ui.User{Username: "old", Subject: "1234"}, digest.Encode())
	require.NoError(t, err)
	require.Equal(t, "1234", old.Subject)
	_, err = users.Authenticate(t.Context(), "old", "wrong password")
	require.ErrorIs(t, err, grants.ErrBadCredentials)
	for range 2 { // the second time with the digest that the first one made
		_, err = users.Authenticate(t.Context(), "old", password)
		require.NoError(t, err)
		kept, err := store.List(t.Context(), storage.Query{Kind: storage.KindUser})
		require.NoError(t, err)
		require.True(t, slices.ContainsFunc(kept.Records, func(r storage.Record) bool {
			return strings.Contains(string(r.Data), "$argon2id$")
		}))
	}
	_, err = users.Import(t.Context(), ui.User{Username: "second", Subject: "1234"}, digest.Encode())
	require.ErrorIs(t, err, ui.ErrUserExists)
	_, err = users.Import(t.Context(), ui.User{Username: "third", Subject: "with space"}, digest.Encode())
	require.ErrorIs(t, err, ui.ErrSubject)
	_, err = users.Import(t.Context(), ui.User{Username: "fourth"}, "plain text")
	require.Error(t, err)
	require.NotContains(t, err.Error(), "plain text")
}

func TestOneOfManyGetsTheName(t *testing.T) {
	users := ui.NewUsers(memory.New())
	var won atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			switch _, err := users.Create(t.Context(), ui.User{Username: "alice"}, password); {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, ui.ErrUserExists):
				t.Error(err)
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 1, won.Load())
}

// A dead is a storage that answers nothing.
type dead struct{ *memory.Store }

var errDead = errors.New("no connection")

func (dead) Get(context.Context, storage.Kind, string) (storage.Record, error) {
	return storage.Record{}, errDead
}

func TestStorageTrouble(t *testing.T) {
	users := ui.NewUsers(dead{memory.New()})
	_, err := users.Authenticate(t.Context(), "alice", password)
	require.ErrorIs(t, err, errDead)
	require.ErrorIs(t, users.Check(t.Context(), "x"), errDead)
	require.ErrorIs(t, users.SetClaims(t.Context(), "x", nil), errDead)
}

// TestEqualCost: unknown, wrong and disabled take equally long. By default the
// bound only tells a slow hash from none; with AUTHSERVER_SLOW=1 the medians of
// interleaved attempts differ by at most 5 % or 1 ms.
func TestEqualCost(t *testing.T) {
	samples, tolerance := 9, 1.0
	if os.Getenv("AUTHSERVER_SLOW") == "1" {
		samples, tolerance = 101, 0.05
	}
	users := ui.NewUsers(memory.New())
	ctx := t.Context()
	_, err := users.Create(ctx, ui.User{Username: "alice"}, password)
	require.NoError(t, err)
	_, err = users.Create(ctx, ui.User{Username: "carol", Disabled: true}, password)
	require.NoError(t, err)
	attempts := [][2]string{{"alice", "wrong password"}, {"nobody", "wrong password"}, {"carol", password}}
	times := make([][]time.Duration, len(attempts))
	for range samples {
		for i, a := range attempts {
			start := time.Now()
			_, err := users.Authenticate(ctx, a[0], a[1])
			times[i] = append(times[i], time.Since(start))
			require.ErrorIs(t, err, grants.ErrBadCredentials)
		}
	}
	median := func(i int) time.Duration {
		slices.Sort(times[i])
		return times[i][len(times[i])/2]
	}
	wrong := median(0)
	slack := max(time.Millisecond, time.Duration(tolerance*float64(wrong)))
	t.Logf("wrong %v, unknown %v, disabled %v", wrong, median(1), median(2))
	require.InDelta(t, wrong, median(1), float64(slack))
	require.InDelta(t, wrong, median(2), float64(slack))
}
