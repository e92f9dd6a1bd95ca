// Package grants holds the grants a server can offer, one file a grant_type
// (RFC 6749 §1.3). A value of Grant in Config.Grants switches the grant on and
// carries its policy; what is not listed is neither served nor advertised.
//
// It owns the policies and their checks. How a grant is carried out belongs to
// the server; only an Extension brings its own.
package grants

import "time"

// A Grant switches one grant_type on. The types of this package are the only
// implementations; a host's own grant is an Extension.
type Grant interface {
	// GrantType is the value of the grant_type parameter, or "implicit".
	GrantType() string
	// Validate names every setting that contradicts another, or nil.
	Validate() error

	sealed()
}

// orDefault is d, or otherwise when d is zero.
func orDefault(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return d
}
