package faulttest

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
)

// A client sends requests to any of some nodes and writes them down.
type client struct {
	history *history
	nodes   []http.RoundTripper
	dice    *rand.Rand
}

var seeds atomic.Uint64

func newClient(h *history, nodes ...http.RoundTripper) *client {
	return &client{h, nodes, rand.New(rand.NewPCG(seeds.Add(1), 0))}
}

// An answer holds the members that matter of any endpoint's answer.
type answer struct {
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	Active       bool   `json:"active"`
	Subject      string `json:"sub"`
	Error        string `json:"error"`
	Description  string `json:"error_description"`
	Keys         []struct {
		ID string `json:"kid"`
	} `json:"keys"`
}

// send fills in what came of the request.
func (c *client) send(d *deed, r *http.Request) (location *url.URL) {
	d.outcome = unknown
	resp, err := c.nodes[c.dice.IntN(len(c.nodes))].RoundTrip(r)
	if err != nil {
		d.detail = err.Error()
		return nil
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		d.detail = err.Error()
		return nil
	}
	d.status = resp.StatusCode
	var a answer
	_ = json.Unmarshal(body, &a) // not all are JSON
	d.detail = strings.TrimSpace(a.Error + " " + a.Description)
	switch {
	case d.status >= 500:
		return nil
	case d.status >= 400:
		d.outcome = refused
		return nil
	}
	d.outcome = ok
	d.access, d.refresh, d.active, d.subject = a.AccessToken, a.RefreshToken, a.Active, a.Subject
	for _, k := range a.Keys {
		d.keys = append(d.keys, k.ID)
	}
	location, _ = resp.Location()
	return location
}

func (c *client) post(d *deed, path, id string, form url.Values) {
	r, err := http.NewRequest(http.MethodPost, issuer+path, strings.NewReader(form.Encode()))
	if err != nil {
		panic(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if id != "" {
		r.SetBasicAuth(id, clientSecret)
	}
	c.send(d, r)
}

func get(target string) *http.Request {
	r, err := http.NewRequest(http.MethodGet, target, http.NoBody)
	if err != nil {
		panic(err)
	}
	return r
}

const verifier = "a-code-verifier-of-at-least-forty-three-characters"

func (c *client) authorize(subject string) deed {
	challenge := sha256.Sum256([]byte(verifier))
	query := url.Values{
		"client_id": {clientID}, "redirect_uri": {callback}, "response_type": {"code"}, "state": {"state"},
		"scope": {"openid offline_access"}, "prompt": {"consent"}, "login_hint": {subject},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])}, "code_challenge_method": {"S256"},
	}
	return c.history.do(deed{op: authorize, of: subject}, func(d *deed) {
		location := c.send(d, get(issuer+"/authorize?"+query.Encode()))
		if location == nil {
			return
		}
		if d.code = location.Query().Get("code"); d.code == "" {
			d.outcome, d.detail = unknown, location.Query().Get("error")
		}
	})
}

func (c *client) redeem(subject, code string) deed {
	return c.history.do(deed{op: redeem, of: subject, sent: code}, func(d *deed) {
		c.post(d, "/token", clientID, url.Values{
			"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {callback}, "code_verifier": {verifier},
		})
	})
}

func (c *client) refresh(subject, token string) deed {
	return c.history.do(deed{op: refresh, of: subject, sent: token}, func(d *deed) {
		c.post(d, "/token", clientID, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}})
	})
}

func (c *client) revoke(subject, token string) deed {
	return c.history.do(deed{op: revoke, of: subject, sent: token}, func(d *deed) {
		c.post(d, "/revoke", clientID, url.Values{"token": {token}})
	})
}

func (c *client) introspect(subject, token string) deed {
	return c.history.do(deed{op: introspect, of: subject, sent: token}, func(d *deed) {
		c.post(d, "/introspect", clientID, url.Values{"token": {token}})
	})
}

func (c *client) register(id string) deed {
	return c.history.do(deed{op: register, of: id}, func(d *deed) { c.post(d, "/clients", "", url.Values{"id": {id}}) })
}

func (c *client) useClient(id string) deed {
	return c.history.do(deed{op: useClient, of: id}, func(d *deed) {
		c.post(d, "/token", id, url.Values{"grant_type": {"client_credentials"}})
	})
}

func (c *client) jwks() deed {
	return c.history.do(deed{op: jwks, of: "keys"}, func(d *deed) { c.send(d, get(issuer+"/jwks.json")) })
}
