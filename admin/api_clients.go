package admin

import (
	_ "embed"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/seed36673005/authserver/clientreg"
	"github.com/seed36673005/authserver/oauth"
)

//go:embed openapi.json
var description []byte

// apiDescription serves the OpenAPI document.
func (c *Console) apiDescription(w http.ResponseWriter, _ *visit) {
	c.apiHeaders(w.Header())
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(description)
}

// clientJSON is a client as the API has it: with secrets that have no digest.
type clientJSON struct {
	oauth.Client
	Secrets []secretJSON `json:"secrets,omitempty"`
}

// issuedJSON is a client and the secret that was just made for it.
type issuedJSON struct {
	Client       clientJSON `json:"client"`
	ClientSecret string     `json:"client_secret,omitempty"`
	SecretID     string     `json:"secret_id,omitempty"`
}

type listJSON struct {
	Clients []clientJSON `json:"clients"`
	Next    string       `json:"next,omitempty"`
	Total   int          `json:"total"`
}

func toJSON(c *oauth.Client) clientJSON {
	out := clientJSON{Client: *c}
	out.Type, out.State = c.Kind(), c.Standing()
	for _, s := range c.Secrets {
		out.Secrets = append(out.Secrets, toSecretJSON(s))
	}
	return out
}

// etag names a version of a client (RFC 9110 §8.8.3).
func etag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }

// ifMatch reads the version that If-Match names; zero where there is none.
func ifMatch(r *http.Request) (int64, bool) {
	text := r.Header.Get("If-Match")
	if text == "" {
		return 0, true
	}
	inner, ok := strings.CutPrefix(text, `"`)
	inner, closed := strings.CutSuffix(inner, `"`)
	n, number := version(inner)
	return n, ok && closed && number && len(r.Header.Values("If-Match")) == 1
}

// writeClient answers with a client and its version.
func (c *Console) writeClient(w http.ResponseWriter, e clientreg.Entry) {
	w.Header().Set("ETag", etag(e.Version))
	c.writeJSON(w, http.StatusOK, "application/json", toJSON(&e.Client))
}

// writeIssued answers with a client and its new secret.
func (c *Console) writeIssued(w http.ResponseWriter, status int, made clientreg.Issued) {
	w.Header().Set("ETag", etag(made.Version))
	c.writeJSON(w, status, "application/json", issuedJSON{toJSON(&made.Client), made.Secret, made.SecretID})
}

// parameters are those of the query, each known and there once.
func parameters(r *http.Request, known ...string) (url.Values, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, errBadQuery
	}
	for name, list := range values {
		if len(list) != 1 || !slices.Contains(known, name) {
			return nil, errBadQuery
		}
	}
	return values, nil
}

func (c *Console) apiList(w http.ResponseWriter, v *visit) {
	values, err := parameters(v.Request, listParameters...)
	if err != nil {
		c.apiFailed(w, v, err)
		return
	}
	q, err := listQuery(v, values)
	if err != nil {
		c.apiFailed(w, v, err)
		return
	}
	found, err := c.service.List(v.Context(), v.actor, q)
	if err != nil {
		c.apiFailed(w, v, err)
		return
	}
	out := listJSON{Clients: []clientJSON{}, Next: found.Next, Total: found.Total}
	for _, e := range found.Entries {
		out.Clients = append(out.Clients, toJSON(&e.Client))
	}
	c.writeJSON(w, http.StatusOK, "application/json", out)
}

func (c *Console) apiGet(w http.ResponseWriter, v *visit) {
	e, err := c.entryOf(v)
	if err != nil {
		c.apiFailed(w, v, err)
		return
	}
	c.writeClient(w, e)
}

