package authserver

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/seed36673005/authserver/clientreg"
	"github.com/seed36673005/authserver/grants"
	"github.com/seed36673005/authserver/oauth"
)

// The defaults of a Config.
const (
	defaultAccessTokenLifetime = time.Hour
	defaultIDTokenLifetime     = time.Hour
	defaultInteractionLifetime = 10 * time.Minute
	defaultSessionIdle         = time.Hour
	defaultSessionLifetime     = 12 * time.Hour
	defaultRequestTimeout      = 10 * time.Second
	defaultTokenPrefix         = "as"
)

// maxLifetime bounds every lifetime, so that no time overflows.
const maxLifetime = 100 * 365 * 24 * time.Hour

// withDefaults is a copy of c in which nothing shares memory with the host's
// and what was left out is filled in.
func (c Config) withDefaults() Config {
	c.Grants = slices.Clone(c.Grants)
	if c.Grants == nil {
		c.Grants = []grants.Grant{grants.AuthorizationCode{}, grants.RefreshToken{}, grants.ClientCredentials{}}
	}
	c.Scopes = slices.Clone(c.Scopes)
	c.Resources = slices.Clone(c.Resources)
	c.ACRValues = slices.Clone(c.ACRValues)
	c.TrustedProxies = slices.Clone(c.TrustedProxies)
	if c.Registration != nil {
		registration := *c.Registration
		c.Registration = &registration
	}
	c.ownClients = c.Clients == nil
	if c.ownClients && c.Storage != nil {
		c.Clients = clientreg.New(c.Storage)
	}
	if c.Interact == nil && c.Pages != nil {
		c.Interact = c.Pages.Interact
	}
	if c.AccessTokenFormat == oauth.AccessTokenDefault {
		c.AccessTokenFormat = oauth.AccessTokenOpaque
	}
	if c.TokenPrefix == "" {
		c.TokenPrefix = defaultTokenPrefix
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	for _, d := range c.lifetimes() {
		if *d.value == 0 {
			*d.value = d.otherwise
		}
	}
	return c
}

// A lifetime is one of a Config, with its default.
type lifetime struct {
	field     string
	value     *time.Duration
	otherwise time.Duration
}

func (c *Config) lifetimes() []lifetime {
	return []lifetime{
		{"AccessTokenLifetime", &c.AccessTokenLifetime, defaultAccessTokenLifetime},
		{"IDTokenLifetime", &c.IDTokenLifetime, defaultIDTokenLifetime},
		{"InteractionLifetime", &c.InteractionLifetime, defaultInteractionLifetime},
		{"SessionIdle", &c.SessionIdle, defaultSessionIdle},
		{"SessionLifetime", &c.SessionLifetime, defaultSessionLifetime},
		{"RequestTimeout", &c.RequestTimeout, defaultRequestTimeout},
	}
}

var tokenPrefix = regexp.MustCompile(`^[A-Za-z0-9]{2,8}$`)

// check reports every fault of a Config at once.
func (c Config) check() error {
	var faults []error
	fault := func(field, format string, args ...any) {
		faults = append(faults, &ConfigError{Field: field, Reason: fmt.Sprintf(format, args...)})
	}
	if reason := checkIssuer(c.Issuer, c.InsecureIssuer); reason != "" {
		fault("Issuer", "%s", reason)
	}
	if c.Storage == nil {
		fault("Storage", "required; storage/memory keeps nothing across a restart and is for tests")
	}
	if c.Keys == nil {
		fault("Keys", "required; keys.Managed or keys.Static")
	}
	if c.Interact == nil && c.needsInteract() {
		fault("Interact", "required, or Pages, for the grants that end users decide on")
	}
	for _, l := range c.lifetimes() {
		if *l.value < 0 || *l.value > maxLifetime {
			fault(l.field, "want a positive duration of at most 100 years")
		}
	}
	if c.SessionIdle > c.SessionLifetime {
		fault("SessionIdle", "want no more than SessionLifetime")
	}
	if !tokenPrefix.MatchString(c.TokenPrefix) {
		fault("TokenPrefix", "want two to eight letters or digits")
	}
	if c.AccessTokenFormat != oauth.AccessTokenOpaque && c.AccessTokenFormat != oauth.AccessTokenJWT {
		fault("AccessTokenFormat", "want AccessTokenOpaque or AccessTokenJWT")
	}
	if pages, ok := c.Pages.(interface{ Validate() error }); ok {
		if err := pages.Validate(); err != nil {
			fault("Pages", "%v", err)
		}
	}
	c.checkRegistration(fault)
	checkGrants(c.Grants, fault)
	checkScopes(c.Scopes, fault)
	checkResources(c.Resources, fault)
	return errors.Join(faults...)
}

// needsInteract reports whether a grant is on that end users decide on.
func (c Config) needsInteract() bool {
	return slices.ContainsFunc(c.Grants, func(g grants.Grant) bool {
		switch g.(type) {
		case grants.AuthorizationCode, grants.Implicit, grants.DeviceCode:
			return true
		}
		return false
	})
}

// checkIssuer returns what is wrong with an issuer (RFC 8414 §2).
func checkIssuer(issuer string, insecure bool) string {
	u, err := url.Parse(issuer)
	switch {
	case issuer == "":
		return "required"
	case err != nil || u.Host == "" || u.Opaque != "":
		return "want an absolute URL"
	case u.RawQuery != "" || u.ForceQuery:
		return "has a query (RFC 8414 §2)"
	case u.Fragment != "" || strings.Contains(issuer, "#"):
		return "has a fragment (RFC 8414 §2)"
	case u.User != nil:
		return "has user information"
	case strings.HasSuffix(issuer, "/"):
		return "ends with a slash; it is compared byte by byte"
	case u.String() != issuer || strings.Contains(u.Path, "//") || strings.Contains(u.Path, "/."):
		return "is not in its normal form"
	case u.Scheme == "https", u.Scheme == "http" && (insecure || loopback(u.Hostname())):
		return ""
	}
	return "want https; http is for loopback alone (RFC 8414 §2)"
}

// loopback reports whether a host can only be reached from this machine.
func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && net.IP(addr.AsSlice()).IsLoopback()
}

func checkGrants(list []grants.Grant, fault func(field, format string, args ...any)) {
	seen := map[string]bool{}
	for i, g := range list {
		field := fmt.Sprintf("Grants[%d]", i)
		if g == nil {
			fault(field, "nil")
			continue
		}
		if seen[g.GrantType()] {
			fault(field, "a second grant of type %s", g.GrantType())
		}
		seen[g.GrantType()] = true
		if err := g.Validate(); err != nil {
			fault(field, "%v", err)
		}
	}
	if len(list) == 0 {
		fault("Grants", "none is switched on")
	}
}

func checkScopes(list []Scope, fault func(field, format string, args ...any)) {
	seen := map[string]bool{}
	for i, scope := range list {
		field := fmt.Sprintf("Scopes[%d]", i)
		if !validScope(scope.Name) {
			fault(field, "want a name of the characters of RFC 6749 §3.3")
		}
		if seen[scope.Name] || openIDScopes[scope.Name] {
			fault(field, "a second scope of that name")
		}
		seen[scope.Name] = true
	}
}

func checkResources(list []string, fault func(field, format string, args ...any)) {
	for i, resource := range list {
		if _, ok := normalResource(resource); !ok {
			fault(fmt.Sprintf("Resources[%d]", i), "want an absolute URI without a fragment (RFC 8707 §2)")
		}
	}
}
