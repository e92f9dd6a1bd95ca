package page

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver/storage"
)

func TestStart(t *testing.T) {
	for name, tc := range map[string]struct {
		query storage.Query
		want  Walk
	}{
		"kind alone": {
			storage.Query{Kind: "grant"},
			Walk{Kind: "grant", Limit: 100},
		},
		"client": {
			storage.Query{Kind: "grant", ClientID: "c", Limit: 1},
			Walk{Kind: "grant", Field: ClientID, Value: "c", Limit: 1},
		},
		"subject": {
			storage.Query{Kind: "grant", Subject: "s", Limit: 1000},
			Walk{Kind: "grant", Field: Subject, Value: "s", Limit: 1000},
		},
		"session, second page": {
			storage.Query{Kind: "grant", SessionID: "i", Cursor: cursor("a b")},
			Walk{Kind: "grant", Field: SessionID, Value: "i", After: "a b", Limit: 100},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Start(tc.query)
			require.NoError(t, err)
			require.Equal(t, tc.want, got)
		})
	}
}

func TestStartRefuses(t *testing.T) {
	for name, q := range map[string]storage.Query{
		"no kind":        {},
		"negative limit": {Kind: "grant", Limit: -1},
		"great limit":    {Kind: "grant", Limit: 1001},
		"two fields":     {Kind: "grant", ClientID: "c", Subject: "s"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Start(q)
			require.Error(t, err)
			require.NotErrorIs(t, err, storage.ErrBadCursor)
		})
	}
}

func TestParseCursorRefuses(t *testing.T) {
	for name, c := range map[string]string{
		"no prefix":        "YQ",
		"no key":           "k.",
		"not base64url":    "k.%%",
		"padding":          "k.YQ==",
		"trailing bits":    "k.YR",
		"line break":       "k.YW\nFh",
		"control byte":     cursor("a\x00"),
		"not ASCII":        cursor("é"),
		"longer than keys": cursor(strings.Repeat("a", maxKey+1)),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parseCursor(c)
			require.ErrorIs(t, err, storage.ErrBadCursor)
		})
	}
}

func TestPage(t *testing.T) {
	records := []storage.Record{{Key: "a"}, {Key: "b"}, {Key: "c"}}
	w := Walk{Kind: "grant", Limit: 2}

	first := w.Page(records)
	require.Equal(t, records[:2], first.Records)
	next, err := Start(storage.Query{Kind: "grant", Cursor: first.Next})
	require.NoError(t, err)
	require.Equal(t, "b", next.After)

	require.Empty(t, w.Page(records[:2]).Next, "two records are all there is")
}

// FuzzParseCursor: whatever is accepted is a key, and is the one cursor of it.
func FuzzParseCursor(f *testing.F) {
	for _, seed := range []string{"", "k.", "k.YQ", "k.YR", "YQ", "k.YW\nFh", cursor("~ %_")} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, c string) {
		key, err := parseCursor(c)
		if err != nil {
			require.ErrorIs(t, err, storage.ErrBadCursor)
			return
		}
		require.LessOrEqual(t, len(key), maxKey)
		require.True(t, printable([]byte(key)))
		if c != "" {
			require.Equal(t, c, cursor(key))
		}
	})
}
