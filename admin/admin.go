package admin

import (
	"cmp"
	"errors"
	"log/slog"
	"net/http"
	"strings"

	"github.com/seed36673005/authserver/clientreg"
)

// A Console is the pages and the API. It is safe for concurrent use.
type Console struct {
	service   *clientreg.Service
	actor     ActorFunc
	tenant    func(*http.Request) string
	path      string
	name      string
	challenge string
	secure    bool            // https
	hosts     map[string]bool // as a Host header has them
	origins   map[string]bool
	views     *views
	catalogue *catalogue
	routes    []route
	cross     http.CrossOriginProtection
	log       *slog.Logger
}

var _ http.Handler = (*Console)(nil)

// New checks the options and returns a Console. Every fault is reported at
// once.
func New(o Options) (*Console, error) {
	catalogue, err := newCatalogue(o.Messages, o.Languages)
	if err := errors.Join(o.validate(), err); err != nil {
		return nil, err
	}
	c := &Console{
		service: o.Service, actor: o.Actor, tenant: o.Tenant, path: o.Path, name: o.Name, challenge: o.Challenge,
		hosts: map[string]bool{}, origins: map[string]bool{},
		views: newViews(), catalogue: catalogue, log: cmp.Or(o.Logger, slog.Default()),
	}
	for _, origin := range o.Origins {
		u, _ := parseOrigin(origin)
		c.secure = u.Scheme == "https"
		c.origins[withoutDefaultPort(u.Scheme, origin)] = true
		c.hosts[withoutDefaultPort(u.Scheme, u.Host)] = true
	}
	if c.tenant == nil {
		c.tenant = func(*http.Request) string { return "" }
	}
	c.routes = append(c.pages(), c.api()...)
	return c, nil
}

// withoutDefaultPort is a host or origin without the port that its scheme
// has anyway.
func withoutDefaultPort(scheme, s string) string {
	if scheme == "https" {
		return strings.TrimSuffix(s, ":443")
	}
	return strings.TrimSuffix(s, ":80")
}

// isNobody reports whether an actor is nobody in particular. What a host
// may say of a session that it does not know is Person("").
func isNobody(a clientreg.Actor) bool {
	return a.ID == "" && a.Kind != clientreg.ActorSystem || a.Kind == "" || a.Kind == clientreg.ActorAnonymous
}

// A visit is one request of somebody who may be here.
type visit struct {
	*http.Request
	actor  clientreg.Actor
	tenant string
	ids    []string // what the path names: a client, and a part of it
}

// id is the client that the path names, part what it names of it.
func (v *visit) id() string   { return v.ids[0] }
func (v *visit) part() string { return v.ids[1] }

// ServeHTTP serves the pages and the API. It asks, in this order: is the
// request for this host, who sent it, is there such an address, and did it
// come from a page of ours.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	scheme := "http"
	if c.secure {
		scheme = "https"
	}
	if !c.hosts[withoutDefaultPort(scheme, strings.ToLower(r.Host))] {
		c.refuse(w, r, http.StatusMisdirectedRequest, errors.New("admin: Host is none of Options.Origins"))
		return
	}
	actor, err := c.actor(r)
	switch {
	case err != nil:
		c.refuse(w, r, http.StatusForbidden, err)
		return
	case isNobody(actor):
		if c.challenge != "" {
			w.Header().Set("WWW-Authenticate", c.challenge)
		}
		c.refuse(w, r, http.StatusUnauthorized, nil)
		return
	}
	c.dispatch(w, &visit{Request: r, actor: actor, tenant: c.tenant(r)})
}
