// Minimal is an authorization server that asks nobody: it approves every valid
// request at once, for one fixed subject, and keeps everything in memory. It
// shows how little a host must bring, and is what load tests drive.
package main

import (
	"crypto/rand"
	"encoding/base64"
	"flag"
	"fmt"
	"log"
	"net/http"
	"time"

	"github.com/seed36673005/authserver"
	"github.com/seed36673005/authserver/keys"
	"github.com/seed36673005/authserver/storage/memory"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "address to listen on, loopback")
	flag.Parse()
	// As the server makes them: 256 bits, which need no slow hash.
	secret := "cs_" + base64.RawURLEncoding.EncodeToString(random(32))
	handler, err := newHandler("http://"+*addr, secret)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("issuer: http://%s\nclient_id: service\nclient_secret: %s\npublic_client_id: app\n", *addr, secret)
	server := &http.Server{Addr: *addr, Handler: handler, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute}
	log.Fatal(server.ListenAndServe())
}

func newHandler(issuer, clientSecret string) (http.Handler, error) {
	store := memory.New()
	ring, err := keys.Managed(store, random(32), keys.ManagedOptions{Algorithms: []string{keys.ES256}})
	if err != nil {
		return nil, err
	}
	return authserver.New(authserver.Config{
		Issuer: issuer, Storage: store, Keys: ring, Clients: newClients(clientSecret), Interact: approve,
	})
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

// approve is the whole conversation with the end user.
func approve(w http.ResponseWriter, r *http.Request, req *authserver.AuthorizationRequest) {
	req.Server.Approve(w, r, req.ID, authserver.Approval{Subject: "alice", AuthTime: time.Now()})
}
