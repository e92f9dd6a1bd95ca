package admin

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
)

var (
	//go:embed templates/*.html
	templates embed.FS
	//go:embed static/style.css
	style []byte
)

// The kinds of pages, each a template.
const (
	kindClients        = "clients"
	kindNew            = "new"
	kindForm           = "form"
	kindClient         = "client"
	kindSecret         = "secret"
	kindNewSecret      = "secret_new"
	kindRotate         = "secret_rotate"
	kindAuthorizations = "authorizations"
	kindConfirm        = "confirm"
	kindError          = "error"
)

var kinds = []string{
	kindClients, kindNew, kindForm, kindClient, kindSecret, kindNewSecret, kindRotate, kindAuthorizations, kindConfirm, kindError,
}

// views are the templates, by kind, and the stylesheet.
type views struct {
	pages map[string]*template.Template
	style asset
}

// An asset is a file whose name changes with its content, so that browsers may
// keep it for ever.
type asset struct {
	name string
	hash string // as a Content-Security-Policy has it
	body []byte
}

func newViews() *views {
	sum := sha256.Sum256(style)
	v := &views{
		pages: map[string]*template.Template{},
		style: asset{
			name: "style." + base64.RawURLEncoding.EncodeToString(sum[:9]) + ".css",
			hash: "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'",
			body: style,
		},
	}
	layout := template.Must(template.ParseFS(templates, "templates/layout.html"))
	for _, kind := range kinds {
		t := template.Must(layout.Clone())
		v.pages[kind] = template.Must(t.ParseFS(templates, "templates/"+kind+".html"))
	}
	return v
}

// render writes a page to memory: a template that fails leaves no half page.
func (v *views) render(p *Page) ([]byte, error) {
	var b bytes.Buffer
	if err := v.pages[p.Kind].ExecuteTemplate(&b, "layout", p); err != nil {
		return nil, fmt.Errorf("admin: %w", err)
	}
	return b.Bytes(), nil
}

// secureHeaders are those of everything that is served.
func (c *Console) secureHeaders(h http.Header) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	if c.secure {
		h.Set("Strict-Transport-Security", "max-age=31536000") // RFC 6797
	}
}

// pageHeaders are those of a page. Nothing of it is kept by caches or the
// history of the browser, framed by others, able to run a script or to send
// anything elsewhere.
func (c *Console) pageHeaders(h http.Header, p *Page) {
	c.secureHeaders(h)
	from := "'self'"
	if p.Style != "" {
		from = c.views.style.hash
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src "+from+"; img-src data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
	h.Set("Content-Language", p.Lang)
	h.Add("Vary", "Accept-Language, Cookie")
}

// getStyle serves the stylesheet, which has its digest in its name.
func (c *Console) getStyle(w http.ResponseWriter, _ *visit) {
	h := w.Header()
	c.secureHeaders(h)
	h.Set("Content-Type", "text/css; charset=utf-8")
	h.Set("Cache-Control", "private, max-age=31536000, immutable")
	_, _ = w.Write(c.views.style.body)
}
