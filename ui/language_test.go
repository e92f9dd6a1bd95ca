package ui

import (
	"encoding/json"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"
)

// messages reads one of the package's own files.
func messages(t *testing.T, lang string) map[string]any {
	t.Helper()
	data, err := fs.ReadFile(ownMessages, "locales/"+lang+".json")
	require.NoError(t, err)
	var m map[string]any
	require.NoError(t, json.Unmarshal(data, &m))
	return m
}

func TestTranslationsAreComplete(t *testing.T) {
	english, german := messages(t, "en"), messages(t, "de")
	require.ElementsMatch(t, slices.Collect(maps.Keys(english)), slices.Collect(maps.Keys(german)))

	placeholder := regexp.MustCompile(`{{[^}]*}}`)
	for id := range english {
		en, _ := json.Marshal(english[id])
		de, _ := json.Marshal(german[id])
		require.Equal(t, placeholder.FindAllString(string(en), -1), placeholder.FindAllString(string(de), -1), id)
	}
	for _, id := range usedMessages(t) {
		require.Contains(t, english, id)
	}
}

// usedMessages are the ids that templates name, and the titles.
func usedMessages(t *testing.T) []string {
	t.Helper()
	used := []string{"confirm.title", "logged-out.title", "done.title-approved", "done.title-denied"}
	call := regexp.MustCompile(`\.[TN] "([^"]+)"`)
	names, err := fs.Glob(ownTemplates, "templates/*.html")
	require.NoError(t, err)
	for _, name := range names {
		text, err := fs.ReadFile(ownTemplates, name)
		require.NoError(t, err)
		for _, m := range call.FindAllStringSubmatch(string(text), -1) {
			used = append(used, m[1])
		}
	}
	require.Greater(t, len(used), 40)
	return used
}

func TestChooseLanguage(t *testing.T) {
	c, err := newCatalogue(nil, nil)
	require.NoError(t, err)
	for _, tc := range []struct {
		name, chosen, accept string
		uiLocales            []string
		want                 string
	}{
		{name: "nothing asked for", want: "en"},
		{name: "the browser", accept: "fr, de-AT;q=0.8, en;q=0.5", want: "de"},
		{name: "nothing known", accept: "fr, ja", want: "en"},
		{name: "the client before the browser", accept: "en", uiLocales: []string{"xx-yy-zz", "de-CH"}, want: "de"},
		{name: "the person before both", chosen: "en", accept: "de", uiLocales: []string{"de"}, want: "en"},
		{name: "a choice that is none", chosen: "<b>", accept: "de", want: "de"},
		{name: "no header", accept: ";;;=,,-", want: "en"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.Header.Set("Accept-Language", tc.accept)
			require.Equal(t, tc.want, c.choose(r, tc.chosen, tc.uiLocales).tag)
		})
	}
}

func TestLanguagesAreReadToABound(t *testing.T) {
	c, err := newCatalogue(nil, nil)
	require.NoError(t, err)
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	long := strings.Repeat("de-DE-x-a;q=0.1,", 1<<16)
	quick := func(f func()) {
		t.Helper()
		best := time.Hour
		for range 5 {
			start := time.Now()
			f()
			best = min(best, time.Since(start))
		}
		require.Less(t, best, 5*time.Millisecond)
	}
	t.Run("AZ-38", func(t *testing.T) {
		r.Header.Set("Accept-Language", long)
		quick(func() { require.Equal(t, "de", c.choose(r, "", nil).tag) })
		r.Header.Set("Accept-Language", strings.Repeat("a-", 1<<19))
		quick(func() { require.Equal(t, "en", c.choose(r, "", nil).tag) })
	})
	t.Run("ui_locales", func(t *testing.T) {
		r.Header.Del("Accept-Language")
		locales := strings.Split(long, ",")
		quick(func() { require.Equal(t, "en", c.choose(r, "", locales).tag) })
	})
}

func FuzzChooseLanguage(f *testing.F) {
	f.Add("de-AT;q=0.8, en", "de fr")
	c, err := newCatalogue(nil, nil)
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, accept, uiLocales string) {
		r := &http.Request{Header: http.Header{"Accept-Language": {accept}}}
		require.NotEmpty(t, c.choose(r, accept, strings.Fields(uiLocales)).tag)
	})
}

func TestMoreLanguages(t *testing.T) {
	extra := fstest.MapFS{
		"ar.json": {Data: []byte(`{"language.name": "العربية", "login.title": "تسجيل الدخول"}`)},
		"en.json": {Data: []byte(`{"login.title": "Log on"}`)},
	}
	c, err := newCatalogue(extra, []string{"ar", "en"})
	require.NoError(t, err)
	require.Equal(t, "rtl", c.locales[0].dir)
	text := func(l locale, id string) string { s, _ := l.text(id, nil); return s }
	require.Equal(t, "تسجيل الدخول", text(c.locales[0], "login.title"))
	require.Equal(t, "Password", text(c.locales[0], "login.password"))
	require.Equal(t, "Log on", text(c.locales[1], "login.title"))

	_, err = newCatalogue(nil, []string{"fr"})
	require.ErrorContains(t, err, "Options.Languages")
	_, err = newCatalogue(fstest.MapFS{"fr.json": {Data: []byte(`{`)}}, nil)
	require.ErrorContains(t, err, "fr.json")
}

func TestPlural(t *testing.T) {
	c, err := newCatalogue(nil, nil)
	require.NoError(t, err)
	for i, want := range []string{"a minute ago", "vor einer Minute"} {
		require.Equal(t, want, c.locales[i].counted("confirm.ago", 1))
		require.Contains(t, c.locales[i].counted("confirm.ago", 7), "7")
	}
}
