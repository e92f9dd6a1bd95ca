package growth

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// sizes are the numbers of live authorizations: those in GROWTH_SIZES, or few.
func sizes(t *testing.T) (list []int, strict bool) {
	given := os.Getenv("GROWTH_SIZES")
	if given == "" {
		return []int{200, 2000}, false
	}
	for text := range strings.SplitSeq(given, ",") {
		n, err := strconv.Atoi(text)
		require.NoError(t, err)
		list = append(list, n)
	}
	return list, true
}

// samples are measured, made in chunks among the others.
const samples, chunks, passes = 200, 10, 8

// A cost is what was measured at one size.
type cost struct {
	size                         int
	refresh, introspect          time.Duration
	refreshAllocs, introspAllocs float64
	bytes                        int64 // of one authorization
}

const most = 1.5 // times as much at the largest size as at the smallest

func TestGrowth(t *testing.T) {
	list, strict := sizes(t)
	for _, b := range backends {
		t.Run(b.name, func(t *testing.T) {
			var costs []cost
			for _, n := range list {
				t.Run(fmt.Sprint(n), func(t *testing.T) { costs = append(costs, measure(t, b, n)) })
			}
			if t.Failed() || len(costs) == 0 {
				return
			}
			show(t, costs)
			first, last := costs[0], costs[len(costs)-1]
			grows(t, "allocations of a refresh", first.refreshAllocs, last.refreshAllocs)
			grows(t, "allocations of an introspection", first.introspAllocs, last.introspAllocs)
			if strict {
				grows(t, "time of a refresh", first.refresh.Seconds(), last.refresh.Seconds())
				grows(t, "time of an introspection", first.introspect.Seconds(), last.introspect.Seconds())
			}
		})
	}
}

func grows(t *testing.T, what string, from, to float64) {
	if to > most*from {
		t.Errorf("%s grows %.2f times, want at most %.1f", what, to/from, most)
	}
}

func show(t *testing.T, costs []cost) {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%12s %22s %22s %16s", "live", "refresh", "introspection", "bytes for each")
	for _, c := range costs {
		fmt.Fprintf(&b, "\n%12d %10v %5.0f allocs %10v %5.0f allocs %10d", c.size, c.refresh, c.refreshAllocs, c.introspect, c.introspAllocs, c.bytes)
	}
	t.Log(b.String())
}

// measure fills a new store with n authorizations and uses some of them.
func measure(t *testing.T, b backend, n int) cost {
	empty := heap()
	s := b.open(t)
	c := newClient(t, s)
	var sample []*tokens
	for chunk := range chunks {
		measured := min(samples, n/2) / chunks
		for range measured {
			sample = append(sample, c.authorize(t))
		}
		s.fill(t, n/chunks-measured, chunk)
	}
	size := s.size(t, empty)
	result := cost{size: n, bytes: size / int64(n), refresh: time.Hour, introspect: time.Hour}
	for range passes {
		took, allocs := each(sample, func(x *tokens) { c.introspect(t, x) })
		result.introspect, result.introspAllocs = min(result.introspect, took), allocs
		took, allocs = each(sample, func(x *tokens) { c.refresh(t, x) })
		result.refresh, result.refreshAllocs = min(result.refresh, took), allocs
	}
	return result
}

// each does something with all tokens, and returns the median of what it took
// and the mean of what it allocated.
func each(all []*tokens, do func(*tokens)) (time.Duration, float64) {
	runtime.GC()
	var before, after runtime.MemStats
	times := make([]time.Duration, 0, len(all))
	runtime.ReadMemStats(&before)
	for _, x := range all {
		began := time.Now()
		do(x)
		times = append(times, time.Since(began))
	}
	runtime.ReadMemStats(&after)
	slices.Sort(times)
	return times[len(times)/2].Round(100 * time.Nanosecond), float64(after.Mallocs-before.Mallocs) / float64(len(all))
}

// heap is what lives on it.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
