package ui

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
)

var (
	//go:embed templates/*.html
	ownTemplates embed.FS
	//go:embed static/style.css
	ownStyle []byte
)

// The kinds of pages, each a template.
const (
	kindLogin         = "login"
	kindConsent       = "consent"
	kindDevice        = "device"
	kindDeviceConfirm = "device_confirm"
	kindDeviceDone    = "device_done"
	kindLogout        = "logout"
	kindLoggedOut     = "logged_out"
	kindApplications  = "applications"
	kindRevoke        = "application_revoke"
	kindError         = "error"
)

var kinds = []string{
	kindLogin, kindConsent, kindDevice, kindDeviceConfirm, kindDeviceDone, kindLogout, kindLoggedOut,
	kindApplications, kindRevoke, kindError,
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
	body []byte
}

func newAsset(base, ext string, body []byte) asset {
	sum := sha256.Sum256(body)
	return asset{name: base + "." + base64.RawURLEncoding.EncodeToString(sum[:9]) + ext, body: body}
}

// newViews parses the package's templates, or a host's where it has one of
// that name. A host's template that cannot be parsed is a fault, and the
// package's own is shown.
func newViews(replaced fs.FS, accent color) (*views, error) {
	v := &views{pages: map[string]*template.Template{}}
	var errs []error
	for _, kind := range kinds {
		t, err := parse(replaced, kind)
		if err != nil {
			errs = append(errs, fmt.Errorf("ui: Options.Templates: %w", err))
			t = template.Must(parse(nil, kind))
		}
		v.pages[kind] = t
	}
	style := ownStyle
	if b, err := readReplaced(replaced, "style.css"); b != nil || err != nil {
		style, errs = b, append(errs, err)
	}
	v.style = newAsset("style", ".css", append([]byte(theme(accent)), style...))
	return v, errors.Join(errs...)
}

// parse puts a page together from the layout and its own template.
func parse(replaced fs.FS, kind string) (*template.Template, error) {
	t := template.New("layout.html")
	for _, name := range []string{"layout.html", kind + ".html"} {
		text, err := readReplaced(replaced, name)
		if err != nil {
			return nil, err
		}
		if text == nil {
			text, _ = fs.ReadFile(ownTemplates, "templates/"+name)
		}
		if _, err := t.Parse(string(text)); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// readReplaced reads a host's file; nil if it has none of that name.
func readReplaced(replaced fs.FS, name string) ([]byte, error) {
	if replaced == nil {
		return nil, nil
	}
	b, err := fs.ReadFile(replaced, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return b, err
}

// render writes a page to memory: a template that fails leaves no half page.
func (v *views) render(p *Page) ([]byte, error) {
	var b bytes.Buffer
	if err := v.pages[p.Kind].ExecuteTemplate(&b, "layout", p); err != nil {
		return nil, fmt.Errorf("ui: %w", err)
	}
	return b.Bytes(), nil
}
