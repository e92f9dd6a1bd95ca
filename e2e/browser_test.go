package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"
)

// tabLife bounds what one test does in the browser.
const tabLife = 90 * time.Second

// chromium is the browser that all tests of a run share; each has a profile
// of its own in it.
var chromium struct {
	once   sync.Once
	ctx    context.Context // chromedp's handle of it
	cancel func()
	err    error
}

func startChromium() error {
	binary, err := findChromium()
	if err != nil {
		return err
	}
	allocator, stop := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(binary),
		chromedp.NoSandbox, // tests run as root in containers
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("hide-scrollbars", true),
	)...)
	ctx, cancel := chromedp.NewContext(allocator)
	chromium.ctx, chromium.cancel = ctx, func() { cancel(); stop() }
	return chromedp.Run(ctx)
}

// findChromium is the path in the environment, or the first one in PATH.
func findChromium() (string, error) {
	if path := os.Getenv("CHROMIUM"); path != "" {
		return path, nil
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("no Chromium in PATH, and CHROMIUM is not set")
}

func stopChromium() error {
	if chromium.cancel != nil {
		chromium.cancel()
	}
	return nil
}

// A tab is one of a browser with a profile of its own, and what happened in
// it.
type tab struct {
	t   *testing.T
	ctx context.Context // chromedp's handle of it
	// arrived is told when the tab shows another page.
	arrived chan struct{}

	mu sync.Mutex
	// requests are those that were made.
	requests []*network.EventRequestWillBeSent
	// alarms are scripts of an attacker that ran, dialogs, and violations
	// of a page's Content-Security-Policy.
	alarms []string
}

// newTab opens a tab.
func newTab(t *testing.T) *tab {
	t.Helper()
	chromium.once.Do(func() { chromium.err = startChromium() })
	require.NoError(t, chromium.err)
	ctx, cancel := newProfile(t)
	t.Cleanup(cancel)
	ctx, cancelLife := context.WithTimeout(ctx, tabLife)
	t.Cleanup(cancelLife)
	b := &tab{t: t, ctx: ctx, arrived: make(chan struct{}, 1)}
	chromedp.ListenTarget(ctx, b.heed)
	b.run(network.Enable(), cdplog.Enable(), audits.Enable(), runtime.AddBinding("pwned"))
	return b
}

// newProfile opens a tab with cookies and storage of its own. It needs a
// window too: Chromium without one opens no tab for another profile.
func newProfile(t *testing.T) (context.Context, context.CancelFunc) {
	t.Helper()
	var tabID target.ID
	require.NoError(t, chromedp.Run(chromium.ctx, chromedp.ActionFunc(func(ctx context.Context) error {
		browser := cdp.WithExecutor(ctx, chromedp.FromContext(ctx).Browser)
		profile, err := target.CreateBrowserContext().WithDisposeOnDetach(true).Do(browser)
		if err != nil {
			return err
		}
		tabID, err = target.CreateTarget("about:blank").WithBrowserContextID(profile).WithNewWindow(true).Do(browser)
		return err
	})))
	return chromedp.NewContext(chromium.ctx, chromedp.WithTargetID(tabID))
}

// withoutScripts switches scripts off, as some people do.
func (b *tab) withoutScripts() { b.run(emulation.SetScriptExecutionDisabled(true)) }

// heed remembers what a test may ask about.
func (b *tab) heed(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		b.requests = append(b.requests, e)
	case *cdppage.EventFrameNavigated:
		select {
		case b.arrived <- struct{}{}:
		default:
		}
	case *runtime.EventBindingCalled:
		b.alarms = append(b.alarms, "script ran: "+e.Payload)
	case *cdppage.EventJavascriptDialogOpening:
		b.alarms = append(b.alarms, "dialog: "+e.Message)
	case *audits.EventIssueAdded:
		if csp := e.Issue.Details.ContentSecurityPolicyIssueDetails; csp != nil {
			b.alarms = append(b.alarms, fmt.Sprintf("policy %s violated by %q", csp.ViolatedDirective, csp.BlockedURL))
		}
	case *cdplog.EventEntryAdded:
		if strings.Contains(e.Entry.Text, "Content Security Policy") {
			b.alarms = append(b.alarms, e.Entry.Text)
		}
	}
}

