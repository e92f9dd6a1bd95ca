// Package fetch is the one way in which the server asks another server for
// something: a small JSON document at an https URL that a client registered.
//
// Whoever registers a client chooses the URL, so the client of this package
// never reaches what only the server's own machine or network can reach. It
// knows nothing of what a document means.
package fetch
