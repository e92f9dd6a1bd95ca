// Package faulttest breaks what the server stands on while clients use it, and
// holds what they were told against what is true afterwards. It is tests
// alone: clients that write down every request and its outcome, invariants
// that are searched for in that history, and one test for each fault.
//
// A request whose answer did not come, or was a 5xx, has an unknown outcome:
// it may have taken effect or not. Everything else was promised.
//
// The tests run in a short form, with AUTHSERVER_SLOW=1 for longer, and with
// AUTHSERVER_FULL=1 for as long as a release deserves. Each prints its
// figures.
package faulttest
