package memory_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver/storage"
	"github.com/seed36673005/authserver/storage/memory"
	"github.com/seed36673005/authserver/storage/storagetest"
)

func TestContract(t *testing.T) {
	storagetest.Run(t, func(*testing.T) storage.Storage { return new(memory.Store) })
}

// TestContractOnOneStore runs every clause on the same store.
func TestContractOnOneStore(t *testing.T) {
	s := memory.New()
	storagetest.Run(t, func(*testing.T) storage.Storage { return s })
}

func TestGetAllocatesTheDataAlone(t *testing.T) {
	s := filled(t, 100)
	allocs := testing.AllocsPerRun(100, func() { _, _ = s.Get(t.Context(), "grant", "key7") })
	require.LessOrEqual(t, allocs, 1.0)
}

func filled(tb testing.TB, n int) *memory.Store {
	s := memory.New()
	for i := range n {
		_, err := s.Create(tb.Context(), record(i))
		require.NoError(tb, err)
	}
	return s
}

func record(i int) storage.Record {
	return storage.Record{
		Kind: storage.KindGrant, Key: fmt.Sprintf("key%d", i),
		ClientID: fmt.Sprintf("client%d", i%10), Subject: fmt.Sprintf("subject%d", i), SessionID: fmt.Sprintf("session%d", i),
		ExpiresAt: time.Now().Add(time.Hour), Data: make([]byte, 1000),
	}
}

func BenchmarkGet(b *testing.B) {
	s := filled(b, 100_000)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := s.Get(b.Context(), storage.KindGrant, "key77777"); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkReplace(b *testing.B) {
	s := filled(b, 100_000)
	r, err := s.Get(b.Context(), storage.KindGrant, "key77777")
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		if r, err = s.Replace(b.Context(), r); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCreate(b *testing.B) {
	s := filled(b, 100_000)
	b.ReportAllocs()
	for i := 100_000; b.Loop(); i++ {
		if _, err := s.Create(b.Context(), record(i)); err != nil {
			b.Fatal(err)
		}
	}
}
