package authserver

import (
	"slices"

	"github.com/seed36673005/authserver/grants"
	"github.com/seed36673005/authserver/internal/limit"
	"github.com/seed36673005/authserver/oauth"
)

// offer is what the grants of a Config switch on; a nil pointer is off.
type offer struct {
	code        *grants.AuthorizationCode
	refresh     *grants.RefreshToken
	credentials *grants.ClientCredentials
	password    *grants.Password
	device      *grants.DeviceCode
	implicit    *grants.Implicit
	extensions  []grants.Extension
}

func offered(list []grants.Grant) (o offer) {
	for _, g := range list {
		switch g := g.(type) {
		case grants.AuthorizationCode:
			o.code = &g
		case grants.RefreshToken:
			o.refresh = &g
		case grants.ClientCredentials:
			o.credentials = &g
		case grants.Password:
			o.password = &g
		case grants.DeviceCode:
			o.device = &g
		case grants.Implicit:
			o.implicit = &g
		case grants.Extension:
			o.extensions = append(o.extensions, g)
		}
	}
	return o
}

// responseTypes are those served, members in the order of the registry.
func (o offer) responseTypes() []string {
	var types []string
	if o.code != nil {
		types = append(types, oauth.ResponseTypeCode)
	}
	if o.implicit != nil {
		types = append(types, oauth.ResponseTypeToken, oauth.ResponseTypeIDToken, oauth.ResponseTypeIDTokenToken)
	}
	if o.code != nil && o.code.Hybrid {
		types = append(types, oauth.ResponseTypeCodeIDToken)
		// The access token beside the code is the implicit grant's.
		if o.implicit != nil {
			types = append(types, oauth.ResponseTypeCodeToken, oauth.ResponseTypeCodeIDTokenToken)
		}
	}
	if len(types) > 0 {
		types = append(types, oauth.ResponseTypeNone)
	}
	return types
}

// grantTypes are those served, in a fixed order, and implicit.
func (o offer) grantTypes(all []grants.Grant) []string {
	var types []string
	for _, g := range all {
		types = append(types, g.GrantType())
	}
	slices.Sort(types)
	return types
}

func (o offer) passwordLimit() *limit.Keyed {
	if o.password == nil || o.password.MaxAttemptsOrDefault() == 0 {
		return nil
	}
	return limit.New(limit.Limit{Max: o.password.MaxAttemptsOrDefault(), Window: o.password.WindowOrDefault()}, 0)
}
