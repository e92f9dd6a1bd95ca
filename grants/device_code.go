package grants

import (
	"errors"
	"time"

	"github.com/seed36673005/authserver/oauth"
)

// DeviceCode is the device authorization grant (RFC 8628).
type DeviceCode struct {
	// Lifetime of a device code and its user code. Zero means 10 minutes; at
	// most 30.
	Lifetime time.Duration
	// Interval is the least time between two polls. Zero means 5 seconds
	// (RFC 8628 §3.2).
	Interval time.Duration
	// VerificationURI is the address people are told to open, with a page
	// that asks for the user code. Empty means "/device" below the issuer,
	// which the pages of package ui serve.
	VerificationURI string
}

// GrantType is urn:ietf:params:oauth:grant-type:device_code.
func (DeviceCode) GrantType() string { return oauth.GrantTypeDeviceCode }

// Validate checks the lifetimes.
func (g DeviceCode) Validate() error {
	var errs []error
	if g.Lifetime < 0 || g.Lifetime > 30*time.Minute {
		errs = append(errs, errors.New("DeviceCode.Lifetime: want 0 to 30 minutes"))
	}
	if g.Interval < 0 || g.Interval > time.Minute {
		errs = append(errs, errors.New("DeviceCode.Interval: want 0 to 1 minute"))
	}
	return errors.Join(errs...)
}

// LifetimeOrDefault is how long a device code lives.
func (g DeviceCode) LifetimeOrDefault() time.Duration { return orDefault(g.Lifetime, 10*time.Minute) }

// IntervalOrDefault is the least time between two polls.
func (g DeviceCode) IntervalOrDefault() time.Duration { return orDefault(g.Interval, 5*time.Second) }

func (DeviceCode) sealed() {}
