package authserver

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seed36673005/authserver/internal/engine"
	"github.com/seed36673005/authserver/internal/grantstate"
	"github.com/seed36673005/authserver/internal/jose"
	"github.com/seed36673005/authserver/oauth"
)

// The values of prompt (OpenID Connect Core §3.1.2.1, Initiating User
// Registration §4).
var promptValues = []string{"none", "login", "consent", "select_account", "create"}

// checkPrompt turns prompt into what it means.
func checkPrompt(form url.Values, in *interaction) *oauth.Error {
	prompts := strings.Fields(form.Get("prompt"))
	for _, p := range prompts {
		if !slices.Contains(promptValues, p) {
			return oauth.E(oauth.InvalidRequest, "prompt: expected values of prompt_values_supported")
		}
	}
	if slices.Contains(prompts, "none") && len(prompts) > 1 {
		return oauth.E(oauth.InvalidRequest, "prompt: none is expected alone")
	}
	in.NoPages = slices.Contains(prompts, "none")
	in.MustConsent = slices.Contains(prompts, "consent")
	in.MustSelect = slices.Contains(prompts, "select_account")
	in.MayCreate = slices.Contains(prompts, "create")
	if slices.Contains(prompts, "login") {
		in.MustAuthenticate, in.NotBefore = true, in.At
	}
	return nil
}

// checkMaxAge turns max_age into the time before which an authentication is
// too old. Zero means that only one made for this request is good enough.
func checkMaxAge(c *oauth.Client, form url.Values, in *interaction) *oauth.Error {
	in.WantTime = c.RequireAuthTime
	seconds, given := int64(0), false
	if c.DefaultMaxAge != nil {
		seconds, given = int64(*c.DefaultMaxAge), true
	}
	if param := form.Get("max_age"); param != "" {
		n, err := strconv.ParseUint(param, 10, 31)
		if err != nil || param[0] == '+' {
			return oauth.E(oauth.InvalidRequest, "max_age: expected a number of seconds")
		}
		seconds, given = int64(n), true
	}
	if !given {
		return nil
	}
	in.MustAuthenticate, in.WantTime = true, true
	in.NotBefore = max(in.NotBefore, in.At-grantstate.Millis(seconds*int64(time.Second/time.Millisecond)))
	return nil
}

// hintAge is how long after its end an ID token is still taken as a hint.
const hintAge = 90 * 24 * time.Hour

var errHint = oauth.E(oauth.InvalidRequest, "id_token_hint: expected an ID token that this server gave to this client")

// checkHint takes the subject from an ID token of ours that was given to this
// client; anything else is no hint but an attack.
func (s *Server) checkHint(ctx context.Context, c *oauth.Client, form url.Values, in *interaction) error {
	hint := form.Get("id_token_hint")
	if hint == "" {
		return nil
	}
	set, err := s.keys(ctx)
	if err != nil {
		return err
	}
	hinted, err := jose.Verify(set, hint, jose.Verification{
		Types: []string{engine.TypeIDToken}, Issuer: s.cfg.Issuer, Audience: c.ID, AllowExpired: true, Leeway: replicaSkew,
	})
	if err != nil {
		return errHint.Because(err)
	}
	if in.At.Time().After(hinted.ExpiresAt.Add(hintAge)) {
		return errHint
	}
	if in.RequestedSub != "" && in.RequestedSub != hinted.Subject {
		return oauth.E(oauth.LoginRequired, "claims: sub is not that of id_token_hint")
	}
	in.RequestedSub = hinted.Subject
	return nil
}
