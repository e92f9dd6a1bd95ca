package ui

import (
	"cmp"
	"crypto/hmac"
	"crypto/rand"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/seed36673005/authserver/internal/limit"
)

// signInLimits count wrong passwords by account and by address. A browser in
// which the account has logged in before is counted on its own, so that whoever
// guesses elsewhere cannot lock its owner out.
type signInLimits struct {
	accounts, addresses *limit.Keyed
	key                 string // of the cookies of known browsers
}

func newSignInLimits(o SignInLimit, key []byte) *signInLimits {
	window := o.Window
	if window <= 0 {
		window = 15 * time.Minute
	}
	l := &signInLimits{
		accounts:  limit.New(limit.Limit{Max: cmp.Or(o.PerAccount, 10), Window: window}, 0),
		addresses: limit.New(limit.Limit{Max: cmp.Or(o.PerAddress, 100), Window: window}, 0),
		key:       string(key),
	}
	if len(key) < minBrowserKey {
		l.key = rand.Text() + rand.Text()
	}
	return l
}

// take counts an attempt before it is made. If it may be made, forgive uncounts
// it; else wait says for how long there can be none.
func (l *signInLimits) take(username string, addr netip.Addr, browser string) (forgive func(), wait time.Duration, ok bool) {
	account, address := limit.AccountKey(username), limit.AddrKey(addr)
	if id, known := l.knows(browser, account); known {
		own := id + " " + account // nobody else knows id
		ok, wait = l.accounts.Take(own)
		return func() { l.accounts.Forgive(own) }, wait, ok
	}
	if ok, wait = l.addresses.Take(address); !ok {
		return nil, wait, false
	}
	if ok, wait = l.accounts.Take(account); !ok {
		l.addresses.Forgive(address)
		return nil, wait, false
	}
	return func() { l.addresses.Forgive(address); l.accounts.Forgive(account) }, 0, true
}

// maxKnown is how many accounts one browser is known to.
const maxKnown = 5

// browserLifetime is how long a browser stays known.
const browserLifetime = 180 * 24 * time.Hour

// The cookie of a known browser is an identifier of its own and, for each
// account that logged in, a MAC over both. It says nothing about who that was
// and lets nobody log in.

// knows returns the identifier of a browser if the account has logged in there.
func (l *signInLimits) knows(cookie, account string) (id string, known bool) {
	id, accounts := splitBrowser(cookie)
	return id, slices.ContainsFunc(accounts, func(sum string) bool {
		return hmac.Equal([]byte(sum), []byte(l.mark(id, account)))
	})
}

// remember is the cookie of the browser now that the account has logged in.
func (l *signInLimits) remember(cookie, username string) string {
	id, accounts := splitBrowser(cookie)
	if len(id) != textLength {
		id, accounts = rand.Text(), nil
	}
	mark := l.mark(id, limit.AccountKey(username))
	accounts = slices.DeleteFunc(accounts, func(sum string) bool { return sum == mark })
	accounts = append([]string{mark}, accounts...)
	return strings.Join(append([]string{id}, accounts[:min(len(accounts), maxKnown)]...), ".")
}

func (l *signInLimits) mark(id, account string) string {
	return mac(l.key, []string{"browser", id, account})
}

func splitBrowser(cookie string) (id string, accounts []string) {
	parts := strings.Split(cookie, ".")
	return parts[0], parts[1:min(len(parts), maxKnown+1)]
}
