package admin

import (
	"errors"
	"net/http"
	"slices"
	"strings"
)

// A route serves one method of one address. Its pattern is a path below the
// console's, in which * stands for an id.
type route struct {
	method, pattern string
	serve           func(http.ResponseWriter, *visit)
}

// pages are the routes of the console. What has a form is guarded by its
// token.
func (c *Console) pages() []route {
	get, post := http.MethodGet, http.MethodPost
	return []route{
		{get, "", c.getClients},
		{get, "assets/" + c.views.style.name, c.getStyle},
		{get, "new", c.getNew},
		{post, "new", c.guarded(c.postNew)},
		{get, "clients/*", c.getClient},
		{get, "clients/*/edit", c.getEdit},
		{post, "clients/*/edit", c.guarded(c.postEdit)},
		{post, "clients/*/approve", c.guarded(c.postApprove)},
		{post, "clients/*/disapprove", c.guarded(c.postDisapprove)},
		{get, "clients/*/remove", c.getRemove},
		{post, "clients/*/remove", c.guarded(c.postRemove)},
		{get, "clients/*/secrets/new", c.getNewSecret},
		{post, "clients/*/secrets/new", c.guarded(c.postNewSecret)},
		{get, "clients/*/secrets/rotate", c.getRotate},
		{post, "clients/*/secrets/rotate", c.guarded(c.postRotate)},
		{get, "clients/*/secrets/*/remove", c.getRemoveSecret},
		{post, "clients/*/secrets/*/remove", c.guarded(c.postRemoveSecret)},
		{get, "clients/*/authorizations", c.getAuthorizations},
		{get, "clients/*/authorizations/*/revoke", c.getRevoke},
		{post, "clients/*/authorizations/*/revoke", c.guarded(c.postRevoke)},
	}
}

// api are the routes of the JSON API, as openapi.json describes them.
func (c *Console) api() []route {
	return []route{
		{http.MethodGet, "api/openapi.json", c.apiDescription},
		{http.MethodGet, "api/clients", c.apiList},
		{http.MethodPost, "api/clients", c.answered(c.apiCreate)},
		{http.MethodGet, "api/clients/*", c.apiGet},
		{http.MethodPut, "api/clients/*", c.answered(c.apiUpdate)},
		{http.MethodDelete, "api/clients/*", c.answered(c.apiRemove)},
		{http.MethodPost, "api/clients/*/approve", c.answered(c.apiApprove)},
		{http.MethodPost, "api/clients/*/disapprove", c.answered(c.apiDisapprove)},
		{http.MethodGet, "api/clients/*/secrets", c.apiSecrets},
		{http.MethodPost, "api/clients/*/secrets", c.answered(c.apiAddSecret)},
		{http.MethodPost, "api/clients/*/rotate_secret", c.answered(c.apiRotate)},
		{http.MethodDelete, "api/clients/*/secrets/*", c.answered(c.apiRemoveSecret)},
		{http.MethodGet, "api/clients/*/authorizations", c.apiAuthorizations},
		{http.MethodDelete, "api/clients/*/authorizations/*", c.answered(c.apiRevoke)},
	}
}

// dispatch serves a visit by the first route that it matches.
func (c *Console) dispatch(w http.ResponseWriter, v *visit) {
	// The path as it was sent: nothing is unescaped, cleaned or split at
	// anything but a slash, so an address has one spelling.
	path, below := strings.CutPrefix(v.URL.EscapedPath(), c.path+"/")
	if !below {
		c.refuse(w, v.Request, http.StatusNotFound, nil)
		return
	}
	method := v.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	var allowed []string
	for _, rt := range c.routes {
		ids, ok := rt.match(path)
		if !ok {
			continue
		}
		if rt.method == method {
			v.ids = ids
			rt.serve(w, v)
			return
		}
		allowed = append(allowed, rt.method)
	}
	if allowed == nil {
		c.refuse(w, v.Request, http.StatusNotFound, nil)
		return
	}
	if slices.Contains(allowed, http.MethodGet) {
		allowed = append(allowed, http.MethodHead)
	}
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	c.refuse(w, v.Request, http.StatusMethodNotAllowed, nil)
}

// match returns what the asterisks of the pattern stand for.
func (rt route) match(path string) (ids []string, ok bool) {
	want, have := strings.Split(rt.pattern, "/"), strings.Split(path, "/")
	if len(want) != len(have) {
		return nil, false
	}
	for i, segment := range want {
		switch {
		case segment == "*" && isSegment(have[i]):
			ids = append(ids, have[i])
		case segment != have[i]:
			return nil, false
		}
	}
	return ids, true
}

// refuse answers what is served to nobody, as a page or, below api, as JSON. A
// cause is logged under the reference that the answer shows.
func (c *Console) refuse(w http.ResponseWriter, r *http.Request, status int, cause error) {
	if strings.HasPrefix(r.URL.EscapedPath(), c.path+"/api/") {
		c.problem(w, r, problem{Status: status, cause: cause})
		return
	}
	c.fail(w, r, status, cause)
}

// errCrossOrigin says that a request came from a page of another origin.
var errCrossOrigin = errors.New("admin: Origin is none of Options.Origins")

// sameOrigin refuses what another origin's page sent. http.CrossOriginProtection
// compares hosts alone where a browser sends no Sec-Fetch-Site, so schemes are
// compared here; and an opaque origin is none of ours unless the browser says
// that it is.
func (c *Console) sameOrigin(r *http.Request) error {
	if err := c.cross.Check(r); err != nil {
		return err
	}
	switch origin := r.Header.Get("Origin"); {
	case origin == "" || c.origins[origin]:
		return nil
	case origin == "null" && r.Header.Get("Sec-Fetch-Site") == "same-origin":
		return nil
	}
	return errCrossOrigin
}
