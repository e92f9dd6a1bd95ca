package storagetest

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver/storage"
)

// caught says which clause is meant to catch each fault.
var caught = map[fault]string{
	kindIgnored:       "Record/Named",
	kindCut:           "Record/AnyKind",
	keyFolded:         "Record/KeyBytes",
	keyTrimmed:        "Record/KeyBytes",
	keyCut:            "Record/KeyLength",
	versionReused:     "Record/VersionNeverTwice",
	indexFolded:       "Record/IndexedBytes",
	emptyNotIndexed:   "Record/IndexedEmpty",
	expirySeconds:     "Record/ExpiresAtKept",
	dataCompacted:     "Record/DataBytes",
	dataBounded:       "Record/DataSize",
	createNoVersion:   "Create/Stores",
	createOverwrites:  "Create/Exists",
	createChecksFirst: "Create/OneWinner",
	expiredBlocks:     "Create/OverExpired",
	expiredChecked:    "Create/OverExpiredOneWinner",
	createVersion:     "Create/VersionIgnored",
	foreignError:      "Get/NotFound",
	expiredFound:      "Get/Expired",
	epochIsNever:      "Get/Expired",
	expiryKept:        "Replace/AllFields",
	lastWriteWins:     "Replace/Conflict",
	conflictNotFound:  "Replace/Conflict",
	conflictWrites:    "Replace/Conflict",
	replaceUpserts:    "Replace/NotFound",
	replaceRevives:    "Replace/Expired",
	deleteKeepsIndex:  "Delete/Removes",
	deleteMissing:     "Delete/Nothing",
	matchesAny:        "List/Matches",
	listNoData:        "List/WholeRecords",
	indexStale:        "List/FollowsReplace",
	listExpired:       "List/Live",
	orderRandom:       "List/FixedOrder",
	pageSkips:         "List/EachOnce",
	cursorOffset:      "List/UnchangedOnce",
	orderOfWrites:     "List/NeverTwice",
	limitIgnored:      "List/Limit",
	nextForever:       "List/LastPage",
	cursorLenient:     "List/BadCursor",
	contextIgnored:    "Storage/ContextEnded",
	contextNotFound:   "Storage/ContextEnded",
	readsStale:        "Storage/VisibleAtOnce",
	dataKept:          "Storage/DataReceived",
	dataHandedOut:     "Storage/DataReturned",
	sweepUncounted:    "Sweeper/Removes",
	sweepUnbounded:    "Sweeper/Limit",
	sweepNever:        "Sweeper/SparesLive",
	sweepChecks:       "Sweeper/BesideOthers",
	healthBroken:      "Health/Works",
	healthDeaf:        "Health/ContextEnded",
}

// caughtToo are further clauses that must catch a fault by themselves.
var caughtToo = map[string]fault{
	"Replace/OneWinner":   replaceChecks,
	"Replace/NothingLost": replaceChecks,
	"Replace/NeverBack":   replaceChecks,
}

func TestFaultsAreCaught(t *testing.T) {
	for f, name := range caught {
		t.Run(string(f), func(t *testing.T) { requireCaught(t, f, name) })
	}
	for name, f := range caughtToo {
		t.Run(string(f)+", by "+name, func(t *testing.T) { requireCaught(t, f, name) })
	}
}

func requireCaught(t *testing.T, f fault, name string) {
	for _, c := range clauses() {
		if c.name == name {
			err := c.run(t.Context(), newFaulty(f))
			require.Error(t, err, "%s did not notice that %s", name, f)
			t.Log(err)
			return
		}
	}
	t.Fatalf("there is no clause %s", name)
}

func TestEveryClauseCatchesAFault(t *testing.T) {
	catching := make(map[string]bool)
	for _, name := range caught {
		catching[name] = true
	}
	for name := range caughtToo {
		catching[name] = true
	}
	for _, c := range clauses() {
		require.True(t, catching[c.name], "no fault is planted for %s", c.name)
	}
}

// TestOneFaultAlone: without its fault the faulty backend is sound, so what a
// clause catches is the fault.
func TestOneFaultAlone(t *testing.T) {
	Run(t, func(*testing.T) storage.Storage { return newFaulty(none) })
}

// TestSentences: the kit quotes the contract as it is.
func TestSentences(t *testing.T) {
	source, err := os.ReadFile("../storage.go")
	require.NoError(t, err)
	contract := strings.Join(strings.Fields(strings.ReplaceAll(string(source), "//", "")), " ")
	for _, c := range clauses() {
		require.Contains(t, contract, c.sentence, c.name)
	}
}

func TestClauseNames(t *testing.T) {
	seen := make(map[string]bool)
	for _, c := range clauses() {
		require.False(t, seen[c.name], "two clauses are named %s", c.name)
		seen[c.name] = true
	}
}

// TestOptionalInterfaces: what a backend does not have is no failure.
func TestOptionalInterfaces(t *testing.T) {
	bare := struct{ storage.Storage }{newFaulty(none)}
	for _, c := range optionalClauses {
		require.False(t, c.has(bare), c.name)
		require.True(t, c.has(newFaulty(none)), c.name)
	}
}

// TestPanics: a panic of the backend is not taken for a broken clause.
func TestPanics(t *testing.T) {
	c := clause{check: func(*kit) { panic("a bug") }}
	require.PanicsWithValue(t, "a bug", func() { _ = c.run(context.Background(), newFaulty(none)) })
}
