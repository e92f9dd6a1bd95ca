package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// maxAnswer bounds what is read of an answer.
const maxAnswer = 1 << 20

// provider is the OpenID Provider as its client sees it.
type provider struct {
	issuer, clientID, clientSecret string
	http                           *http.Client

	mu   sync.Mutex
	meta *metadata
}

// metadata is what the demo needs to know (OpenID Connect Discovery §3).
type metadata struct {
	Issuer                      string `json:"issuer"`
	AuthorizationEndpoint       string `json:"authorization_endpoint"`
	TokenEndpoint               string `json:"token_endpoint"`
	UserinfoEndpoint            string `json:"userinfo_endpoint"`
	RevocationEndpoint          string `json:"revocation_endpoint"`
	DeviceAuthorizationEndpoint string `json:"device_authorization_endpoint"`
	JWKSURI                     string `json:"jwks_uri"`
}

// tokens are a token answer (RFC 6749 §5.1, OpenID Connect Core §3.1.3.3).
type tokens struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int    `json:"expires_in"`
	RefreshToken string `json:"refresh_token"`
	IDToken      string `json:"id_token"`
	Scope        string `json:"scope"`

	ReceivedAt time.Time `json:"-"`
	Revoked    bool      `json:"-"`
}

// orElse is t with what the answer left out taken from before.
func (t *tokens) orElse(before *tokens) *tokens {
	both := *t
	if both.RefreshToken == "" {
		both.RefreshToken = before.RefreshToken
	}
	if both.IDToken == "" {
		both.IDToken = before.IDToken
	}
	return &both
}

// Scopes are the granted scopes one by one.
func (t *tokens) Scopes() []string { return strings.Fields(t.Scope) }

// ExpiresAt is when the access token ends.
func (t *tokens) ExpiresAt() time.Time {
	return t.ReceivedAt.Add(time.Duration(t.ExpiresIn) * time.Second)
}

// An exchange is one request to the provider and its answer, to be shown.
type exchange struct {
	Title    string
	Method   string
	Path     string
	Request  string
	Status   int
	Response string
	At       time.Time
}

// OK says whether the provider did what it was asked.
func (e exchange) OK() bool { return e.Status < 300 }

// A refusal is an error answer (RFC 6749 §5.2).
type refusal struct{ code, description string }

// Error is the code and the provider's explanation.
func (r *refusal) Error() string {
	return strings.TrimSuffix("The provider answered "+r.code+": "+r.description, ": ")
}

