// Package growth measures what a refresh and an introspection cost, and how
// much an authorization takes, as more and more authorizations live: from a
// thousand to a million, on each backend. It is a test alone:
//
//	make bench-growth
//
// The authorizations that are measured were made by clients, at intervals
// while copies of one of them filled the store. Each time is the median over
// them; the best of some passes counts, since a busy machine only adds.
package growth
