package keys_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver/keys"
)

// DJ-09, F-19: without storage the keys of the moment go on signing, and no
// others are made.
func TestDJ09_StorageDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := &store{}
		var log bytes.Buffer
		opts := es256
		opts.Logger = slog.New(slog.NewTextHandler(&log, nil))
		ring := managed(t, st, opts)
		before := signingID(t, latest(t, ring))

		st.set(func(s *store) { s.down = true })
		for range 300 { // well past rotation
			require.Equal(t, before, signingID(t, latest(t, ring)))
			time.Sleep(12 * time.Hour)
		}
		require.Contains(t, log.String(), "ring not refreshed")

		st.set(func(s *store) { s.down = false })
		latest(t, ring) // publishes the next one
		time.Sleep(25 * time.Hour)
		set := latest(t, ring)
		require.NotEqual(t, before, signingID(t, set))
		_, ok := set.Lookup(before)
		require.True(t, ok)
	})
}

func TestStorageHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := &store{}
		ring := managed(t, st, es256)
		latest(t, ring)
		st.set(func(s *store) { s.hang = true })

		time.Sleep(90 * time.Second)
		began := time.Now()
		_, err := ring.Keys(t.Context())
		require.NoError(t, err)
		require.Zero(t, time.Since(began), "in the background")

		time.Sleep(time.Hour)
		began = time.Now()
		for range 100 {
			_, err := ring.Keys(t.Context())
			require.NoError(t, err)
		}
		require.Equal(t, time.Second, time.Since(began), "one wait in all")
		time.Sleep(time.Minute) // let it time out
	})
}

func TestIdleReplicaAsksFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := &store{}
		busy, idle := managed(t, st, es256), managed(t, st, es256)
		latest(t, idle)
		time.Sleep(30 * day)
		require.NoError(t, busy.Rotate(t.Context()))
		set, err := idle.Keys(t.Context())
		require.NoError(t, err)
		require.Equal(t, signingID(t, latest(t, busy)), signingID(t, set))
	})
}

func TestFirstLoadFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := &store{down: true}
		ring := managed(t, st, es256)
		_, err := ring.Keys(t.Context())
		require.ErrorIs(t, err, errDown)
		st.set(func(s *store) { s.down, s.hang = false, true })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = ring.Keys(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		time.Sleep(time.Minute)
		st.set(func(s *store) { s.hang = false })
		latest(t, ring)
	})
}

// A write whose answer was lost is found by the next look; nothing that may
// not be stored is used.
func TestLostAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := &store{lost: true}
		ring := managed(t, st, es256)
		_, err := ring.Keys(t.Context())
		require.ErrorIs(t, err, errDown)
		set := latest(t, ring)
		require.Equal(t, set.JWKS(), latest(t, managed(t, st, es256)).JWKS())

		st.set(func(s *store) { s.lost = true })
		require.ErrorIs(t, ring.Rotate(t.Context()), errDown)
		require.Equal(t, signingID(t, set), signingID(t, latest(t, ring)))
		time.Sleep(time.Minute)
		require.Equal(t, latest(t, managed(t, st, es256)).JWKS(), latest(t, ring).JWKS())
	})
}

// While nothing can be written the ring is used as it is; what could not be
// stored has not happened.
func TestReadOnlyStorage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := &store{}
		first := managed(t, st, es256)
		latest(t, first)
		time.Sleep(time.Hour)
		want := latest(t, first)
		next := kids(t, want)[1]

		st.set(func(s *store) { s.sealed = true })
		require.Equal(t, want.JWKS(), latest(t, managed(t, st, es256)).JWKS())
		require.ErrorIs(t, first.Rotate(t.Context()), errDown)
		require.ErrorIs(t, first.Remove(t.Context(), next), errDown)
		require.Equal(t, want.JWKS(), latest(t, first).JWKS())

		st.set(func(s *store) { s.sealed = false })
		require.NoError(t, first.Rotate(t.Context()))
		require.Equal(t, next, signingID(t, latest(t, first)))
	})
}

