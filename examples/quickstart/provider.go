package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/seed36673005/authserver"
	"github.com/seed36673005/authserver/clientreg"
	"github.com/seed36673005/authserver/examples/quickstart/demo"
	"github.com/seed36673005/authserver/grants"
	"github.com/seed36673005/authserver/keys"
	"github.com/seed36673005/authserver/storage"
	"github.com/seed36673005/authserver/storage/sqlstore/sqlite"
	"github.com/seed36673005/authserver/ui"
)

// quickstart is the provider and its demo, put together.
type quickstart struct {
	origin  string
	issuer  string
	secret  hostSecret
	handler http.Handler
	close   func() error
}

// open opens the database, fills it, and mounts the server and the demo.
func open(ctx context.Context, origin, db string) (*quickstart, error) {
	secret, err := openSecret(db + ".secret")
	if err != nil {
		return nil, err
	}
	store, err := sqlite.Open(ctx, db)
	if err != nil {
		return nil, err
	}
	q := &quickstart{origin: origin, issuer: origin + "/authentication", secret: secret, close: store.Close}
	server, err := q.serverOn(ctx, store)
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	q.handler = mount(server, demo.New(demo.Options{
		Issuer: q.issuer, ClientID: confidentialID, ClientSecret: secret.clientSecret(), RedirectURI: origin + "/callback",
	}))
	return q, nil
}

// serverOn is the whole of what a host does: storage, users, clients, keys,
// and one Config.
func (q *quickstart) serverOn(ctx context.Context, store storage.Storage) (*authserver.Server, error) {
	users, clients := ui.NewUsers(store), clientreg.New(store)
	if err := seed(ctx, users, clients, q.secret, q.origin); err != nil {
		return nil, err
	}
	ring, err := keys.Managed(store, q.secret.derive("keys"), keys.ManagedOptions{})
	if err != nil {
		return nil, err
	}
	return authserver.New(authserver.Config{
		Issuer:       q.issuer,
		Storage:      store,
		Keys:         ring,
		Clients:      clients,
		Claims:       users.Claims,
		CheckSubject: users.Check,
		Pages:        ui.New(ui.Options{Name: "Quickstart", Users: users, BrowserKey: q.secret.derive("browsers")}),
		Grants: []grants.Grant{
			grants.AuthorizationCode{},
			grants.RefreshToken{},
			grants.ClientCredentials{},
			grants.DeviceCode{},
			grants.Password{Authenticate: users.Authenticate},
		},
	})
}

// mount puts the server below its path, what must lie outside beside it, and
// the demo everywhere else.
func mount(server *authserver.Server, demo http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/authentication/", server)
	for pattern, handler := range server.WellKnown() {
		mux.Handle(pattern, handler)
	}
	mux.Handle("/", demo)
	return mux
}

// print says how to use it, a line each.
func (q *quickstart) print(out io.Writer) {
	fmt.Fprintf(out, "issuer: %s\nclient_id: %s\nclient_secret: %s\npublic_client_id: %s\nuser: %s\npassword: %s\ndemo: %s/\n",
		q.issuer, confidentialID, q.secret.clientSecret(), publicID, username, q.secret.password(), q.origin)
}
