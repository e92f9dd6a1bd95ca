package clientreg

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver/internal/clientauth"
	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage"
	"github.com/seed36673005/authserver/storage/memory"
)

// counting counts the reads of a storage and can stop answering.
type counting struct {
	storage.Storage
	gets atomic.Int64
	down error
}

func (s *counting) Get(ctx context.Context, kind storage.Kind, key string) (storage.Record, error) {
	s.gets.Add(1)
	if s.down != nil {
		return storage.Record{}, s.down
	}
	return s.Storage.Get(ctx, kind, key)
}

func newClients() (*Clients, *counting) {
	st := &counting{Storage: memory.New()}
	return New(st), st
}

// confidential is metadata of a client with a secret, public of one without.
func confidential() oauth.Client {
	return oauth.Client{Name: "Shop", RedirectURIs: []string{"https://shop.example/cb"}, TokenEndpointAuthMethod: oauth.AuthMethodBasic}
}

func public() oauth.Client {
	return oauth.Client{ApplicationType: oauth.ApplicationNative, RedirectURIs: []string{"http://127.0.0.1/cb", "com.app:/cb"}}
}

func TestCreateThenGet(t *testing.T) {
	cs, st := newClients()
	created, secret, err := cs.Create(t.Context(), confidential())
	require.NoError(t, err)
	require.Regexp(t, `^[A-Z2-7]{26}$`, created.ID)
	require.WithinDuration(t, time.Now(), created.CreatedAt, time.Minute)
	require.True(t, clientauth.VerifySecret(&created, secret, time.Now()))

	got, err := cs.Client(t.Context(), created.ID)
	require.NoError(t, err)
	require.Equal(t, created, *got)

	r, err := st.Storage.Get(t.Context(), storage.KindClient, created.ID)
	require.NoError(t, err)
	require.Equal(t, created.ID, r.ClientID)
	require.NotContains(t, string(r.Data), secret)
	require.Contains(t, string(r.Data), `"v":1`)

	again, _, err := cs.Create(t.Context(), created)
	require.ErrorIs(t, err, storage.ErrExists)
	require.Zero(t, again)
}

func TestCreateWithoutMakingASecret(t *testing.T) {
	cs, _ := newClients()
	created, secret, err := cs.Create(t.Context(), public())
	require.NoError(t, err)
	require.Empty(t, secret)
	require.True(t, created.Public())

	c := confidential()
	c.ID = "imported"
	c.Secrets = []oauth.Secret{{ID: "1", Digest: "$2b$12$abcdefghijklmnopqrstuv"}}
	created, secret, err = cs.Create(t.Context(), c)
	require.NoError(t, err)
	require.Empty(t, secret)
	require.Equal(t, c.Secrets, created.Secrets)
}

func TestGetReadsTheStorageAndParsesOnce(t *testing.T) {
	cs, st := newClients()
	created, _, err := cs.Create(t.Context(), confidential())
	require.NoError(t, err)
	for range 3 {
		_, err = cs.Get(t.Context(), created.ID)
		require.NoError(t, err)
	}
	require.EqualValues(t, 3, st.gets.Load())
	first, err := cs.Get(t.Context(), created.ID)
	require.NoError(t, err)
	first.Name = "changed by a caller"
	second, err := cs.Get(t.Context(), created.ID)
	require.NoError(t, err)
	require.Equal(t, "Shop", second.Name)
	require.Equal(t, 1, cs.parsed.Len())

	// Another replica changes it.
	other := New(st)
	changed := *second
	changed.Name = "Store"
	_, version, err := other.GetVersion(t.Context(), created.ID)
	require.NoError(t, err)
	_, _, err = other.Update(t.Context(), changed, version)
	require.NoError(t, err)
	third, err := cs.Get(t.Context(), created.ID)
	require.NoError(t, err)
	require.Equal(t, "Store", third.Name)
}

func TestGetOfWhatCannotBe(t *testing.T) {
	cs, st := newClients()
	for _, id := range []string{"", strings.Repeat("x", 201), "a b", "a\x00", "é", "a\n"} {
		_, err := cs.Get(t.Context(), id)
		require.ErrorIs(t, err, storage.ErrNotFound)
		require.NoError(t, cs.Delete(t.Context(), id))
	}
	require.Zero(t, st.gets.Load())
	_, err := cs.Get(t.Context(), "nobody")
	require.ErrorIs(t, err, storage.ErrNotFound)

	st.down = errors.New("connection refused")
	_, err = cs.Get(t.Context(), "nobody")
	require.ErrorIs(t, err, st.down)
	require.NotErrorIs(t, err, storage.ErrNotFound)
	_, err = cs.RotateSecret(t.Context(), "nobody", 0)
	require.ErrorIs(t, err, st.down)
	_, _, err = cs.Update(t.Context(), oauth.Client{ID: "nobody"}, 1)
	require.ErrorIs(t, err, st.down)
}

func TestRecordsThatAreNotClients(t *testing.T) {
	cs, st := newClients()
	for key, data := range map[string]string{
		"a": `{`, "b": `{"v":2,"client":{"client_id":"b"}}`, "c": `{"v":1,"client":{"client_id":"other"}}`, "d": `[]`,
	} {
		_, err := st.Create(t.Context(), storage.Record{Kind: storage.KindClient, Key: key, Data: []byte(data)})
		require.NoError(t, err)
		_, err = cs.Get(t.Context(), key)
		require.ErrorContains(t, err, "clientreg: record of a client")
		require.NotErrorIs(t, err, storage.ErrNotFound)
	}
}

