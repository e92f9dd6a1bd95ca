package admin

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/seed36673005/authserver/clientreg"
	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage"
)

// A decision is Service.Approve or Service.Disapprove.
type decision func(ctx context.Context, actor clientreg.Actor, id string, version int64) (clientreg.Entry, error)

const day = 24 * time.Hour

// What forms offer, by the value they send.
var (
	lifetimes = map[string]time.Duration{"": 0, "90": 90 * day, "180": 180 * day, "365": 365 * day, "730": 730 * day}
	overlaps  = map[string]time.Duration{"0": 0, "1": time.Hour, "24": day, "168": 7 * day}
)

// secret is a secret's names and times.
func (p *Page) secret(s oauth.Secret) SecretView {
	return SecretView{
		ID: s.ID, Name: clean(s.Name), Created: p.when(s.CreatedAt), LastUsed: p.when(s.LastUsedAt), Ends: p.when(s.ExpiresAt),
		Ended: !s.ExpiresAt.IsZero() && !s.ExpiresAt.After(time.Now()),
	}
}

// showSecret shows a secret the one time that it can be seen.
func (c *Console) showSecret(w http.ResponseWriter, v *visit, status int, made clientreg.Issued, done string) {
	p := c.page(w, v, kindSecret)
	p.Client = p.client(made.Entry)
	p.Secret = &SecretView{ID: made.SecretID, Value: made.Secret}
	if done != "" {
		p.Done = p.T("done." + done)
	}
	c.show(w, v.Request, status, p)
}

func (c *Console) getNewSecret(w http.ResponseWriter, v *visit) {
	c.askSecret(w, v, kindNewSecret, nil)
}
func (c *Console) getRotate(w http.ResponseWriter, v *visit) { c.askSecret(w, v, kindRotate, nil) }

// askSecret shows the form for a new secret; err says why it is shown again.
func (c *Console) askSecret(w http.ResponseWriter, v *visit, kind string, err error) {
	e, readErr := c.entryOf(v)
	if readErr != nil {
		c.failed(w, v, readErr)
		return
	}
	p, status := c.page(w, v, kind), http.StatusOK
	p.Client = p.client(e)
	if err != nil {
		refused := refusalOf(err)
		p.Problem, status = p.T("problem."+refused.code), refused.status
	}
	c.show(w, v.Request, status, p)
}

func (c *Console) postNewSecret(w http.ResponseWriter, v *visit) {
	lifetime, known := lifetimes[v.PostForm.Get("lifetime")]
	if !known {
		c.fail(w, v.Request, http.StatusBadRequest, errBadQuery)
		return
	}
	n := clientreg.NewSecret{Name: v.PostForm.Get("name")}
	if lifetime > 0 {
		n.ExpiresAt = time.Now().Add(lifetime)
	}
	c.makeSecret(w, v, kindNewSecret, func() (clientreg.Issued, error) {
		return c.service.AddSecret(v.Context(), v.actor, v.id(), n)
	})
}

func (c *Console) postRotate(w http.ResponseWriter, v *visit) {
	overlap, known := overlaps[v.PostForm.Get("overlap")]
	if !known {
		c.fail(w, v.Request, http.StatusBadRequest, errBadQuery)
		return
	}
	c.makeSecret(w, v, kindRotate, func() (clientreg.Issued, error) {
		return c.service.RotateSecret(v.Context(), v.actor, v.id(), overlap)
	})
}

// makeSecret makes a secret and shows it, or the form again.
func (c *Console) makeSecret(w http.ResponseWriter, v *visit, kind string, issue func() (clientreg.Issued, error)) {
	if _, err := c.entryOf(v); err != nil {
		c.failed(w, v, err)
		return
	}
	made, err := issue()
	switch refusalOf(err).code {
	case "public_client", "too_many_secrets", "invalid_client_metadata":
		c.askSecret(w, v, kind, err)
		return
	}
	if err != nil {
		c.failed(w, v, err)
		return
	}
	c.showSecret(w, v, http.StatusOK, made, "")
}

func (c *Console) getRemoveSecret(w http.ResponseWriter, v *visit) {
	e, name, err := c.secretOf(v)
	if err != nil {
		c.failed(w, v, err)
		return
	}
	c.showConfirm(w, v, http.StatusOK, e, Confirm{Kind: "secret", Subject: name}, "")
}

// secretOf is the client and what the secret is called that the path names.
func (c *Console) secretOf(v *visit) (clientreg.Entry, string, error) {
	e, err := c.entryOf(v)
	if err != nil {
		return e, "", err
	}
	for _, s := range e.Client.Secrets {
		if s.ID == v.part() {
			if name := clean(s.Name); name != "" {
				return e, name, nil
			}
			return e, s.ID, nil
		}
	}
	return e, "", storage.ErrNotFound
}

func (c *Console) postRemoveSecret(w http.ResponseWriter, v *visit) {
	e, name, err := c.secretOf(v)
	if err == nil {
		_, err = c.service.RemoveSecret(v.Context(), v.actor, v.id(), v.part())
	}
	switch {
	case errors.Is(err, clientreg.ErrLastSecret):
		c.showConfirm(w, v, http.StatusConflict, e, Confirm{Kind: "secret", Subject: name}, "problem.last_secret")
	case err != nil:
		c.failed(w, v, err)
	default:
		c.goTo(w, v.Request, "clients/"+v.id(), "secret-removed")
	}
}

// Lifetimes are the ends that a new secret can be given, in days.
func (p *Page) Lifetimes() []Option {
	options := []Option{{Label: p.T("secret.never"), Chosen: true}}
	for _, days := range []int{90, 180, 365, 730} {
		options = append(options, Option{Value: strconv.Itoa(days), Label: p.N("secret.days", days)})
	}
	return options
}

// Overlaps are how long the other secrets can stay valid, in hours.
func (p *Page) Overlaps() []Option {
	var options []Option
	for _, hours := range []string{"0", "1", "24", "168"} {
		options = append(options, Option{Value: hours, Label: p.T("secret.overlap-" + hours), Chosen: hours == "24"})
	}
	return options
}
