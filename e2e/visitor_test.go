package e2e

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"
)

// maxSteps bounds how many pages stand between a request and its answer.
const maxSteps = 12

// A visitor is an end user with a browser that has no scripts: it follows
// redirects, logs in where it is asked to, and agrees.
type visitor struct {
	t                  *testing.T
	username, password string
	client             *http.Client
}

func newVisitor(t *testing.T, username, password string) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	return &visitor{
		t: t, username: username, password: password,
		client: &http.Client{
			Jar:           jar,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// authorize goes from an authorization request to its answer at the redirect
// URI, whichever response mode brings it.
func (v *visitor) authorize(request, redirectURI string) url.Values {
	v.t.Helper()
	req := v.get(request)
	for range maxSteps {
		p := v.open(req)
		if answer, ok := p.answer(redirectURI); ok {
			return answer
		}
		req = v.next(p)
	}
	require.FailNow(v.t, "too many pages before an answer")
	return nil
}

// confirmDevice enters a user code and agrees.
func (v *visitor) confirmDevice(verificationURI, userCode string) {
	v.t.Helper()
	req := v.get(verificationURI)
	for range maxSteps {
		p := v.open(req)
		if p.find("device-done") != nil {
			return
		}
		if f := p.form("user-code"); f != nil {
			f.set("user-code", userCode)
			req = v.submit(p, f)
			continue
		}
		req = v.next(p)
	}
	require.FailNow(v.t, "too many pages before the device was confirmed")
}

// next does what a page asks for.
func (v *visitor) next(p *page) *http.Request {
	v.t.Helper()
	if p.location != nil {
		return v.get(p.location.String())
	}
	if f := p.form("password"); f != nil {
		f.set("username", v.username)
		f.set("password", v.password)
		f.press("login-submit")
		return v.submit(p, f)
	}
	for _, id := range []string{"consent-approve", "device-approve"} {
		if f := p.form(id); f != nil {
			f.press(id)
			return v.submit(p, f)
		}
	}
	require.FailNow(v.t, "a page that asks for nothing", "status %d: %s", p.status, p.text)
	return nil
}

func (v *visitor) get(address string) *http.Request {
	v.t.Helper()
	req, err := http.NewRequestWithContext(v.t.Context(), http.MethodGet, address, http.NoBody)
	require.NoError(v.t, err)
	return req
}

func (v *visitor) submit(p *page, f *form) *http.Request {
	v.t.Helper()
	action := p.resolve(attr(f.node, "action"))
	req, err := http.NewRequestWithContext(v.t.Context(), http.MethodPost, action.String(), strings.NewReader(f.values.Encode()))
	require.NoError(v.t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Origin", action.Scheme+"://"+action.Host)
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	return req
}

// A page is what an address answered.
type page struct {
	status   int
	url      *url.URL
	location *url.URL
	text     string
	root     *html.Node
}

func (v *visitor) open(req *http.Request) *page {
	v.t.Helper()
	resp, err := v.client.Do(req)
	require.NoError(v.t, err)
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	require.NoError(v.t, err)
	p := &page{status: resp.StatusCode, url: resp.Request.URL, text: string(body)}
	p.location, _ = resp.Location()
	p.root, err = html.Parse(strings.NewReader(p.text))
	require.NoError(v.t, err)
	return p
}

// answer is the authorization response, if this page brings it.
func (p *page) answer(redirectURI string) (url.Values, bool) {
	if p.location != nil {
		to := *p.location
		to.RawQuery, to.Fragment, to.RawFragment = "", "", ""
		if to.String() != redirectURI {
			return nil, false
		}
		answer := p.location.Query()
		fragment, _ := url.ParseQuery(p.location.EscapedFragment())
		for name, values := range fragment {
			answer[name] = values
		}
		return answer, true
	}
	for n := range p.root.Descendants() { // form_post
		if f := newForm(n); f != nil && attr(n, "action") == redirectURI {
			return f.values, true
		}
	}
	return nil, false
}

func (p *page) resolve(reference string) *url.URL {
	to, err := p.url.Parse(reference)
	if err != nil {
		return p.url
	}
	return to
}

// find returns the element of that id, or nil.
func (p *page) find(id string) *html.Node { return find(p.root, id) }

// form returns the form that holds the element of that id, or nil.
func (p *page) form(id string) *form {
	for n := range p.root.Descendants() {
		if f := newForm(n); f != nil && find(f.node, id) != nil {
			return f
		}
	}
	return nil
}

// A form is one on a page, as it would be sent.
type form struct {
	node   *html.Node
	values url.Values
}

func newForm(n *html.Node) *form {
	if n.Type != html.ElementNode || n.Data != "form" {
		return nil
	}
	f := &form{node: n, values: url.Values{}}
	for field := range n.Descendants() {
		if field.Type == html.ElementNode && field.Data == "input" && f.counts(field) {
			f.values.Add(attr(field, "name"), attr(field, "value"))
		}
	}
	return f
}

// counts reports whether a browser would send the field untouched.
func (f *form) counts(field *html.Node) bool {
	switch attr(field, "type") {
	case "submit", "button":
		return false
	case "checkbox", "radio":
		return hasAttr(field, "checked")
	}
	return attr(field, "name") != ""
}

func (f *form) set(id, value string) { f.values.Set(attr(find(f.node, id), "name"), value) }

// press chooses the button that sends the form.
func (f *form) press(id string) {
	if button := find(f.node, id); hasAttr(button, "name") {
		f.values.Set(attr(button, "name"), attr(button, "value"))
	}
}

func find(root *html.Node, id string) *html.Node {
	for n := range root.Descendants() {
		if attr(n, "id") == id {
			return n
		}
	}
	return nil
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func hasAttr(n *html.Node, name string) bool {
	for _, a := range n.Attr {
		if a.Key == name {
			return true
		}
	}
	return false
}
