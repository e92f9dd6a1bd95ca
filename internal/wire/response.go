package wire

import (
	"crypto/sha256"
	"encoding/base64"
	"html"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/seed36673005/authserver/oauth"
)

// An AuthorizationResponse is what a client gets at its redirect URI (RFC 6749
// §4.1.2, §4.1.2.1).
type AuthorizationResponse struct {
	// RedirectURI is where it goes: one that MatchRedirect let pass.
	RedirectURI string
	// Mode is query (also when empty), fragment or form_post.
	Mode string
	// Params is code, state, iss, error and so on. It is not changed.
	Params url.Values
}

// WriteAuthorization sends the browser to the client: by a 303 redirect, for
// query and fragment, or by a form that submits itself. A redirect URI that
// must never be followed gets a page with status 500 instead.
func WriteAuthorization(w http.ResponseWriter, r *http.Request, resp AuthorizationResponse) {
	if !safeRedirect(resp.RedirectURI) {
		Responder{}.Page(w, r, oauth.E(oauth.ServerError, "the redirect URI of this client cannot be used"), "")
		return
	}
	switch resp.Mode {
	case oauth.ResponseModeFormPost:
		writeForm(w, resp)
	case oauth.ResponseModeFragment:
		redirect(w, resp.RedirectURI+"#"+encode(resp.Params))
	default:
		redirect(w, withQuery(resp.RedirectURI, resp.Params))
	}
}

// redirect answers 303, the one redirect that turns a POST into a GET (RFC
// 9700 §4.12). It has no body: one would repeat the code.
func redirect(w http.ResponseWriter, location string) {
	h := w.Header()
	SecurityHeaders(h, "")
	h["Location"] = []string{location}
	w.WriteHeader(http.StatusSeeOther)
}

// withQuery appends parameters to the query a redirect URI may have, which is
// kept as it is (RFC 6749 §3.1.2).
func withQuery(uri string, params url.Values) string {
	separator := "?"
	if strings.Contains(uri, "?") {
		separator = "&"
		if strings.HasSuffix(uri, "?") || strings.HasSuffix(uri, "&") {
			separator = ""
		}
	}
	return uri + separator + encode(params)
}

// encode encodes parameters once, sorted by name. A space is %20, which those
// who read a fragment with decodeURIComponent understand too.
func encode(params url.Values) string {
	return strings.ReplaceAll(params.Encode(), "+", "%20")
}

// The one script that form_post needs; the policy allows nothing else. There
// is no form-action: browsers apply it to where the client redirects next too.
const submitScript = "document.forms[0].submit()"

var formPolicy = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; script-src 'sha256-" + digest(submitScript) + "'; " + styleSource

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// pageStyle is the look of the pages of this package, which load nothing.
const pageStyle = `:root{color-scheme:light dark}` +
	`body{margin:0;min-height:100vh;display:grid;place-items:center;font:1rem/1.5 system-ui,sans-serif;` +
	`background:#f3f4f8;color:#1b1d25}` +
	`main{box-sizing:border-box;width:min(30rem,100% - 2rem);padding:2rem;border-radius:1rem;background:#fff;` +
	`box-shadow:0 1px 2px #0002,0 8px 24px #0001}` +
	`h1{margin:0 0 .75rem;font-size:1.375rem;line-height:1.25}` +
	`code{overflow-wrap:anywhere}` +
	`button{padding:.625rem 1.125rem;border:0;border-radius:.625rem;background:#2f54c8;color:#fff;font:inherit;font-weight:600}` +
	`button:focus-visible{outline:3px solid #8fa6ee;outline-offset:2px}` +
	`@media(prefers-color-scheme:dark){body{background:#14161c;color:#e9eaf0}main{background:#1e212a}}`

// styleSource allows that style and no other.
var styleSource = "style-src 'sha256-" + digest(pageStyle) + "'"

// formPage is the page of OAuth 2.0 Form Post Response Mode §2. The button is
// for browsers without scripts.
var formPage = template.Must(template.New("form_post").Parse(`<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Continue</title>
<style>` + pageStyle + `</style></head>
<body>
<main>
<h1>Back to the application</h1>
<form method="post" {{.Action}}>
{{range .Inputs}}<input type="hidden" name="{{.Name}}" {{.Value}}>
{{end}}<noscript><p>Press the button to return to the application.</p></noscript>
<button type="submit">Continue</button>
</form>
</main>
<script>` + submitScript + `</script>
</body>
</html>
`))

type formInput struct {
	Name  string
	Value template.HTMLAttr
}

// lineEnds are written as references: a browser reads a bare carriage return
// in a page as a line feed, and state must come back as it was.
var lineEnds = strings.NewReplacer("\r", "&#13;", "\n", "&#10;")

// attribute is name="value", escaped.
func attribute(name, value string) template.HTMLAttr {
	return template.HTMLAttr(name + `="` + lineEnds.Replace(html.EscapeString(value)) + `"`) //nolint:gosec // escaped
}

// writeForm writes the form_post page.
func writeForm(w http.ResponseWriter, resp AuthorizationResponse) {
	var page strings.Builder
	err := formPage.Execute(&page, struct {
		Action template.HTMLAttr
		Inputs []formInput
	}{
		// As a URL in a template, a private-use scheme would be replaced, and
		// some characters of the registered text re-encoded.
		Action: attribute("action", resp.RedirectURI),
		Inputs: inputs(resp.Params),
	})
	if err != nil {
		panic("wire: form_post page: " + err.Error()) // a fixed template of strings
	}
	SecurityHeaders(w.Header(), formPolicy)
	w.Header()["Content-Type"] = valueHTML
	_, _ = w.Write([]byte(page.String()))
}

// inputs is the parameters sorted by name.
func inputs(params url.Values) []formInput {
	var list []formInput
	for name, vs := range params {
		for _, value := range vs {
			list = append(list, formInput{name, attribute("value", value)})
		}
	}
	slices.SortStableFunc(list, func(a, b formInput) int { return strings.Compare(a.Name, b.Name) })
	return list
}
