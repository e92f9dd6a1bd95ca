package authserver

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/seed36673005/authserver/discovery"
	"github.com/seed36673005/authserver/internal/wire"
	"github.com/seed36673005/authserver/oauth"
)

// The paths of the endpoints, below the issuer's.
const (
	pathAuthorize  = "/authorize"
	pathToken      = "/token"
	pathUserinfo   = "/userinfo"
	pathIntrospect = "/introspect"
	pathRevoke     = "/revoke"
	pathDevice     = "/device_authorization"
	pathVerify     = "/device"
	pathJWKS       = "/jwks.json"
	pathRegister   = "/register"
)

// authMethods are the client authentication methods served; publicMethods has
// none beside them.
var (
	secretMethods = []string{oauth.AuthMethodBasic, oauth.AuthMethodPost}
	authMethods   = append(slices.Clone(secretMethods), oauth.AuthMethodNone)
)

// startTimeout bounds what New waits for the keys.
const startTimeout = 30 * time.Second

// newMetadata lists what is switched on, and nothing else.
func (s *Server) newMetadata() (discovery.Metadata, error) {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	set, err := s.cfg.Keys.Keys(ctx)
	if err != nil {
		return discovery.Metadata{}, &ConfigError{Field: "Keys", Reason: fmt.Sprintf("no keys to be had: %v", err)}
	}
	algs := set.Algorithms()
	if len(algs) == 0 {
		return discovery.Metadata{}, &ConfigError{Field: "Keys", Reason: "hold no key that signs"}
	}
	m := discovery.Metadata{
		Issuer:                                    s.cfg.Issuer,
		UserinfoEndpoint:                          s.url(pathUserinfo),
		JWKSURI:                                   s.url(pathJWKS),
		RevocationEndpoint:                        s.url(pathRevoke),
		IntrospectionEndpoint:                     s.url(pathIntrospect),
		ScopesSupported:                           s.scopeNames(),
		ResponseTypesSupported:                    s.offer.responseTypes(),
		GrantTypesSupported:                       s.offer.grantTypes(s.cfg.Grants),
		SubjectTypesSupported:                     []string{oauth.SubjectPublic, oauth.SubjectPairwise},
		ClaimTypesSupported:                       []string{"normal"},
		ClaimsSupported:                           claimNames(),
		IDTokenSigningAlgValuesSupported:          algs,
		UserinfoSigningAlgValuesSupported:         algs,
		ACRValuesSupported:                        s.cfg.ACRValues,
		RevocationEndpointAuthMethodsSupported:    authMethods,
		IntrospectionEndpointAuthMethodsSupported: secretMethods,
		ClaimsParameterSupported:                  true,
	}
	if len(m.ResponseTypesSupported) > 0 {
		m.AuthorizationEndpoint = s.url(pathAuthorize)
		m.ResponseModesSupported = []string{oauth.ResponseModeQuery, oauth.ResponseModeFragment, oauth.ResponseModeFormPost}
		m.PromptValuesSupported = promptValues
		m.AuthorizationResponseIssParameterSupported = true
	}
	// RFC 8414 §2: there is none where the implicit grant is all there is.
	if len(s.exchanges) > 0 {
		m.TokenEndpoint = s.url(pathToken)
		m.TokenEndpointAuthMethodsSupported = authMethods
	}
	if s.offer.code != nil {
		m.CodeChallengeMethodsSupported = []string{oauth.PKCEMethodS256}
	}
	if s.registrar != nil {
		m.RegistrationEndpoint = s.url(pathRegister)
	}
	if s.offer.device != nil {
		m.DeviceAuthorizationEndpoint = s.url(pathDevice)
	}
	return m, nil
}

// scopeNames are the scopes a client may ask for at all.
func (s *Server) scopeNames() []string {
	names := []string{oauth.ScopeOpenID, oauth.ScopeProfile, oauth.ScopeEmail, oauth.ScopeAddress, oauth.ScopePhone}
	if s.offer.refresh != nil {
		names = append(names, oauth.ScopeOfflineAccess)
	}
	for _, scope := range s.cfg.Scopes {
		names = append(names, scope.Name)
	}
	return names
}

// route lays out the endpoints that are on.
func (s *Server) route() error {
	document, err := discovery.NewDocument(s.metadata)
	if err != nil {
		return err
	}
	paths, err := discovery.WellKnown(s.cfg.Issuer)
	if err != nil {
		return err
	}
	post := crossOrigin(http.MethodPost)
	s.routes = map[string]http.Handler{
		pathRevoke:     post(s.serveRevoke),
		pathIntrospect: http.HandlerFunc(s.serveIntrospect),
		pathUserinfo:   crossOrigin(http.MethodGet, http.MethodPost)(s.serveUserinfo),
		pathJWKS:       http.HandlerFunc(s.serveJWKS),
	}
	if s.metadata.AuthorizationEndpoint != "" {
		s.routes[pathAuthorize] = http.HandlerFunc(s.serveAuthorize)
	}
	if s.metadata.TokenEndpoint != "" {
		s.routes[pathToken] = post(s.serveToken)
	}
	if s.offer.device != nil {
		s.routes[pathDevice] = post(s.serveDevice)
	}
	if s.registrar != nil {
		// Any page may register: what it gets is its own to read.
		open := func(h http.HandlerFunc, methods ...string) http.Handler {
			return wire.CORS{Methods: methods}.Handler(h)
		}
		s.routes[pathRegister] = open(s.serveRegister, http.MethodPost)
		s.routes[pathRegister+"/"] = open(s.serveRegistered, http.MethodGet, http.MethodPut, http.MethodDelete)
	}
	for _, path := range paths.All() {
		if below, ok := strings.CutPrefix(path, s.path); ok {
			s.routes[below] = document
		}
	}
	s.wellKnown = map[string]http.Handler{}
	for _, path := range paths.Outside() {
		s.wellKnown[path] = document
	}
	return nil
}

// serveJWKS is the JWK Set (RFC 7517 §5). It asks no storage.
func (s *Server) serveJWKS(w http.ResponseWriter, r *http.Request) {
	set, err := s.keys(r.Context())
	if err != nil {
		e := s.refused(r.Context(), &Event{Type: "jwks"}, err)
		wire.Error(w, r, e, "", "")
		return
	}
	discovery.Serve(w, r, set.JWKS(), set.ETag())
}
