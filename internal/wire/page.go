package wire

import (
	"html/template"
	"net/http"
	"net/url"
	"strings"

	"github.com/seed36673005/authserver/oauth"
)

// An ErrorPage is a refusal that is shown to a person, because there is no
// client it could safely be sent to.
type ErrorPage struct {
	// Status is the HTTP status to answer with.
	Status int
	Code   oauth.Code
	// Description is a text for developers, in English, without anything
	// that the caller sent.
	Description string
	// Reference is what the log line of the request carries too. It may be
	// empty.
	Reference string
}

// A Responder answers authorization requests. Its zero value has no issuer and
// a plain page. It may be used from many goroutines at once.
type Responder struct {
	// Issuer is the iss of every response (RFC 9207).
	Issuer string
	// ErrorPage writes an error page, status included; the headers of
	// SecurityHeaders are set already and may be changed. Nil writes a plain
	// page.
	ErrorPage func(w http.ResponseWriter, r *http.Request, page ErrorPage)
}

// Page shows a refusal on this server's own page, without a redirect.
func (p Responder) Page(w http.ResponseWriter, r *http.Request, e *oauth.Error, reference string) {
	page := ErrorPage{Status: e.HTTPStatus(), Code: e.Code, Description: Description(e.Description), Reference: reference}
	// A browser that is asked for a password it cannot have shows a dialog.
	if page.Status == http.StatusUnauthorized {
		page.Status = http.StatusBadRequest
	}
	SecurityHeaders(w.Header(), "")
	p.transportSecurity(w.Header())
	retryAfter(w.Header(), page.Status, e)
	if p.ErrorPage != nil {
		p.ErrorPage(w, r, page)
		return
	}
	writeErrorPage(w, page)
}

// Respond sends a response to the client, with iss (RFC 9207 §2).
func (p Responder) Respond(w http.ResponseWriter, r *http.Request, resp AuthorizationResponse) {
	p.transportSecurity(w.Header())
	params := make(url.Values, len(resp.Params)+1)
	for name, vs := range resp.Params {
		params[name] = vs
	}
	if p.Issuer != "" {
		params["iss"] = []string{p.Issuer}
	}
	resp.Params = params
	WriteAuthorization(w, r, resp)
}

// Refuse sends a refusal to the client: error, error_description with the
// reference, and state unless it is empty. resp says where and how.
func (p Responder) Refuse(w http.ResponseWriter, r *http.Request, resp AuthorizationResponse, state string, e *oauth.Error, reference string) {
	resp.Params = url.Values{"error": {string(e.Code)}}
	if description := describe(e.Description, reference); description != "" {
		resp.Params.Set("error_description", description)
	}
	if state != "" {
		resp.Params.Set("state", state)
	}
	p.Respond(w, r, resp)
}

// transportSecurity asks browsers to keep to https where the issuer has it.
func (p Responder) transportSecurity(h http.Header) {
	if strings.HasPrefix(p.Issuer, "https://") {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

var errorPage = template.Must(template.New("error").Parse(`<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Request refused</title>
<style>` + pageStyle + `</style></head>
<body id="error-page">
<main>
<h1>This request cannot be completed</h1>
<p>Go back to the application and try again. If that does not help, tell its support what stands here.</p>
<p><code>{{.Code}}</code>{{with .Description}}: {{.}}{{end}}</p>
{{with .Reference}}<p>Reference: <code>{{.}}</code></p>
{{end}}</main>
</body>
</html>
`))

// writeErrorPage writes the plain page.
func writeErrorPage(w http.ResponseWriter, page ErrorPage) {
	h := w.Header()
	h["Content-Type"] = valueHTML
	h["Content-Security-Policy"] = []string{DefaultCSP + "; " + styleSource}
	w.WriteHeader(page.Status)
	_ = errorPage.Execute(w, page) // the browser is gone: there is no one to tell
}
