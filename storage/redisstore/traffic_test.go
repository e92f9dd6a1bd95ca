package redisstore_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver/storage"
	"github.com/seed36673005/authserver/storage/redisstore"
)

// A traffic is counters, each in a record of its own that one goroutine
// replaces again and again, and what it was told of each.
type traffic struct {
	s    *redisstore.Store
	stop atomic.Bool
	all  sync.WaitGroup

	counters []*counter
	faults   chan error // promises that were broken
}

type counter struct {
	key                        string
	acknowledged               atomic.Int64 // the greatest number that was
	successes, unknowns, lates atomic.Int64
}

func startTraffic(t *testing.T, s *redisstore.Store, n int) *traffic {
	tr := &traffic{s: s, faults: make(chan error, n)}
	for i := range n {
		c := &counter{key: fmt.Sprintf("counter%d", i)}
		r := record(c.key)
		r.Data = []byte("0")
		r, err := s.Create(t.Context(), r)
		require.NoError(t, err)
		tr.counters = append(tr.counters, c)
		tr.all.Go(func() {
			if err := c.count(t.Context(), tr, r); err != nil {
				tr.faults <- fmt.Errorf("%s: %w", c.key, err)
			}
		})
	}
	return tr
}

// count ends with the traffic or with a fault: a promise that was broken.
func (c *counter) count(ctx context.Context, tr *traffic, r storage.Record) error {
	sure := true // r is what an acknowledged write returned
	for n := int64(1); !tr.stop.Load(); n++ {
		r.Data = strconv.AppendInt(nil, n, 10)
		replaced, err := tr.s.Replace(ctx, r)
		switch {
		case err == nil:
			r, sure = replaced, true
			c.acknowledged.Store(n)
			c.successes.Add(1)
			continue
		case sure && (errors.Is(err, storage.ErrConflict) || errors.Is(err, storage.ErrNotFound)):
			return fmt.Errorf("Replace of what was acknowledged: %w", err)
		case errors.Is(err, storage.ErrConflict):
			c.lates.Add(1)
		default:
			c.unknowns.Add(1)
		}
		if r, err = c.reread(ctx, tr); err != nil {
			return err
		}
		sure = false
	}
	return nil
}

// reread gets the record until that works, and compares it with what was
// acknowledged.
func (c *counter) reread(ctx context.Context, tr *traffic) (storage.Record, error) {
	for {
		r, err := tr.s.Get(ctx, "grant", c.key)
		if errors.Is(err, storage.ErrNotFound) {
			return r, errors.New("the record is lost")
		}
		if err != nil {
			if ctx.Err() != nil {
				return r, err
			}
			continue
		}
		n, err := strconv.ParseInt(string(r.Data), 10, 64)
		if err == nil && n < c.acknowledged.Load() {
			err = fmt.Errorf("%d was acknowledged, and %d is stored", c.acknowledged.Load(), n)
		}
		return r, err
	}
}

// goesOn returns once every counter has been written some times more.
func (tr *traffic) goesOn(t *testing.T) {
	t.Helper()
	for _, c := range tr.counters {
		before := c.successes.Load()
		require.Eventually(t, func() bool {
			return len(tr.faults) > 0 || c.successes.Load() > before+5
		}, 30*time.Second, time.Millisecond)
		tr.isSound(t)
	}
}

func (tr *traffic) isSound(t *testing.T) {
	t.Helper()
	select {
	case fault := <-tr.faults:
		require.NoError(t, fault)
	default:
	}
}

// writesInVain returns once some writes were not acknowledged.
func (tr *traffic) writesInVain(t *testing.T) {
	t.Helper()
	before := tr.unknowns()
	require.Eventually(t, func() bool { return tr.unknowns() >= before+10 }, 30*time.Second, time.Millisecond)
}

func (tr *traffic) unknowns() (n int64) {
	for _, c := range tr.counters {
		n += c.unknowns.Load()
	}
	return n
}

// end stops the traffic and compares what is stored with what was said.
func (tr *traffic) end(t *testing.T) {
	t.Helper()
	tr.stop.Store(true)
	tr.all.Wait()
	tr.isSound(t)
	var successes, lates int64
	for _, c := range tr.counters {
		_, err := c.reread(t.Context(), tr)
		require.NoError(t, err, c.key)
		successes, lates = successes+c.successes.Load(), lates+c.lates.Load()
	}
	p, err := tr.s.List(t.Context(), storage.Query{Kind: "grant", Subject: "subject", Limit: 1000})
	require.NoError(t, err)
	require.Len(t, p.Records, len(tr.counters))
	t.Logf("%d writes acknowledged, none lost; %d reported as unknown; %d conflicts after those", successes, tr.unknowns(), lates)
}
