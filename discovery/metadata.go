// Package discovery is what a server says of itself: its metadata (RFC 8414,
// OpenID Connect Discovery 1.0), the addresses where that is looked for, and
// documents served the way such documents are.
//
// It decides nothing. Whoever builds the server fills Metadata with what is
// switched on, and mounts the documents.
package discovery

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Metadata is authorization server metadata, the members of RFC 8414 §2 and of
// OpenID Connect Discovery §3 together: one document serves both. What is zero
// is left out, so there is never a null, an empty string or an empty list
// (RFC 8414 §3.2); of the parameters that a client must know to be off, false
// is written out. Members stand in the order of the fields.
type Metadata struct {
	Issuer                             string `json:"issuer"`
	AuthorizationEndpoint              string `json:"authorization_endpoint,omitempty"`
	TokenEndpoint                      string `json:"token_endpoint,omitempty"`
	UserinfoEndpoint                   string `json:"userinfo_endpoint,omitempty"`
	JWKSURI                            string `json:"jwks_uri,omitempty"`
	RegistrationEndpoint               string `json:"registration_endpoint,omitempty"`
	RevocationEndpoint                 string `json:"revocation_endpoint,omitempty"`
	IntrospectionEndpoint              string `json:"introspection_endpoint,omitempty"`
	DeviceAuthorizationEndpoint        string `json:"device_authorization_endpoint,omitempty"`         // RFC 8628 §4
	PushedAuthorizationRequestEndpoint string `json:"pushed_authorization_request_endpoint,omitempty"` // RFC 9126 §5
	EndSessionEndpoint                 string `json:"end_session_endpoint,omitempty"`                  // RP-Initiated Logout §2.1
	CheckSessionIframe                 string `json:"check_session_iframe,omitempty"`                  // Session Management §3.3

	ScopesSupported                       []string `json:"scopes_supported,omitempty"`
	ResponseTypesSupported                []string `json:"response_types_supported,omitempty"`
	ResponseModesSupported                []string `json:"response_modes_supported,omitempty"`
	GrantTypesSupported                   []string `json:"grant_types_supported,omitempty"`
	SubjectTypesSupported                 []string `json:"subject_types_supported,omitempty"`
	ACRValuesSupported                    []string `json:"acr_values_supported,omitempty"`
	PromptValuesSupported                 []string `json:"prompt_values_supported,omitempty"` // Initiating User Registration §4
	DisplayValuesSupported                []string `json:"display_values_supported,omitempty"`
	ClaimTypesSupported                   []string `json:"claim_types_supported,omitempty"`
	ClaimsSupported                       []string `json:"claims_supported,omitempty"`
	ClaimsLocalesSupported                []string `json:"claims_locales_supported,omitempty"`
	UILocalesSupported                    []string `json:"ui_locales_supported,omitempty"`
	CodeChallengeMethodsSupported         []string `json:"code_challenge_methods_supported,omitempty"` // RFC 8414 §2
	AuthorizationDetailsTypesSupported    []string `json:"authorization_details_types_supported,omitempty"`
	AuthorizationGrantProfilesSupported   []string `json:"authorization_grant_profiles_supported,omitempty"`
	ProtectedResources                    []string `json:"protected_resources,omitempty"` // RFC 9728 §4
	DPoPSigningAlgValuesSupported         []string `json:"dpop_signing_alg_values_supported,omitempty"`
	ClientIDMetadataDocumentSupported     bool     `json:"client_id_metadata_document_supported,omitempty"`
	TLSClientCertificateBoundAccessTokens bool     `json:"tls_client_certificate_bound_access_tokens,omitempty"` // RFC 8705 §3.3
	RequirePushedAuthorizationRequests    bool     `json:"require_pushed_authorization_requests,omitempty"`
	RequireSignedRequestObject            bool     `json:"require_signed_request_object,omitempty"`
	RequireRequestURIRegistration         bool     `json:"require_request_uri_registration,omitempty"`
	// AuthorizationResponseIssParameterSupported: every authorization response carries iss (RFC 9207 §3).
	AuthorizationResponseIssParameterSupported bool `json:"authorization_response_iss_parameter_supported,omitempty"`

	// These three are always written: where request_uri is absent it is taken
	// to be supported (OpenID Connect Discovery §3).
	ClaimsParameterSupported     bool `json:"claims_parameter_supported"`
	RequestParameterSupported    bool `json:"request_parameter_supported"`
	RequestURIParameterSupported bool `json:"request_uri_parameter_supported"`

	TokenEndpointAuthMethodsSupported                  []string `json:"token_endpoint_auth_methods_supported,omitempty"`
	TokenEndpointAuthSigningAlgValuesSupported         []string `json:"token_endpoint_auth_signing_alg_values_supported,omitempty"`
	RevocationEndpointAuthMethodsSupported             []string `json:"revocation_endpoint_auth_methods_supported,omitempty"`
	RevocationEndpointAuthSigningAlgValuesSupported    []string `json:"revocation_endpoint_auth_signing_alg_values_supported,omitempty"`
	IntrospectionEndpointAuthMethodsSupported          []string `json:"introspection_endpoint_auth_methods_supported,omitempty"`
	IntrospectionEndpointAuthSigningAlgValuesSupported []string `json:"introspection_endpoint_auth_signing_alg_values_supported,omitempty"`

	IDTokenSigningAlgValuesSupported          []string `json:"id_token_signing_alg_values_supported,omitempty"`
	IDTokenEncryptionAlgValuesSupported       []string `json:"id_token_encryption_alg_values_supported,omitempty"`
	IDTokenEncryptionEncValuesSupported       []string `json:"id_token_encryption_enc_values_supported,omitempty"`
	UserinfoSigningAlgValuesSupported         []string `json:"userinfo_signing_alg_values_supported,omitempty"`
	UserinfoEncryptionAlgValuesSupported      []string `json:"userinfo_encryption_alg_values_supported,omitempty"`
	UserinfoEncryptionEncValuesSupported      []string `json:"userinfo_encryption_enc_values_supported,omitempty"`
	RequestObjectSigningAlgValuesSupported    []string `json:"request_object_signing_alg_values_supported,omitempty"`
	RequestObjectEncryptionAlgValuesSupported []string `json:"request_object_encryption_alg_values_supported,omitempty"`
	RequestObjectEncryptionEncValuesSupported []string `json:"request_object_encryption_enc_values_supported,omitempty"`
	AuthorizationSigningAlgValuesSupported    []string `json:"authorization_signing_alg_values_supported,omitempty"` // JARM §4

	BackchannelLogoutSupported         bool `json:"backchannel_logout_supported,omitempty"`
	BackchannelLogoutSessionSupported  bool `json:"backchannel_logout_session_supported,omitempty"`
	FrontchannelLogoutSupported        bool `json:"frontchannel_logout_supported,omitempty"`
	FrontchannelLogoutSessionSupported bool `json:"frontchannel_logout_session_supported,omitempty"`

	ServiceDocumentation string `json:"service_documentation,omitempty"`
	OPPolicyURI          string `json:"op_policy_uri,omitempty"`
	OPTosURI             string `json:"op_tos_uri,omitempty"`

	// Extra are the host's own members, written after all others in the order
	// of their names. It cannot change a member above: to name one is an
	// error. A nil value, an empty string and an empty list are left out.
	Extra map[string]any `json:"-"`
}

