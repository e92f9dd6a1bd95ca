package grants

import (
	"errors"
	"time"

	"github.com/seed36673005/authserver/oauth"
)

// RefreshToken is the refresh token grant (RFC 6749 §6).
type RefreshToken struct {
	// Policy is RefreshRotate (the zero value's meaning) or RefreshKeep. A
	// client's own policy, where set, wins.
	Policy oauth.RefreshPolicy
	// ReplayWindow is how long a rotated refresh token still answers with
	// its successor, for clients whose answer was lost and for two tabs at
	// once. Zero means 30 seconds; negative means not at all. At most 5
	// minutes.
	ReplayWindow time.Duration
	// Idle is how long a refresh token lives when it is not used. Zero means
	// 30 days.
	Idle time.Duration
	// Absolute is when the authorization ends however often it is refreshed.
	// Zero means 90 days.
	Absolute time.Duration
	// Always gives a refresh token to every client that may use the grant.
	// False gives one only where offline_access was granted (OpenID Connect
	// Core §11), or to an authorization that did not ask for openid.
	Always bool
	// KeepAccessTokens leaves the access tokens of earlier refreshes valid
	// until they expire. False ends them when a new one is given.
	KeepAccessTokens bool
}

// GrantType is refresh_token.
func (RefreshToken) GrantType() string { return oauth.GrantTypeRefreshToken }

// Validate checks lifetimes and policy.
func (g RefreshToken) Validate() error {
	var errs []error
	switch g.Policy {
	case oauth.RefreshDefault, oauth.RefreshRotate, oauth.RefreshKeep:
	default:
		errs = append(errs, errors.New("RefreshToken.Policy: want RefreshRotate or RefreshKeep"))
	}
	if g.ReplayWindow > 5*time.Minute {
		errs = append(errs, errors.New("RefreshToken.ReplayWindow: want at most 5 minutes"))
	}
	if g.Idle < 0 || g.Absolute < 0 {
		errs = append(errs, errors.New("RefreshToken: want lifetimes that are not negative"))
	} else if g.IdleOrDefault() > g.AbsoluteOrDefault() {
		errs = append(errs, errors.New("RefreshToken.Idle: want no more than Absolute"))
	}
	return errors.Join(errs...)
}

// ReplayWindowOrDefault is the window, zero when switched off.
func (g RefreshToken) ReplayWindowOrDefault() time.Duration {
	return max(0, orDefault(g.ReplayWindow, 30*time.Second))
}

// IdleOrDefault is how long an unused refresh token lives.
func (g RefreshToken) IdleOrDefault() time.Duration { return orDefault(g.Idle, 30*24*time.Hour) }

// AbsoluteOrDefault is how long an authorization can be refreshed at all.
func (g RefreshToken) AbsoluteOrDefault() time.Duration {
	return orDefault(g.Absolute, 90*24*time.Hour)
}

func (RefreshToken) sealed() {}
