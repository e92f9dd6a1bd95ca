// Package admin is a console for those who manage clients, and the same as a
// JSON API: the host mounts both behind an authorization of its own.
//
//	console, err := admin.New(admin.Options{
//		Service: service, // of package clientreg
//		Origins: []string{"https://admin.example.com"},
//		Path:    "/clients",
//		Actor:   whoIsSignedIn,
//	})
//	mux.Handle("/clients/", console)
//
// The pages are plain HTML that works without scripts, in English and German,
// light and dark. The API is below Path/api, and api/openapi.json describes it.
//
// Whoever can reach the console and satisfies Options.Actor manages clients.
// Serve it on a listener of its own, on loopback or a private network, and let
// clientreg.ServiceOptions.Permit decide who may do what.
//
// Tests and automation may rely on the ids of elements: client-table,
// client-search, client-new, type-oauth2, type-openid, type-oauth1,
// client-save, client-edit, client-approve, client-disapprove, client-remove,
// client-state, client-id, new-secret, secret-add, secret-rotate, confirm,
// cancel, problem, done, and the fields by their names in RFC 7591.
//
// The package does nothing by itself: it uses the exported API of package
// clientreg alone.
package admin
