package admin

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"

	"github.com/seed36673005/authserver/clientreg"
	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage"
)

// shownAuthorizations is how many the page of a client shows.
const shownAuthorizations = 5

func (c *Console) getClient(w http.ResponseWriter, v *visit) {
	c.showClient(w, v, http.StatusOK, "")
}

// showClient shows all there is of a client; problem may say why it is shown
// again.
func (c *Console) showClient(w http.ResponseWriter, v *visit, status int, problem string) {
	e, err := c.entryOf(v)
	if err != nil {
		c.failed(w, v, err)
		return
	}
	p := c.page(w, v, kindClient)
	p.Client = p.client(e)
	p.Client.Facts = p.facts(&e.Client)
	p.Title = p.Client.Name
	if problem != "" {
		p.Problem = p.T(problem)
	}
	given, err := c.service.Authorizations(v.Context(), v.actor, v.id(), shownAuthorizations, "")
	switch {
	case refusalOf(err).status == http.StatusForbidden: // may see the client, not its people
	case err != nil:
		c.failed(w, v, err)
		return
	default:
		p.authorizations(given, c.path+"/clients/"+v.id()+"/authorizations?")
	}
	c.show(w, v.Request, status, p)
}

// fingerprint names what people see of a client: all but its secrets, whose
// last use changes by itself.
func fingerprint(client *oauth.Client) string {
	seen := *client
	seen.Secrets = nil
	text, err := json.Marshal(seen)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(text)
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}

// unchanged is the client of a visit if it is what the form showed, else
// storage.ErrConflict, with the client as it is.
func (c *Console) unchanged(v *visit) (clientreg.Entry, error) {
	e, err := c.entryOf(v)
	if err != nil {
		return e, err
	}
	seen, ok := version(v.PostForm.Get("version"))
	if !ok {
		return e, errBadQuery
	}
	if seen != e.Version && v.PostForm.Get("seen") != fingerprint(&e.Client) {
		return e, storage.ErrConflict
	}
	return e, nil
}

func (c *Console) postApprove(w http.ResponseWriter, v *visit) {
	c.decide(w, v, c.service.Approve, "approved")
}

func (c *Console) postDisapprove(w http.ResponseWriter, v *visit) {
	c.decide(w, v, c.service.Disapprove, "disapproved")
}

// decide approves or disapproves the client that was looked at.
func (c *Console) decide(w http.ResponseWriter, v *visit, decide decision, done string) {
	e, err := c.unchanged(v)
	if err == nil {
		_, err = decide(v.Context(), v.actor, v.id(), e.Version)
	}
	switch {
	case refusalOf(err).code == "conflict":
		c.showClient(w, v, http.StatusConflict, "client.conflict")
	case err != nil:
		c.failed(w, v, err)
	default:
		c.goTo(w, v.Request, "clients/"+v.id(), done)
	}
}

// A Confirm asks before something is gone.
type Confirm struct {
	Kind, Action, Back string
	// Subject is what would be gone; may be empty.
	Subject string
}

// confirm shows the page that asks.
func (c *Console) confirm(w http.ResponseWriter, v *visit, kind, subject string) {
	e, err := c.entryOf(v)
	if err != nil {
		c.failed(w, v, err)
		return
	}
	c.showConfirm(w, v, http.StatusOK, e, Confirm{Kind: kind, Subject: subject}, "")
}

func (c *Console) showConfirm(w http.ResponseWriter, v *visit, status int, e clientreg.Entry, ask Confirm, problem string) {
	p := c.page(w, v, kindConfirm)
	p.Client = p.client(e)
	ask.Action = v.URL.EscapedPath()
	ask.Back = c.path + "/clients/" + v.id()
	p.Confirm = &ask
	p.Title = p.T("confirm." + ask.Kind + ".title")
	if problem != "" {
		p.Problem = p.T(problem)
	}
	c.show(w, v.Request, status, p)
}

func (c *Console) getRemove(w http.ResponseWriter, v *visit) { c.confirm(w, v, "remove", "") }

func (c *Console) postRemove(w http.ResponseWriter, v *visit) {
	_, err := c.entryOf(v)
	if err == nil {
		err = c.service.Remove(v.Context(), v.actor, v.id())
	}
	if err != nil {
		c.failed(w, v, err)
		return
	}
	c.goTo(w, v.Request, "", "removed")
}
