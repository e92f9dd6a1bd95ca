// Package engine mounts fosite, the protocol engine, and is the only package
// that imports it. It owns the way an authorization's tokens are made: which
// of fosite's handlers run, what they are shown of an authorization, and how a
// token looks.
//
// It stores nothing. fosite's handlers read and change one Authorization that
// travels in the context of a request; what they would store is written into
// its State, and the caller commits that once, after the last token was made
// (fosite's own storage calls, and its faults with them, are out of the way).
package engine