// MarshalJSON writes the metadata with Extra among it.
func (m Metadata) MarshalJSON() ([]byte, error) {
	type plain Metadata
	document, err := json.Marshal(plain(m))
	if err != nil || len(m.Extra) == 0 {
		return document, err
	}
	for name := range m.Extra {
		if slices.Contains(registered, name) {
			return nil, fmt.Errorf("discovery: Extra: %s is a member of its own", name)
		}
	}
	return merge(document, m.Extra)
}

// registered are the names that Extra cannot have.
var registered = memberNames(reflect.TypeFor[Metadata]())

func memberNames(t reflect.Type) []string {
	var names []string
	for field := range t.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}

// merge adds members to an object that has some already.
func merge(object []byte, extra map[string]any) ([]byte, error) {
	present := map[string]json.RawMessage{}
	for name, value := range extra {
		encoded, err := json.Marshal(value)
		if err != nil {
			return nil, fmt.Errorf("discovery: Extra: %s: %w", name, err)
		}
		if s := string(encoded); s != "null" && s != `""` && s != "[]" {
			present[name] = encoded
		}
	}
	if len(present) == 0 {
		return object, nil
	}
	added, err := json.Marshal(present) // in the order of the names
	if err != nil {
		return nil, fmt.Errorf("discovery: Extra: %w", err)
	}
	return slices.Concat(bytes.TrimSuffix(object, []byte("}")), []byte(","), added[1:]), nil
}
