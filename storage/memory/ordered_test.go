package memory

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver/storage"
)

// TestOrdered does thousands of random changes to an ordered and to a sorted
// slice and compares what they hold.
func TestOrdered(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var o ordered
	var want []string
	for range 20_000 {
		key := fmt.Sprintf("%04d", random.IntN(5000))
		at, found := slices.BinarySearch(want, key)
		switch {
		case !found:
			o.insert(&record{Record: storage.Record{Key: key}})
			want = slices.Insert(want, at, key)
		case random.IntN(3) == 0:
			o.remove(key)
			want = slices.Delete(want, at, at+1)
		}
	}
	require.Greater(t, len(o.chunks), 2, "the keys are too few to split a chunk")
	require.Equal(t, want, keysAfter(&o, ""))
	for _, after := range []string{"0", "1234", want[700], want[len(want)-1], "9999"} {
		at, found := slices.BinarySearch(want, after)
		if found {
			at++
		}
		require.ElementsMatch(t, want[at:], keysAfter(&o, after))
	}
	for _, key := range want {
		o.remove(key)
	}
	require.Empty(t, o.chunks)
	o.remove("gone")
}

func keysAfter(o *ordered, key string) []string {
	var all []string
	for r := range o.after(key) {
		all = append(all, r.Key)
	}
	return all
}
