// Package jose makes and checks everything signed: JWS in compact form (RFC
// 7515) with ES256, RS256 and EdDSA and nothing else.
//
// The algorithm comes from the key and the key from the caller's set, never
// from what the token says of itself. The package knows no HTTP, fetches
// nothing, and its errors carry nothing of a token.
package jose
