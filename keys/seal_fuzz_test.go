package keys

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"
)

// FuzzOpen feeds the decoder of the record, and that of what is inside.
func FuzzOpen(f *testing.F) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	secret := derive([]byte("fuzz"), "secret")
	sealers, err := newSealers([][]byte{secret})
	if err != nil {
		f.Fatal(err)
	}
	r, err := newRing([]string{ES256, EdDSA, forTokens}, now)
	if err != nil {
		f.Fatal(err)
	}
	policy := ManagedOptions{Algorithms: []string{ES256}}.withDefaults().policy() // RSA keys are slow to make
	sealed, _ := sealers[0].seal(r)
	plain, _ := json.Marshal(r)
	for _, seed := range [][]byte{
		sealed, plain, nil,
		[]byte(`{"v":1,"secret_id":"` + sealers[0].id + `","sealed":"AAAA"}`),
		bytes.Replace(plain, []byte(`"use":"EdDSA"`), []byte(`"use":"ES256"`), 1),
		bytes.Replace(plain, []byte(`"use":"EdDSA"`), []byte(`"use":"ES512"`), 1),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if r, id, err := open(data, sealers); err == nil && (id != sealers[0].id || len(r.Root) != tokenSecretSize) {
			t.Fatal("opened something else")
		}
		r, err := decodeRing(data)
		if err != nil {
			return
		}
		set, err := r.set([]string{ES256, RS256, EdDSA})
		if err != nil {
			return
		}
		if len(set.TokenKey().Secret) != tokenSecretSize {
			t.Fatal("weak token key")
		}
		if _, _, err := r.maintain(policy, now); err != nil {
			t.Log(err)
		}
	})
}
