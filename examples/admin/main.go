// Admin is a host with a console: the server on one listener, for everybody,
// and the console on another, for those who know its password.
//
//	go run ./examples/admin
package main

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"flag"
	"fmt"
	"log"
	"net/http"
	"time"

	"github.com/seed36673005/authserver"
	"github.com/seed36673005/authserver/admin"
	"github.com/seed36673005/authserver/clientreg"
	"github.com/seed36673005/authserver/grants"
	"github.com/seed36673005/authserver/keys"
	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage/memory"
	"github.com/seed36673005/authserver/ui"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "loopback address of the server")
	adminAddr := flag.String("admin", "127.0.0.1:8081", "loopback address of the console")
	flag.Parse()
	h, err := newHost("http://"+*addr, "http://"+*adminAddr, rand.Text())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("issuer: http://%s/authentication\nconsole: http://%s/clients/\nadministrator: admin\nuser: alice\npassword: %s\n",
		*addr, *adminAddr, h.password)
	failed := make(chan error, 2)
	go func() { failed <- listen(*addr, h.public()) }()
	go func() { failed <- listen(*adminAddr, h.private()) }()
	log.Fatal(<-failed)
}

func listen(addr string, handler http.Handler) error {
	server := &http.Server{Addr: addr, Handler: handler, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute}
	return server.ListenAndServe()
}

// host is the program that the server and the console are mounted in.
type host struct {
	password string // of the administrator and of alice
	service  *clientreg.Service
	server   *authserver.Server
	console  *admin.Console
}

// newHost puts both together: what they share is the service.
func newHost(origin, adminOrigin, password string) (*host, error) {
	var err error
	h := &host{password: password}
	store, secret := memory.New(), make([]byte, 32)
	rand.Read(secret)
	h.service, err = clientreg.NewService(clientreg.ServiceOptions{
		Storage: store, Permit: clientreg.PermitAll, InitialState: oauth.StatePending,
		GrantTypes: []string{oauth.GrantTypeAuthorizationCode, oauth.GrantTypeRefreshToken, oauth.GrantTypeClientCredentials},
		Quotas:     []clientreg.Quota{{Max: 1000, Per: clientreg.PerServer}},
		Events:     logChange,
	})
	if err != nil {
		return nil, err
	}
	if h.server, err = newServer(origin+"/authentication", store, secret, h.service, password); err != nil {
		return nil, err
	}
	h.console, err = admin.New(admin.Options{
		Service: h.service, Actor: h.whoIs, Origins: []string{adminOrigin}, Path: "/clients",
		Name: "Example", Challenge: `Basic realm="clients", charset="UTF-8"`,
	})
	return h, err
}

func newServer(issuer string, store *memory.Store, secret []byte, clients *clientreg.Service, password string) (*authserver.Server, error) {
	ring, err := keys.Managed(store, secret, keys.ManagedOptions{Algorithms: []string{keys.ES256}})
	if err != nil {
		return nil, err
	}
	users, err := newUsers(store, password)
	if err != nil {
		return nil, err
	}
	return authserver.New(authserver.Config{
		Issuer: issuer, Storage: store, Keys: ring, Clients: clients,
		Claims: users.Claims, CheckSubject: users.Check, Pages: ui.New(ui.Options{Name: "Example", Users: users}),
		Grants: []grants.Grant{grants.AuthorizationCode{}, grants.RefreshToken{}, grants.ClientCredentials{}},
	})
}

// whoIs is the host's own authorization: here one password, on loopback. Most
// hosts look at the session that their administrators have anyway.
func (h *host) whoIs(r *http.Request) (clientreg.Actor, error) {
	name, password, ok := r.BasicAuth()
	given, want := sha256.Sum256([]byte(password)), sha256.Sum256([]byte(h.password))
	if !ok || name != "admin" || subtle.ConstantTimeCompare(given[:], want[:]) != 1 {
		return clientreg.Actor{}, nil
	}
	return clientreg.Person(name), nil
}

// public is what everybody may reach.
func (h *host) public() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/authentication/", h.server)
	for pattern, handler := range h.server.WellKnown() {
		mux.Handle(pattern, handler)
	}
	return mux
}

// private is what administrators may reach. A plain handler: http.ServeMux
// would clean paths and redirect before the console has asked who it is.
func (h *host) private() http.Handler { return h.console }
