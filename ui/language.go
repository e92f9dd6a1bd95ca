package ui

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"slices"
	"strings"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
)

//go:embed locales/*.json
var ownMessages embed.FS

// What a request says about languages is read up to these bounds, whatever its
// size: nobody needs more, and parsing costs time.
const (
	maxAcceptLanguage = 256 // bytes
	maxUILocales      = 8
	maxLanguageTag    = 35 // bytes (RFC 5646 §4.4.1)
)

// A catalogue holds every text in every language that is offered.
type catalogue struct {
	locales []locale // the first is the fallback
	matcher language.Matcher
}

// A locale is the texts of one language.
type locale struct {
	tag       string // BCP 47
	name      string // in the language itself
	dir       string // ltr or rtl
	localizer *i18n.Localizer
}

// newCatalogue loads the package's messages, then those of a host, and offers
// the languages wanted, or all.
func newCatalogue(extra fs.FS, wanted []string) (*catalogue, error) {
	bundle := i18n.NewBundle(language.English)
	locales, _ := fs.Sub(ownMessages, "locales")
	errs := []error{load(bundle, locales)}
	if extra != nil {
		errs = append(errs, load(bundle, extra))
	}
	tags, err := offered(bundle.LanguageTags(), wanted)
	c := &catalogue{matcher: language.NewMatcher(tags)}
	for _, tag := range tags {
		c.locales = append(c.locales, newLocale(bundle, tag))
	}
	return c, errors.Join(append(errs, err)...)
}

// load adds every *.json of a folder.
func load(bundle *i18n.Bundle, files fs.FS) error {
	names, err := fs.Glob(files, "*.json")
	if err != nil {
		return fmt.Errorf("ui: Options.Messages: %w", err)
	}
	for _, name := range names {
		if _, err := bundle.LoadMessageFileFS(files, name); err != nil {
			return fmt.Errorf("ui: Options.Messages: %s: %w", name, err)
		}
	}
	return nil
}

// offered are the languages wanted that exist, or all if none is wanted.
func offered(exist []language.Tag, wanted []string) ([]language.Tag, error) {
	if len(wanted) == 0 {
		return exist, nil
	}
	var tags []language.Tag
	var errs []error
	for _, w := range wanted {
		tag, err := language.Parse(w)
		if err != nil || !slices.Contains(exist, tag) {
			errs = append(errs, errors.New("ui: Options.Languages: each needs a file in Options.Messages"))
			continue
		}
		tags = append(tags, tag)
	}
	if len(tags) == 0 {
		tags = exist
	}
	return tags, errors.Join(errs...)
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

// pick returns the one of a host's texts that suits l: by tag, else the
// fallback.
func (l locale) pick(texts map[string]string) string {
	if s, ok := texts[l.tag]; ok {
		return s
	}
	base, _, _ := strings.Cut(l.tag, "-")
	if s, ok := texts[base]; ok {
		return s
	}
	return texts[""]
}

// choose picks a language: what the person chose, else what the client asks
// for (ui_locales), else what the browser prefers.
func (c *catalogue) choose(r *http.Request, chosen string, uiLocales []string) locale {
	if l, ok := c.exact(chosen); ok {
		return l
	}
	if l, ok := c.match(parseLocales(uiLocales)); ok {
		return l
	}
	if l, ok := c.match(parseAccept(r.Header.Get("Accept-Language"))); ok {
		return l
	}
	return c.locales[0]
}

func (c *catalogue) exact(tag string) (locale, bool) {
	i := slices.IndexFunc(c.locales, func(l locale) bool { return l.tag == tag })
	if i < 0 {
		return locale{}, false
	}
	return c.locales[i], true
}

func (c *catalogue) match(tags []language.Tag) (locale, bool) {
	if len(tags) == 0 {
		return locale{}, false
	}
	_, i, confidence := c.matcher.Match(tags...)
	return c.locales[i], confidence > language.No
}

func parseLocales(uiLocales []string) []language.Tag {
	var tags []language.Tag
	for _, s := range uiLocales[:min(len(uiLocales), maxUILocales)] {
		if len(s) > maxLanguageTag {
			continue
		}
		if tag, err := language.Parse(s); err == nil {
			tags = append(tags, tag)
		}
	}
	return tags
}

func parseAccept(header string) []language.Tag {
	if len(header) > maxAcceptLanguage {
		header = header[:maxAcceptLanguage]
		header = header[:max(0, strings.LastIndexByte(header, ','))]
	}
	tags, _, err := language.ParseAcceptLanguage(header)
	if err != nil {
		return nil
	}
	return tags
}
