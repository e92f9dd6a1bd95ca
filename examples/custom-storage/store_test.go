package main

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver/storage"
	"github.com/seed36673005/authserver/storage/storagetest"
)

func TestContract(t *testing.T) {
	s := newStore(t)
	storagetest.Run(t, func(*testing.T) storage.Storage { return s })
}

func newStore(t *testing.T) *store {
	s, err := open(filepath.Join(t.TempDir(), "state.db"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.db.Close()) })
	return s
}

// What was acknowledged is there when the file is opened again, and its
// versions go on from where they were.
func TestReopen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	s, err := open(path)
	require.NoError(t, err)
	r, err := s.Create(t.Context(), storage.Record{Kind: storage.KindGrant, Key: "key", Subject: "alice", Data: []byte(`{"v":1}`)})
	require.NoError(t, err)
	require.NoError(t, s.db.Close())

	s, err = open(path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.db.Close()) })
	found, err := s.Get(t.Context(), storage.KindGrant, "key")
	require.NoError(t, err)
	require.Equal(t, r, found)
	replaced, err := s.Replace(t.Context(), found)
	require.NoError(t, err)
	require.Greater(t, replaced.Version, r.Version)
}
