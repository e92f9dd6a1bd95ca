package server

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"strings"

	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage"
)

// The clients. Each confidential one may use every grant and every response
// type.
const (
	Web     = "web"     // client_secret_basic
	Post    = "post"    // client_secret_post
	Native  = "native"  // public, loopback redirect, code alone
	Hostile = "hostile" // has Payload for a name
)

// HostileScope is one whose description is Payload.
const HostileScope = "hostile"

// RedirectURI is every confidential client's; nothing need listen there.
const RedirectURI = "http://127.0.0.1:9999/callback"

// Payload runs as a script wherever it is put into a page as it is: in text, in
// an attribute, in a script, in a style.
const Payload = `'"></title></style></script><script>pwned("inline")</script><img src=x onerror=pwned("img")>` +
	`<svg onload=pwned("svg")>{{7*7}}<a href=javascript:pwned("link") autofocus onfocus=pwned("focus")>`

// ClientOf is the client whose ID tokens are signed with an algorithm.
func ClientOf(alg string) string { return "alg-" + strings.ToLower(alg) }

type clients map[string]*oauth.Client

// Client finds one.
func (c clients) Client(_ context.Context, id string) (*oauth.Client, error) {
	if found := c[id]; found != nil {
		return found, nil
	}
	return nil, storage.ErrNotFound
}

func newClients(secret string, redirectURIs []string) clients {
	all := clients{}
	add := func(id string, change func(*oauth.Client)) {
		c := confidential(id, secret)
		c.RedirectURIs = append(c.RedirectURIs, redirectURIs...)
		change(c)
		all[id] = c
	}
	add(Web, func(*oauth.Client) {})
	add(Post, func(c *oauth.Client) { c.TokenEndpointAuthMethod = oauth.AuthMethodPost })
	add(Hostile, func(c *oauth.Client) { c.Name = Payload })
	add(Native, func(c *oauth.Client) {
		c.Secrets, c.ApplicationType, c.ResponseTypes = nil, oauth.ApplicationNative, nil
		c.RedirectURIs = []string{"http://127.0.0.1/callback"}
		c.GrantTypes = []string{
			oauth.GrantTypeAuthorizationCode, oauth.GrantTypeRefreshToken, oauth.GrantTypeDeviceCode,
		}
	})
	for _, alg := range []string{"RS256", "ES256", "EdDSA"} {
		add(ClientOf(alg), func(c *oauth.Client) {
			c.IDTokenSignedResponseAlg, c.UserinfoSignedResponseAlg = alg, ""
		})
	}
	return all
}

func confidential(id, secret string) *oauth.Client {
	return &oauth.Client{
		ID: id, Name: "Client " + id, Secrets: []oauth.Secret{{ID: "1", Digest: digest(secret)}},
		RedirectURIs: []string{RedirectURI},
		GrantTypes: []string{
			oauth.GrantTypeAuthorizationCode, oauth.GrantTypeImplicit, oauth.GrantTypeRefreshToken,
			oauth.GrantTypeClientCredentials, oauth.GrantTypePassword, oauth.GrantTypeDeviceCode,
		},
		ResponseTypes: []string{
			oauth.ResponseTypeCode, oauth.ResponseTypeToken, oauth.ResponseTypeIDToken,
			oauth.ResponseTypeIDTokenToken, oauth.ResponseTypeCodeToken, oauth.ResponseTypeCodeIDToken,
			oauth.ResponseTypeCodeIDTokenToken, oauth.ResponseTypeNone,
		},
		Scopes: []string{
			oauth.ScopeOpenID, oauth.ScopeProfile, oauth.ScopeEmail, oauth.ScopeOfflineAccess, "calendar", HostileScope,
		},
	}
}

// digest is how a secret made by a server is stored.
func digest(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return "sha256:" + base64.RawURLEncoding.EncodeToString(sum[:])
}
