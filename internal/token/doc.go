// Package token makes and reads the opaque tokens: authorization codes, access
// tokens, refresh tokens and device codes; and the user codes of RFC 8628.
//
// A token is
//
//	prefix _ label _ base64url(kind, key id, grant secret, number, MAC)
//
// where the MAC is HMAC-SHA-256 under a key of the server. A forged token thus
// dies before any storage call; a token shows neither its neighbours, which
// takes the server's key, nor can the record, whose key is a digest of the
// grant secret, be turned into one. The package owns the form alone: whether a
// token is still good is its record's affair (package grantstate).
//
// Secret scanners find tokens by these expressions, where the prefix is the
// configured one, by default as:
//
//	authorization code  \bas_ac_E[A-Za-z0-9_-]{71}
//	access token        \bas_at_E[A-Za-z0-9_-]{71}
//	refresh token       \bas_rt_E[A-Za-z0-9_-]{71}
//	device code         \bas_dc_F[A-Za-z0-9_-]{71}
package token