func TestUpdate(t *testing.T) {
	cs, _ := newClients()
	created, secret, err := cs.Create(t.Context(), confidential())
	require.NoError(t, err)
	_, version, err := cs.GetVersion(t.Context(), created.ID)
	require.NoError(t, err)

	c := confidential()
	c.ID, c.Name = created.ID, "Store"
	updated, made, err := cs.Update(t.Context(), c, version)
	require.NoError(t, err)
	require.Empty(t, made)
	require.Equal(t, "Store", updated.Name)
	require.Equal(t, created.CreatedAt, updated.CreatedAt)
	require.True(t, clientauth.VerifySecret(&updated, secret, time.Now()), "secrets stay")
	got, err := cs.Get(t.Context(), created.ID)
	require.NoError(t, err)
	require.Equal(t, updated, *got)

	_, _, err = cs.Update(t.Context(), c, version)
	require.ErrorIs(t, err, storage.ErrConflict, "of a page that was loaded before")

	_, version, err = cs.GetVersion(t.Context(), created.ID)
	require.NoError(t, err)
	c.RedirectURIs = []string{"javascript:alert(1)"}
	_, _, err = cs.Update(t.Context(), c, version)
	var fault *FieldError
	require.ErrorAs(t, err, &fault)
	require.Equal(t, "redirect_uris[0]", fault.Field)
}

func TestUpdateOfTheMethod(t *testing.T) {
	cs, _ := newClients()
	created, secret, err := cs.Create(t.Context(), confidential())
	require.NoError(t, err)
	update := func(method string) (oauth.Client, string) {
		_, version, err := cs.GetVersion(t.Context(), created.ID)
		require.NoError(t, err)
		c := created
		c.TokenEndpointAuthMethod = method
		updated, made, err := cs.Update(t.Context(), c, version)
		require.NoError(t, err)
		return updated, made
	}
	updated, made := update(oauth.AuthMethodPost)
	require.Empty(t, made)
	require.True(t, clientauth.VerifySecret(&updated, secret, time.Now()))
	updated, made = update(oauth.AuthMethodNone)
	require.Empty(t, made)
	require.Empty(t, updated.Secrets)
	updated, made = update(oauth.AuthMethodBasic)
	require.NotEmpty(t, made)
	require.False(t, clientauth.VerifySecret(&updated, secret, time.Now()), "the old secret does not come back")
	require.True(t, clientauth.VerifySecret(&updated, made, time.Now()))
}

// CA-12: the old secret lives for the overlap.
func TestRotateSecret(t *testing.T) {
	cs, _ := newClients()
	created, first, err := cs.Create(t.Context(), confidential())
	require.NoError(t, err)
	get := func() *oauth.Client {
		c, err := cs.Get(t.Context(), created.ID)
		require.NoError(t, err)
		return c
	}
	second, err := cs.RotateSecret(t.Context(), created.ID, time.Hour)
	require.NoError(t, err)
	now := time.Now()
	require.True(t, clientauth.VerifySecret(get(), first, now))
	require.True(t, clientauth.VerifySecret(get(), second, now))
	require.False(t, clientauth.VerifySecret(get(), first, now.Add(time.Hour)))
	require.True(t, clientauth.VerifySecret(get(), second, now.Add(1000*time.Hour)))

	_, err = cs.RotateSecret(t.Context(), created.ID, 100*time.Hour)
	require.NoError(t, err)
	require.False(t, clientauth.VerifySecret(get(), first, now.Add(time.Hour)), "no longer than it would have been")

	third, err := cs.RotateSecret(t.Context(), created.ID, 0)
	require.NoError(t, err)
	require.Len(t, get().Secrets, 1)
	require.True(t, clientauth.VerifySecret(get(), third, now))

	for range 10 {
		_, err = cs.RotateSecret(t.Context(), created.ID, time.Hour)
		require.NoError(t, err)
	}
	require.Len(t, get().Secrets, maxSecrets)

	open, _, err := cs.Create(t.Context(), public())
	require.NoError(t, err)
	_, err = cs.RotateSecret(t.Context(), open.ID, 0)
	require.ErrorIs(t, err, ErrNotConfidential)
	_, err = cs.RotateSecret(t.Context(), "nobody", 0)
	require.ErrorIs(t, err, storage.ErrNotFound)
}

// Every rotation that succeeded left its secret valid.
func TestRotationsAtOnce(t *testing.T) {
	cs, _ := newClients()
	created, _, err := cs.Create(t.Context(), confidential())
	require.NoError(t, err)
	var mu sync.Mutex
	var made []string
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			secret, err := cs.RotateSecret(context.Background(), created.ID, time.Hour)
			if errors.Is(err, storage.ErrConflict) {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			made = append(made, secret)
		})
	}
	wg.Wait()
	c, err := cs.Get(t.Context(), created.ID)
	require.NoError(t, err)
	require.NotEmpty(t, made)
	for _, secret := range made {
		require.True(t, clientauth.VerifySecret(c, secret, time.Now()))
	}
}

func TestDelete(t *testing.T) {
	cs, _ := newClients()
	created, _, err := cs.Create(t.Context(), confidential())
	require.NoError(t, err)
	_, version, err := cs.GetVersion(t.Context(), created.ID)
	require.NoError(t, err)
	require.NoError(t, cs.Delete(t.Context(), created.ID))
	require.NoError(t, cs.Delete(t.Context(), created.ID))
	_, err = cs.Get(t.Context(), created.ID)
	require.ErrorIs(t, err, storage.ErrNotFound)
	_, _, err = cs.Update(t.Context(), created, version)
	require.ErrorIs(t, err, storage.ErrNotFound, "never a resurrection")
}
