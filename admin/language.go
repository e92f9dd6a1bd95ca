package admin

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
)

//go:embed locales/*.json
var ownMessages embed.FS

// maxAcceptLanguage bounds what is read of a request's languages, in bytes.
const maxAcceptLanguage = 256

// A catalogue holds every text in every language that is offered.
type catalogue struct {
	locales []locale // the first is the fallback
	matcher language.Matcher
}

// A locale is the texts of one language.
type locale struct {
	tag, name, dir string
	localizer      *i18n.Localizer
}

// newCatalogue loads the package's messages, then those of a host, and offers
// the languages wanted, or all.
func newCatalogue(extra fs.FS, wanted []string) (*catalogue, error) {
	bundle := i18n.NewBundle(language.English)
	own, err := fs.Sub(ownMessages, "locales")
	if err != nil {
		return nil, fmt.Errorf("admin: %w", err)
	}
	for _, files := range []fs.FS{own, extra} {
		if err := load(bundle, files); err != nil {
			return nil, err
		}
	}
	tags, err := offered(bundle.LanguageTags(), wanted)
	if err != nil {
		return nil, err
	}
	c := &catalogue{matcher: language.NewMatcher(tags)}
	for _, tag := range tags {
		c.locales = append(c.locales, newLocale(bundle, tag))
	}
	return c, nil
}

// load adds every *.json of a folder; files may be nil.
func load(bundle *i18n.Bundle, files fs.FS) error {
	if files == nil {
		return nil
	}
	names, err := fs.Glob(files, "*.json")
	if err != nil {
		return fmt.Errorf("admin: Options.Messages: %w", err)
	}
	for _, name := range names {
		if _, err := bundle.LoadMessageFileFS(files, name); err != nil {
			return fmt.Errorf("admin: Options.Messages: %s: %w", name, err)
		}
	}
	return nil
}

// offered are the languages wanted, which must exist, or all if none is.
func offered(exist []language.Tag, wanted []string) ([]language.Tag, error) {
	if len(wanted) == 0 {
		return exist, nil
	}
	var tags []language.Tag
	for _, w := range wanted {
		tag, err := language.Parse(w)
		if err != nil || !slices.Contains(exist, tag) {
			return nil, errors.New("admin: Options.Languages: each needs a file in Options.Messages")
		}
		tags = append(tags, tag)
	}
	return tags, nil
}

func newLocale(bundle *i18n.Bundle, tag language.Tag) locale {
	l := locale{tag: tag.String(), dir: "ltr", localizer: i18n.NewLocalizer(bundle, tag.String())}
	if script, _ := tag.Script(); slices.Contains([]string{"Arab", "Hebr", "Thaa", "Syrc"}, script.String()) {
		l.dir = "rtl"
	}
	l.name, _ = l.text("language.name", nil)
	return l
}

// text is a message, filled in with data; false if there is none of that id.
func (l locale) text(id string, data any) (string, bool) {
	s, err := l.localizer.Localize(&i18n.LocalizeConfig{MessageID: id, TemplateData: data})
	if s == "" && err != nil {
		return id, false
	}
	return s, true
}

// counted is a message whose form depends on a number.
func (l locale) counted(id string, n int) string {
	s, err := l.localizer.Localize(&i18n.LocalizeConfig{MessageID: id, PluralCount: n})
	if s == "" && err != nil {
		return id
	}
	return s
}

// date writes a time for people, in UTC.
func (l locale) date(t time.Time) string {
	layout, _ := l.text("format.date", nil)
	return t.UTC().Format(layout)
}

// choose picks a language: what the person chose, else what the browser
// prefers.
func (c *catalogue) choose(r *http.Request, chosen string) locale {
	if i := c.index(chosen); i >= 0 {
		return c.locales[i]
	}
	header := r.Header.Get("Accept-Language")
	if len(header) > maxAcceptLanguage {
		header = header[:maxAcceptLanguage]
		header = header[:max(0, strings.LastIndexByte(header, ','))]
	}
	if tags, _, err := language.ParseAcceptLanguage(header); err == nil && len(tags) > 0 {
		if _, i, confidence := c.matcher.Match(tags...); confidence > language.No {
			return c.locales[i]
		}
	}
	return c.locales[0]
}

func (c *catalogue) index(tag string) int {
	return slices.IndexFunc(c.locales, func(l locale) bool { return l.tag == tag })
}