func newProvider(issuer, clientID, clientSecret string) *provider {
	return &provider{
		issuer: issuer, clientID: clientID, clientSecret: clientSecret,
		http: &http.Client{
			Timeout: 10 * time.Second,
			// No endpoint of ours redirects; a secret must not follow one.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// metadata returns the provider's metadata, read once.
func (p *provider) metadata(ctx context.Context) (*metadata, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.meta != nil {
		return p.meta, nil
	}
	var m metadata
	if err := p.getJSON(ctx, p.issuer+"/.well-known/openid-configuration", &m); err != nil {
		return nil, err
	}
	if m.Issuer != p.issuer { // OpenID Connect Discovery §4.3
		return nil, errors.New("demo: the metadata is of another issuer")
	}
	p.meta = &m
	return p.meta, nil
}

func (p *provider) getJSON(ctx context.Context, address string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	ex, err := p.do(req, "")
	if err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(ex.Response), into); err != nil {
		return fmt.Errorf("demo: the answer of %s is not JSON: %w", address, err)
	}
	return nil
}

// token asks the token endpoint.
func (p *provider) token(ctx context.Context, title string, form url.Values) (*tokens, exchange, error) {
	ex, err := p.post(ctx, title, func(m *metadata) string { return m.TokenEndpoint }, form)
	if err != nil {
		return nil, ex, err
	}
	t := &tokens{ReceivedAt: ex.At}
	if err := json.Unmarshal([]byte(ex.Response), t); err != nil {
		return nil, ex, fmt.Errorf("demo: the token answer is not JSON: %w", err)
	}
	return t, ex, nil
}

// revoke asks the revocation endpoint.
func (p *provider) revoke(ctx context.Context, token string) (exchange, error) {
	return p.post(ctx, "Revoke", func(m *metadata) string { return m.RevocationEndpoint }, url.Values{"token": {token}})
}

// authorizeDevice asks the device authorization endpoint (RFC 8628 §3.1).
func (p *provider) authorizeDevice(ctx context.Context) (*deviceFlow, exchange, error) {
	ex, err := p.post(ctx, "Ask for a user code", func(m *metadata) string { return m.DeviceAuthorizationEndpoint },
		url.Values{"scope": {scope}})
	if err != nil {
		return nil, ex, err
	}
	var answer struct {
		DeviceCode string `json:"device_code"`
		UserCode   string `json:"user_code"`
		URI        string `json:"verification_uri"`
		Complete   string `json:"verification_uri_complete"`
		ExpiresIn  int    `json:"expires_in"`
		Interval   int    `json:"interval"`
	}
	if err := json.Unmarshal([]byte(ex.Response), &answer); err != nil {
		return nil, ex, fmt.Errorf("demo: the device answer is not JSON: %w", err)
	}
	if answer.Interval == 0 {
		answer.Interval = 5 // §3.2
	}
	return &deviceFlow{
		UserCode: answer.UserCode, VerificationURI: answer.URI, Complete: answer.Complete,
		ExpiresAt:  ex.At.Add(time.Duration(answer.ExpiresIn) * time.Second),
		deviceCode: answer.DeviceCode, interval: time.Duration(answer.Interval) * time.Second,
	}, ex, nil
}

// post sends a form with the client's name and secret (RFC 6749 §2.3.1).
func (p *provider) post(ctx context.Context, title string, endpoint func(*metadata) string, form url.Values) (exchange, error) {
	m, err := p.metadata(ctx)
	if err != nil {
		return exchange{}, err
	}
	body := form.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint(m), strings.NewReader(body))
	if err != nil {
		return exchange{}, fmt.Errorf("demo: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(url.QueryEscape(p.clientID), url.QueryEscape(p.clientSecret))
	ex, err := p.do(req, strings.ReplaceAll(body, "&", "\n&"))
	ex.Title = title
	return ex, err
}

// do sends a request and describes what happened.
func (p *provider) do(req *http.Request, body string) (exchange, error) {
	ex := exchange{Method: req.Method, Path: req.URL.Path, Request: describe(req, body), At: time.Now()}
	resp, err := p.http.Do(req)
	if err != nil {
		return ex, fmt.Errorf("demo: the provider cannot be reached: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return ex, fmt.Errorf("demo: the answer was cut short: %w", err)
	}
	ex.Status, ex.Response = resp.StatusCode, indented(answer)
	if !ex.OK() {
		return ex, refused(resp, answer)
	}
	return ex, nil
}

// describe is a request as it is shown: without the client's secret.
func describe(req *http.Request, body string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\nHost: %s\n", req.Method, req.URL.RequestURI(), req.URL.Host)
	if kind, _, ok := strings.Cut(req.Header.Get("Authorization"), " "); ok {
		fmt.Fprintf(&b, "Authorization: %s …\n", kind)
	}
	if body != "" {
		fmt.Fprintf(&b, "Content-Type: %s\n\n%s", req.Header.Get("Content-Type"), body)
	}
	return b.String()
}

// indented is JSON made readable; anything else is left as it is.
func indented(answer []byte) string {
	var b bytes.Buffer
	if json.Indent(&b, answer, "", "  ") != nil {
		return string(answer)
	}
	return b.String()
}

// refused reads an error from the body (RFC 6749 §5.2) or, where there is no
// body, from the challenge (RFC 6750 §3).
func refused(resp *http.Response, body []byte) error {
	var e struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	if json.Unmarshal(body, &e) == nil && e.Error != "" {
		return &refusal{e.Error, e.Description}
	}
	return &refusal{resp.Status, resp.Header.Get("WWW-Authenticate")}
}