// apiCreate registers a client. What the server alone decides is ignored.
func (c *Console) apiCreate(w http.ResponseWriter, v *visit) {
	var body clientJSON
	if !c.body(w, v, &body) {
		return
	}
	client := body.Client
	client.State, client.Dynamic, client.Disabled, client.Secrets = "", false, false, nil
	client.CreatedAt, client.UpdatedAt = oauth.Client{}.CreatedAt, oauth.Client{}.UpdatedAt
	if v.tenant != "" {
		if client.Tenant != "" && client.Tenant != v.tenant {
			c.apiFailed(w, v, &clientreg.FieldError{Field: "tenant", Reason: "want the tenant of this console, or none"})
			return
		}
		client.Tenant = v.tenant
	}
	if client.TokenEndpointAuthMethod == "" {
		client.TokenEndpointAuthMethod = oauth.AuthMethodBasic
	}
	made, err := c.service.Create(v.Context(), v.actor, client)
	if err != nil {
		c.apiFailed(w, v, err)
		return
	}
	w.Header().Set("Location", c.path+"/api/clients/"+made.Client.ID)
	c.writeIssued(w, http.StatusCreated, made)
}

// apiUpdate stores new metadata in place of the version that If-Match names.
func (c *Console) apiUpdate(w http.ResponseWriter, v *visit) {
	want, ok := ifMatch(v.Request)
	switch {
	case !ok:
		c.problem(w, v.Request, problem{Status: http.StatusPreconditionFailed})
		return
	case want == 0:
		c.problem(w, v.Request, problem{Status: http.StatusPreconditionRequired, Title: "want If-Match with the ETag of the client"})
		return
	}
	e, err := c.entryOf(v)
	if err != nil {
		c.apiFailed(w, v, err)
		return
	}
	var body clientJSON
	if !c.body(w, v, &body) {
		return
	}
	if fault := fixed(&body.Client, &e.Client); fault != nil {
		c.apiFailed(w, v, fault)
		return
	}
	body.ID = e.Client.ID
	made, err := c.service.Update(v.Context(), v.actor, body.Client, want)
	if err != nil {
		c.apiFailed(w, v, err)
		return
	}
	c.writeIssued(w, http.StatusOK, made)
}

// fixed is a fault if a body names another client, type or tenant than the one
// there is.
func fixed(body, have *oauth.Client) error {
	for _, f := range []struct{ name, sent, have string }{
		{"client_id", body.ID, have.ID},
		{"type", string(body.Type), string(have.Kind())},
		{"tenant", body.Tenant, have.Tenant},
		{"owner", body.Owner, have.Owner},
	} {
		if f.sent != "" && f.sent != f.have {
			return &clientreg.FieldError{Field: f.name, Reason: "never changes: want it as it is, or not at all"}
		}
	}
	return nil
}

func (c *Console) apiRemove(w http.ResponseWriter, v *visit) {
	_, err := c.entryOf(v)
	if err == nil {
		err = c.service.Remove(v.Context(), v.actor, v.id())
	}
	c.done(w, v, err)
}

// done answers that something is gone.
func (c *Console) done(w http.ResponseWriter, v *visit, err error) {
	if err != nil {
		c.apiFailed(w, v, err)
		return
	}
	c.apiHeaders(w.Header())
	w.WriteHeader(http.StatusNoContent)
}

func (c *Console) apiApprove(w http.ResponseWriter, v *visit) { c.apiDecide(w, v, c.service.Approve) }

func (c *Console) apiDisapprove(w http.ResponseWriter, v *visit) {
	c.apiDecide(w, v, c.service.Disapprove)
}

// apiDecide approves or disapproves a client, of the version that If-Match
// names if it names one.
func (c *Console) apiDecide(w http.ResponseWriter, v *visit, decide decision) {
	want, ok := ifMatch(v.Request)
	if !ok {
		c.problem(w, v.Request, problem{Status: http.StatusPreconditionFailed})
		return
	}
	_, err := c.entryOf(v)
	if err != nil {
		c.apiFailed(w, v, err)
		return
	}
	e, err := decide(v.Context(), v.actor, v.id(), want)
	if err != nil {
		c.apiFailed(w, v, err)
		return
	}
	c.writeClient(w, e)
}
