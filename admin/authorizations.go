package admin

import (
	"net/http"
	"net/url"

	"github.com/seed36673005/authserver/clientreg"
)

// authorizationsLimit is how many a page of the console shows.
const authorizationsLimit = 50

// An AuthorizationView is what one end user, or the client for itself, agreed
// to.
type AuthorizationView struct {
	ID, Subject, GrantType  string
	Scopes                  []string
	Created, LastUsed, Ends *When
}

// authorizations puts a page of them on a page; list is the address of the
// next one without its cursor.
func (p *Page) authorizations(given clientreg.AuthorizationPage, list string) {
	for _, a := range given.Authorizations {
		p.Authorizations = append(p.Authorizations, AuthorizationView{
			ID: a.GrantID, Subject: clean(a.Subject), GrantType: p.option("grant_types", a.GrantType), Scopes: a.Scopes,
			Created: p.when(a.CreatedAt), LastUsed: p.when(a.LastUsedAt), Ends: p.when(a.ExpiresAt),
		})
	}
	if given.Next != "" {
		p.Next = list + url.Values{"cursor": {given.Next}}.Encode()
	}
}

func (c *Console) getAuthorizations(w http.ResponseWriter, v *visit) {
	e, err := c.entryOf(v)
	if err != nil {
		c.failed(w, v, err)
		return
	}
	given, err := c.service.Authorizations(v.Context(), v.actor, v.id(), authorizationsLimit, v.URL.Query().Get("cursor"))
	if err != nil {
		c.failed(w, v, err)
		return
	}
	p := c.page(w, v, kindAuthorizations)
	p.Client = p.client(e)
	p.authorizations(given, v.URL.EscapedPath()+"?")
	c.show(w, v.Request, http.StatusOK, p)
}

func (c *Console) getRevoke(w http.ResponseWriter, v *visit) { c.confirm(w, v, "revoke", v.part()) }

func (c *Console) postRevoke(w http.ResponseWriter, v *visit) {
	_, err := c.entryOf(v)
	if err == nil {
		err = c.service.RevokeAuthorization(v.Context(), v.actor, v.id(), v.part())
	}
	if err != nil {
		c.failed(w, v, err)
		return
	}
	c.goTo(w, v.Request, "clients/"+v.id(), "revoked")
}
