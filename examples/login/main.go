// Login is a host with a login page and users of its own: Interact shows the
// page, and the page's form ends in Approve or Deny. One page asks for both,
// who it is and whether they agree.
package main

import (
	"crypto/rand"
	"flag"
	"fmt"
	"log"
	"net/http"
	"time"

	"github.com/seed36673005/authserver"
	"github.com/seed36673005/authserver/keys"
	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage/memory"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "address to listen on, loopback")
	flag.Parse()
	password := rand.Text()
	host, err := newHost("http://"+*addr+"/authentication", newUsers(map[string]string{"alice": password}))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("issuer: http://%s/authentication\nclient_id: app\nuser: alice\npassword: %s\n", *addr, password)
	server := &http.Server{Addr: *addr, Handler: host.routes(), ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute}
	log.Fatal(server.ListenAndServe())
}

// host is the program that the server is mounted in.
type host struct {
	users  users
	server *authserver.Server
}

func newHost(issuer string, u users) (*host, error) {
	h := &host{users: u}
	store, secret := memory.New(), make([]byte, 32)
	rand.Read(secret)
	ring, err := keys.Managed(store, secret, keys.ManagedOptions{Algorithms: []string{keys.ES256}})
	if err != nil {
		return nil, err
	}
	h.server, err = authserver.New(authserver.Config{
		Issuer: issuer, Storage: store, Keys: ring, Clients: app{}, Interact: h.interact, Claims: u.claims,
	})
	return h, err
}

// routes mounts the server beside the host's own pages.
func (h *host) routes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/authentication/", h.server)
	for pattern, handler := range h.server.WellKnown() {
		mux.Handle(pattern, handler)
	}
	mux.Handle("POST /login", http.NewCrossOriginProtection().Handler(http.HandlerFunc(h.login)))
	return mux
}

// interact is called with each valid authorization request. This host keeps
// no login sessions, so without a page there is nobody to speak for.
func (h *host) interact(w http.ResponseWriter, r *http.Request, req *authserver.AuthorizationRequest) {
	if req.NoPages {
		h.server.Deny(w, r, req.ID, oauth.E(oauth.LoginRequired, "the end user is not logged in"))
		return
	}
	showLogin(w, http.StatusOK, form{Request: req, Username: req.LoginHint})
}

// login is where the page's form goes. The server finds the request again by
// its id, in this browser alone.
func (h *host) login(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 16<<10)
	req, err := h.server.AuthorizationRequest(r, r.PostFormValue("request"))
	if err != nil {
		http.Error(w, "This login has ended. Go back to the application and start again.", http.StatusBadRequest)
		return
	}
	if r.PostFormValue("decision") == "deny" {
		h.server.Deny(w, r, req.ID, nil)
		return
	}
	username := r.PostFormValue("username")
	subject, ok := h.users.check(username, r.PostFormValue("password"))
	if !ok { // A host on the open network would also limit the attempts.
		showLogin(w, http.StatusUnauthorized, form{Request: req, Username: username, Problem: "Name or password is wrong."})
		return
	}
	h.server.Approve(w, r, req.ID, authserver.Approval{Subject: subject, AuthTime: time.Now(), AMR: []string{"pwd"}})
}
