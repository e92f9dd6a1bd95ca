package grantstate

import "time"

// Times are compared in whole milliseconds, rounded down on both sides, so a
// thing never lives longer than it was given. The caller reads the clock after
// it read the record, once for each attempt.

// expired reports whether a thing that ends at end has ended. At the very
// moment it has.
func expired(end Millis, now time.Time) bool { return end <= At(now) }

// near reports whether now is less than d away from at, on either side:
// replicas' clocks differ a little, so an event may seem to lie ahead. Ahead
// by d or more it counts as past, lest a clock set back revive anything.
func near(now time.Time, at, d Millis) bool {
	away := At(now) - at
	return -d < away && away < d
}

// later is d from now.
func later(now time.Time, d time.Duration) Millis { return At(now) + millis(d) }

func millis(d time.Duration) Millis { return Millis(d.Milliseconds()) }

// mark is now for a field in which zero says that it has not happened.
func mark(now time.Time) Millis {
	if m := At(now); m != 0 {
		return m
	}
	return 1
}