// A store that lost its last writes, or everything, gets the ring back.
func TestStoreGoesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := &store{}
		ring := managed(t, st, es256)
		latest(t, ring)
		old := st.data()
		require.NoError(t, ring.Rotate(t.Context()))
		want := latest(t, ring).JWKS()

		st.set(func(s *store) { s.rec.Data = old; s.version++; s.rec.Version = s.version })
		time.Sleep(time.Minute)
		require.Equal(t, want, latest(t, ring).JWKS())
		require.Equal(t, want, latest(t, managed(t, st, es256)).JWKS())

		st.set(func(s *store) { s.rec = nil })
		time.Sleep(time.Minute)
		require.Equal(t, want, latest(t, ring).JWKS())
		require.Equal(t, want, latest(t, managed(t, st, es256)).JWKS())
	})
}

func TestWrongSecret(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := &store{}
		latest(t, managed(t, st, es256))
		before := st.data()
		ring, err := keys.Managed(st, randomBytes(32), es256)
		require.NoError(t, err)
		_, err = ring.Keys(t.Context())
		require.ErrorIs(t, err, keys.ErrWrongSecret)
		require.Equal(t, before, st.data(), "left alone")
	})
}

func TestPreviousSecret(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := &store{}
		old := managed(t, st, es256)
		want := latest(t, old)

		fresh := randomBytes(32)
		opts := es256
		opts.PreviousSecrets = [][]byte{secret}
		both, err := keys.Managed(st, fresh, opts)
		require.NoError(t, err)
		require.Equal(t, want.JWKS(), latest(t, both).JWKS())

		alone, err := keys.Managed(st, fresh, es256)
		require.NoError(t, err)
		set := latest(t, alone)
		require.Equal(t, want.JWKS(), set.JWKS())
		require.Equal(t, want.Derive("pairwise"), set.Derive("pairwise"))
		require.Equal(t, want.TokenKey(), set.TokenKey())

		time.Sleep(time.Hour)
		require.Equal(t, want.JWKS(), latest(t, old).JWKS(), "a replica of before goes on")
	})
}

func TestDamagedRing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := &store{}
		ring := managed(t, st, es256)
		want := latest(t, ring).JWKS()
		for _, data := range [][]byte{nil, []byte("{"), []byte("{}"), []byte(`{"v":2}`), flip(st.data())} {
			st.set(func(s *store) { s.rec.Data = data; s.version++; s.rec.Version = s.version })
			_, err := managed(t, st, es256).Keys(t.Context())
			require.Error(t, err)
			require.NotErrorIs(t, err, keys.ErrWrongSecret)
			time.Sleep(time.Hour)
			require.Equal(t, want, latest(t, ring).JWKS())
			require.Equal(t, data, st.data(), "left alone")
		}
	})
}

// flip changes one bit of what is sealed.
func flip(data []byte) []byte {
	i := bytes.Index(data, []byte(`"sealed":"`)) + 40
	if data[i] == 'A' {
		data[i] = 'B'
	} else {
		data[i] = 'A'
	}
	return data
}

func TestRecordHidesKeys(t *testing.T) {
	st := &store{}
	set, err := managed(t, st, es256).Keys(t.Context())
	require.NoError(t, err)
	k, _ := set.Signing(keys.ES256)
	private := k.Signer.(*ecdsa.PrivateKey)
	pkcs8 := must(x509.MarshalPKCS8PrivateKey(private))
	data := st.data()
	require.True(t, json.Valid(data))
	var envelope struct{ Sealed []byte }
	require.NoError(t, json.Unmarshal(data, &envelope))
	for _, private := range [][]byte{pkcs8, must(private.Bytes()), set.TokenKey().Secret, secret} {
		for _, place := range [][]byte{data, envelope.Sealed} {
			require.NotContains(t, string(place), string(private))
			require.NotContains(t, string(place), base64.StdEncoding.EncodeToString(private))
		}
	}
}
