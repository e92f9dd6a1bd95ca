package admin_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/seed36673005/authserver/admin"
	"github.com/seed36673005/authserver/clientreg"
	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage/memory"
)

// Sessions are what a host knows its administrators by.
var sessions = map[string]string{"some-session": "carol"}

// A host mounts the console behind its own sessions. Everybody who is signed
// in may look, and carol may change things.
func ExampleNew() {
	service, err := clientreg.NewService(clientreg.ServiceOptions{
		Storage: memory.New(), // the server's
		Permit: func(_ context.Context, actor clientreg.Actor, action clientreg.Action, _ *oauth.Client) error {
			if actor.ID == "carol" || action == clientreg.ActionList || action == clientreg.ActionGet {
				return nil
			}
			return fmt.Errorf("example: %w", oauth.AccessDenied)
		},
	})
	if err != nil {
		panic(err)
	}
	console, err := admin.New(admin.Options{
		Service: service, Origins: []string{"https://admin.example.com"}, Path: "/clients",
		Actor: func(r *http.Request) (clientreg.Actor, error) {
			cookie, err := r.Cookie("session")
			if errors.Is(err, http.ErrNoCookie) {
				return clientreg.Actor{}, nil // nobody is signed in
			}
			return clientreg.Person(sessions[cookie.Value]), nil
		},
	})
	if err != nil {
		panic(err)
	}

	r := httptest.NewRequest(http.MethodGet, "https://admin.example.com/clients/", nil)
	w := httptest.NewRecorder()
	console.ServeHTTP(w, r)
	fmt.Println(w.Code)
	r.AddCookie(&http.Cookie{Name: "session", Value: "some-session"})
	w = httptest.NewRecorder()
	console.ServeHTTP(w, r)
	fmt.Println(w.Code)
	// Output:
	// 401
	// 200
}
