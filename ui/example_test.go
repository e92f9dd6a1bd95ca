package ui_test

import (
	"context"
	"fmt"
	"testing/fstest"

	"github.com/seed36673005/authserver"
	"github.com/seed36673005/authserver/storage/memory"
	"github.com/seed36673005/authserver/ui"
)

// One user base serves the pages and the server.
func ExampleNewUsers() {
	ctx := context.Background()
	store := memory.New()
	users := ui.NewUsers(store)
	_, err := users.Create(ctx, ui.User{
		Username: "alice",
		Claims:   map[string]any{"name": "Alice Archer", "email": "alice@example.com"},
	}, "correct horse battery")
	if err != nil {
		fmt.Println(err)
	}
	_ = authserver.Config{
		Storage:      store,
		Pages:        ui.New(ui.Options{Users: users}),
		Claims:       users.Claims,
		CheckSubject: users.Check,
	}
	alice, err := users.Find(ctx, "ALICE")
	fmt.Println(alice.Claims["name"], err)
	// Output: Alice Archer <nil>
}

// Pages that look like the host's own.
func ExampleNew() {
	pages := ui.New(ui.Options{
		Users:       ui.NewUsers(memory.New()),
		Name:        "Example",
		LogoURL:     "/static/logo.svg",
		AccentColor: "#0b6e69",
		Links: []ui.Link{
			{Text: map[string]string{"": "Privacy", "de": "Datenschutz"}, URL: "https://example.com/privacy"},
		},
	})
	fmt.Println(pages.Validate())
	// Output: <nil>
}

// A template of the host's in place of one of the package's; usually the
// files are in an embed.FS.
func ExampleOptions_templates() {
	pages := ui.New(ui.Options{
		Users: ui.NewUsers(memory.New()),
		Templates: fstest.MapFS{"logged_out.html": {Data: []byte(
			`{{define "content"}}<h1 id="logged-out">See you soon at {{.Name}}</h1>{{end}}`)}},
	})
	fmt.Println(pages.Validate())
	// Output: <nil>
}
