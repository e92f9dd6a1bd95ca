// Package e2e drives the server from outside, as its users do: with the OAuth
// and OpenID Connect clients that people really use, in Go and JavaScript, and
// with a real browser. It is a module of its own, so that none of them are
// dependencies of the library.
//
// The quickstart is the server wherever it suffices, built and run as a
// process. What it leaves off, package server switches on.
//
// The tests need node, npm and Chromium: found in PATH, or Chromium by the
// environment variable CHROMIUM. E2E_SCREENSHOTS names a folder to keep the
// screenshots in.
package e2e
