// Custom-storage writes a storage backend, on the embedded key-value library
// bbolt, and serves with it: what to copy when the server's state is to live
// in a database that this module has no backend for.
//
// store.go is the whole backend, in less than 150 lines of code, and
// store_test.go the one line that checks it against the contract. Three
// things make a backend; everything else is the database's own API:
//
//   - Compare-and-swap: Create and Replace decide and write in one step that
//     nothing can come between. Here that is bbolt's single write transaction;
//     elsewhere it is UPDATE … WHERE version = ?, a conditional put or a
//     script.
//   - Versions that never come twice, not even after a Delete. Here a sequence
//     of the file's; where there is none, 63 random bits do.
//   - Lists by client, subject and session whose cursor is a place in the
//     order of the keys, not a count of records.
//
// Sweep and Health are optional: the server finds them by type assertion.
//
//	go run ./examples/custom-storage
package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"flag"
	"fmt"
	"log"
	"net/http"
	"time"

	"github.com/seed36673005/authserver"
	"github.com/seed36673005/authserver/grants"
	"github.com/seed36673005/authserver/keys"
	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "address to listen on, loopback")
	path := flag.String("db", "custom-storage.db", "bbolt file, created if it does not exist")
	flag.Parse()
	st, err := open(*path)
	if err != nil {
		log.Fatal(err)
	}
	secret := "cs_" + rand.Text() + rand.Text()
	// A server that is to know its tokens after a restart keeps this secret.
	handler, err := newHandler("http://"+*addr, st, []byte(rand.Text()+rand.Text()), secret)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("issuer: http://%s\nclient_id: service\nclient_secret: %s\n", *addr, secret)
	server := &http.Server{Addr: *addr, Handler: handler, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute}
	log.Fatal(server.ListenAndServe())
}

// newHandler is a server for clients that act for themselves.
func newHandler(issuer string, st storage.Storage, ringSecret []byte, clientSecret string) (http.Handler, error) {
	ring, err := keys.Managed(st, ringSecret, keys.ManagedOptions{Algorithms: []string{keys.ES256}})
	if err != nil {
		return nil, err
	}
	return authserver.New(authserver.Config{
		Issuer: issuer, Storage: st, Keys: ring, Clients: service(clientSecret),
		Grants: []grants.Grant{grants.ClientCredentials{}},
	})
}

// A service is the one client, by its secret.
type service string

// Client finds it.
func (secret service) Client(_ context.Context, id string) (*oauth.Client, error) {
	if id != "service" {
		return nil, storage.ErrNotFound
	}
	digest := sha256.Sum256([]byte(secret))
	return &oauth.Client{
		ID: id, Secrets: []oauth.Secret{{Digest: "sha256:" + base64.RawURLEncoding.EncodeToString(digest[:])}},
		GrantTypes: []string{oauth.GrantTypeClientCredentials},
	}, nil
}
