//go:build !race

package authserver_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestAllocations is the gate.
func TestAllocations(t *testing.T) {
	h := benchHarness(t)
	for name, op := range operations(h) {
		t.Run(name, func(t *testing.T) {
			got := testing.AllocsPerRun(100, func() { serve(t, h, op.request.request()) })
			t.Logf("%.0f allocations, at most %.0f", got, op.limit)
			require.LessOrEqual(t, got, op.limit)
		})
	}
	t.Run("code exchange", func(t *testing.T) {
		requests := make([]prepared, 101)
		for i := range requests {
			requests[i] = prepare("/token", redeem(h.code()), confidential)
		}
		got := testing.AllocsPerRun(100, func() {
			serve(t, h, requests[0].request())
			requests = requests[1:]
		})
		t.Logf("%.0f allocations, at most %d", got, allocsCodeExchange)
		require.LessOrEqual(t, got, float64(allocsCodeExchange))
	})
}