func (b *tab) seen() ([]*network.EventRequestWillBeSent, []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.requests, b.alarms
}

// calm wants that no script of an attacker ran and no policy was violated.
func (b *tab) calm() {
	b.t.Helper()
	_, alarms := b.seen()
	require.Empty(b.t, alarms)
}

func (b *tab) run(actions ...chromedp.Action) {
	b.t.Helper()
	if err := chromedp.Run(b.ctx, actions...); err != nil {
		require.NoError(b.t, err, "at %s", b.where())
	}
}

// where is the address and the text of the page, for a failure's sake.
func (b *tab) where() string {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(b.ctx), 5*time.Second)
	defer cancel()
	var address, text string
	_ = chromedp.Run(ctx, chromedp.Location(&address), chromedp.Text("body", &text, chromedp.ByQuery))
	return address + "\n" + text
}

func (b *tab) open(address string) {
	b.t.Helper()
	b.run(chromedp.Navigate(address))
}

// await waits for an element.
func (b *tab) await(selector string) {
	b.t.Helper()
	b.run(within(chromedp.WaitVisible(selector, chromedp.ByQuery)))
}

// leave does what leads to another page and waits until it is there.
func (b *tab) leave(action chromedp.Action) {
	b.t.Helper()
	select {
	case <-b.arrived:
	default:
	}
	b.run(within(action))
	select {
	case <-b.arrived:
	case <-b.ctx.Done():
		require.FailNow(b.t, "no other page came", b.where())
	}
}

// press clicks and waits for what the next page shows.
func (b *tab) press(selector, next string) {
	b.t.Helper()
	b.leave(chromedp.Click(selector, chromedp.ByQuery))
	b.await(next)
}

// back goes one page back, and returns false where there is none.
func (b *tab) back() bool {
	b.t.Helper()
	var current int64
	var history []*cdppage.NavigationEntry
	b.run(chromedp.ActionFunc(func(ctx context.Context) (err error) {
		current, history, err = cdppage.GetNavigationHistory().Do(ctx)
		return err
	}))
	if current > 0 {
		b.leave(cdppage.NavigateToHistoryEntry(history[current-1].ID))
	}
	return current > 0
}

// logIn fills in the login form and waits for what comes next.
func (b *tab) logIn(username, password, next string) {
	b.t.Helper()
	b.await("#username")
	b.enter("#username", username)
	b.enter("#password", password)
	b.press("#login-submit", next)
}

// enter replaces what a field holds.
func (b *tab) enter(selector, text string) {
	b.t.Helper()
	b.await(selector)
	b.run(
		chromedp.Evaluate(fmt.Sprintf(`document.querySelector(%q).select()`, selector), nil),
		chromedp.SendKeys(selector, text, chromedp.ByQuery),
	)
}

// tabTo moves the focus by the Tab key until it is on such an element.
func (b *tab) tabTo(selector string) {
	b.t.Helper()
	var there bool
	for range 40 {
		b.run(
			chromedp.KeyEvent(kb.Tab),
			chromedp.Evaluate(fmt.Sprintf(`document.activeElement.matches(%q)`, selector), &there),
		)
		if there {
			return
		}
	}
	require.FailNow(b.t, "the Tab key does not reach "+selector, b.where())
}

func (b *tab) text(selector string) (text string) {
	b.t.Helper()
	b.run(within(chromedp.Text(selector, &text, chromedp.ByQuery)))
	return text
}

func (b *tab) location() (address string) {
	b.t.Helper()
	b.run(chromedp.Location(&address))
	return address
}

// within bounds a wait: an element that does not come is a failure of the
// page, not of the tab.
func within(action chromedp.Action) chromedp.Action {
	return chromedp.ActionFunc(func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
		defer cancel()
		return action.Do(ctx)
	})
}
