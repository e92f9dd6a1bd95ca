// Package ui is a ready-made set of pages: login, consent, device, logout,
// connected applications and error. They are plain HTML that works without scripts, in English and
// German, light and dark, and are served by the server they belong to:
//
//	srv, err := authserver.New(authserver.Config{
//		…
//		Pages: ui.New(ui.Options{Name: "Example", Users: users}),
//	})
//
// Below the issuer's path they are login, consent, device (the
// verification_uri of RFC 8628), logout, applications and assets. On
// applications people see what can use their account, and revoke it; a host
// links to it from wherever its users look after their account. A host changes how they
// look by Options: name, logo and colour, further languages, or single
// templates. It changes who may log in by its own Users.
//
// Tests and automation may rely on the ids of elements: the inputs username,
// password and user-code; the buttons login-submit, login-cancel,
// account-continue, consent-approve, consent-deny, device-submit,
// device-approve, device-deny and logout-confirm; of the connected
// applications, the list applications, or applications-empty, in it for each
// client a link application-revoke-CLIENT_ID to the form application-revoke
// with its application-revoke-confirm and application-keep, and then
// application-revoked; and error-page, logged-out, device-done, client-logo,
// client-policy-uri and client-tos-uri.
//
// The package owns no protocol: it decides with the exported API of package
// authserver alone, so what these pages can do, a host's own pages can.
package ui
