package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/chromedp/cdproto/emulation"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// looks are how a page is looked at.
var looks = []struct {
	name          string
	width, height int64
	scheme        string
}{
	{"narrow-light", 320, 640, "light"},
	{"narrow-dark", 320, 640, "dark"},
	{"wide-light", 1280, 800, "light"},
	{"wide-dark", 1280, 800, "dark"},
}

// axe is the accessibility checker.
var axe = sync.OnceValues(func() (string, error) {
	if err := installModules(); err != nil {
		return "", err
	}
	script, err := os.ReadFile(filepath.Join("node", "node_modules", "axe-core", "axe.min.js"))
	return string(script), err
})

// inspect wants the page to be accessible and to fit, narrow and wide, light
// and dark, and keeps a picture of each.
func (b *tab) inspect(name string) {
	b.t.Helper()
	for _, look := range looks {
		b.run(
			emulation.SetDeviceMetricsOverride(look.width, look.height, 1, false),
			emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{
				{Name: "prefers-color-scheme", Value: look.scheme},
				{Name: "prefers-reduced-motion", Value: "reduce"},
			}),
		)
		b.screenshot(name + "-" + look.name)
		b.fits(name + " " + look.name)
		b.accessible(name + " " + look.name)
	}
	b.run(emulation.ClearDeviceMetricsOverride())
	b.calm()
}

// fits wants that nobody must scroll sideways (WCAG 2.2 §1.4.10).
func (b *tab) fits(name string) {
	b.t.Helper()
	var over int
	b.run(chromedp.Evaluate(`document.documentElement.scrollWidth - document.documentElement.clientWidth`, &over))
	require.Zero(b.t, over, "%s is too wide", name)
}

// accessible wants no violation of any of axe's rules.
func (b *tab) accessible(name string) {
	b.t.Helper()
	script, err := axe()
	require.NoError(b.t, err)
	var report string
	b.run(
		chromedp.Evaluate(script+"\n;undefined", nil),
		chromedp.Evaluate(`axe.run(document, {resultTypes: ['violations']}).then(r => JSON.stringify(r.violations))`, &report,
			func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }),
	)
	var violations []struct {
		ID, Help string
		Nodes    []struct{ HTML, FailureSummary string }
	}
	require.NoError(b.t, json.Unmarshal([]byte(report), &violations))
	var lines []string
	for _, v := range violations {
		for _, n := range v.Nodes {
			lines = append(lines, fmt.Sprintf("%s: %s: %s\n%s", v.ID, v.Help, n.HTML, n.FailureSummary))
		}
	}
	require.Empty(b.t, lines, "%s: %s", name, strings.Join(lines, "\n"))
}

// screenshot keeps a picture of the whole page.
func (b *tab) screenshot(name string) {
	b.t.Helper()
	folder := os.Getenv("E2E_SCREENSHOTS")
	if folder == "" {
		folder = b.t.ArtifactDir()
	}
	require.NoError(b.t, os.MkdirAll(folder, 0o755))
	var picture []byte
	b.run(chromedp.ActionFunc(func(ctx context.Context) (err error) {
		picture, err = cdppage.CaptureScreenshot().WithCaptureBeyondViewport(true).Do(ctx)
		return err
	}))
	require.NoError(b.t, os.WriteFile(filepath.Join(folder, name+".png"), picture, 0o644))
}
