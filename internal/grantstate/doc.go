// Package grantstate is one authorization as a pure state machine: what one
// subject, or a client on its own, gave one client, with the state of its code,
// its device decision, its refresh chain and its live access tokens.
//
// Every function takes a State and the time and returns a new State and a
// verdict. The package knows nothing of HTTP, storage, fosite or clocks, does
// no I/O and keeps no memory, so its rules can be tested exhaustively.
package grantstate
