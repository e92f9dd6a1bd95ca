package admin

import (
	"net/http"
	"time"

	"github.com/seed36673005/authserver/clientreg"
	"github.com/seed36673005/authserver/oauth"
)

// secretJSON is a secret's names and times.
type secretJSON struct {
	ID         string    `json:"id"`
	Name       string    `json:"name,omitempty"`
	CreatedAt  time.Time `json:"created_at,omitzero"`
	ExpiresAt  time.Time `json:"expires_at,omitzero"`
	LastUsedAt time.Time `json:"last_used_at,omitzero"`
}

func toSecretJSON(s oauth.Secret) secretJSON {
	return secretJSON{s.ID, s.Name, s.CreatedAt, s.ExpiresAt, s.LastUsedAt}
}

func (c *Console) apiSecrets(w http.ResponseWriter, v *visit) {
	e, err := c.entryOf(v)
	if err != nil {
		c.apiFailed(w, v, err)
		return
	}
	list := []secretJSON{}
	for _, s := range e.Client.Secrets {
		list = append(list, toSecretJSON(s))
	}
	c.writeJSON(w, http.StatusOK, "application/json", map[string]any{"secrets": list})
}

// apiAddSecret gives a client one more secret.
func (c *Console) apiAddSecret(w http.ResponseWriter, v *visit) {
	var body struct {
		Name         string    `json:"name"`
		ExpiresAt    time.Time `json:"expires_at"`
		ClientSecret string    `json:"client_secret"`
	}
	if !c.body(w, v, &body) {
		return
	}
	c.apiMakeSecret(w, v, func() (clientreg.Issued, error) {
		return c.service.AddSecret(v.Context(), v.actor, v.id(),
			clientreg.NewSecret{Name: body.Name, ExpiresAt: body.ExpiresAt, Chosen: body.ClientSecret})
	})
}

// maxOverlap is the most seconds that rotated secrets stay valid: 30 days.
const maxOverlap = 30 * 24 * 60 * 60

// apiRotate gives a client a new secret and ends the others.
func (c *Console) apiRotate(w http.ResponseWriter, v *visit) {
	var body struct {
		OverlapSeconds int `json:"overlap_seconds"`
	}
	if !c.body(w, v, &body) {
		return
	}
	if body.OverlapSeconds < 0 || body.OverlapSeconds > maxOverlap {
		c.apiFailed(w, v, &clientreg.FieldError{Field: "overlap_seconds", Reason: "want 0 to 2592000"})
		return
	}
	c.apiMakeSecret(w, v, func() (clientreg.Issued, error) {
		return c.service.RotateSecret(v.Context(), v.actor, v.id(), time.Duration(body.OverlapSeconds)*time.Second)
	})
}

func (c *Console) apiMakeSecret(w http.ResponseWriter, v *visit, issue func() (clientreg.Issued, error)) {
	_, err := c.entryOf(v)
	var made clientreg.Issued
	if err == nil {
		made, err = issue()
	}
	if err != nil {
		c.apiFailed(w, v, err)
		return
	}
	c.writeIssued(w, http.StatusCreated, made)
}

func (c *Console) apiRemoveSecret(w http.ResponseWriter, v *visit) {
	_, err := c.entryOf(v)
	if err == nil {
		_, err = c.service.RemoveSecret(v.Context(), v.actor, v.id(), v.part())
	}
	c.done(w, v, err)
}

// authorizationJSON is what one end user, or the client for itself, agreed to.
type authorizationJSON struct {
	ID         string    `json:"id"`
	Subject    string    `json:"subject,omitempty"`
	GrantType  string    `json:"grant_type"`
	Scopes     []string  `json:"scopes,omitempty"`
	CreatedAt  time.Time `json:"created_at,omitzero"`
	LastUsedAt time.Time `json:"last_used_at,omitzero"`
	ExpiresAt  time.Time `json:"expires_at,omitzero"`
}

type authorizationsJSON struct {
	Authorizations []authorizationJSON `json:"authorizations"`
	Next           string              `json:"next,omitempty"`
}

func (c *Console) apiAuthorizations(w http.ResponseWriter, v *visit) {
	values, err := parameters(v.Request, "limit", "cursor")
	var n int
	if err == nil {
		n, err = limit(values)
	}
	if err == nil {
		_, err = c.entryOf(v)
	}
	var given clientreg.AuthorizationPage
	if err == nil {
		given, err = c.service.Authorizations(v.Context(), v.actor, v.id(), n, values.Get("cursor"))
	}
	if err != nil {
		c.apiFailed(w, v, err)
		return
	}
	out := authorizationsJSON{Authorizations: []authorizationJSON{}, Next: given.Next}
	for _, a := range given.Authorizations {
		out.Authorizations = append(out.Authorizations, authorizationJSON{
			a.GrantID, a.Subject, a.GrantType, a.Scopes, a.CreatedAt, a.LastUsedAt, a.ExpiresAt,
		})
	}
	c.writeJSON(w, http.StatusOK, "application/json", out)
}

func (c *Console) apiRevoke(w http.ResponseWriter, v *visit) {
	_, err := c.entryOf(v)
	if err == nil {
		err = c.service.RevokeAuthorization(v.Context(), v.actor, v.id(), v.part())
	}
	c.done(w, v, err)
}
