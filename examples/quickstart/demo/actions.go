package demo

import (
	"errors"
	"net/http"
	"net/url"
)

// signedIn serves an action of a visitor who has tokens, and then the page
// that shows what came of it.
func (a *app) signedIn(action func(*http.Request, *visit, *tokens) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v := a.visits.of(r)
		t := v.snapshot().Tokens
		if t == nil {
			http.Redirect(w, r, "/", http.StatusSeeOther)
			return
		}
		if err := action(r, v, t); err != nil {
			a.fail(w, r, err.Error())
			return
		}
		http.Redirect(w, r, "/#exchanges", http.StatusSeeOther)
	}
}

// userinfo asks again what the provider knows (OpenID Connect Core §5.3).
func (a *app) userinfo(r *http.Request, v *visit, t *tokens) error {
	info, ex, err := a.provider.userinfo(r.Context(), t.AccessToken)
	v.note(ex)
	if err != nil {
		return err
	}
	v.update(func(s *snapshot) { s.Userinfo = info.text })
	return nil
}

// refresh gets new tokens for the refresh token (RFC 6749 §6). The answer
// need not bring an ID token or another refresh token; those one has stay.
func (a *app) refresh(r *http.Request, v *visit, t *tokens) error {
	fresh, ex, err := a.provider.token(r.Context(), "Refresh", url.Values{
		"grant_type":    {"refresh_token"},
		"refresh_token": {t.RefreshToken},
	})
	v.note(ex)
	if err != nil {
		return err
	}
	id := v.snapshot().ID
	if fresh.IDToken != "" {
		if id, err = a.reverify(r, fresh.IDToken, id); err != nil {
			return err
		}
	}
	v.update(func(s *snapshot) { s.Tokens, s.ID = fresh.orElse(t), id })
	return nil
}

// reverify checks an ID token that came with a refresh: it must be of the same
// person (OpenID Connect Core §12.2).
func (a *app) reverify(r *http.Request, token string, before *idToken) (*idToken, error) {
	id, err := a.provider.verify(r.Context(), token)
	if err == nil && id.text("sub") != before.text("sub") {
		err = errors.New("demo: the refreshed ID token is of another person")
	}
	return id, err
}

// revoke ends the authorization (RFC 7009 §2): the access token goes with the
// refresh token. The tokens stay on the page, to be tried in vain.
func (a *app) revoke(r *http.Request, v *visit, t *tokens) error {
	ex, err := a.provider.revoke(r.Context(), t.RefreshToken)
	v.note(ex)
	if err != nil {
		return err
	}
	v.update(func(s *snapshot) {
		revoked := *s.Tokens
		revoked.Revoked = true
		s.Tokens = &revoked
	})
	return nil
}

// forget ends the visit here; the session at the provider goes on.
func (a *app) forget(w http.ResponseWriter, r *http.Request) {
	a.visits.end(w, r)
	w.Header().Set("Clear-Site-Data", `"cache"`) // nor does the Back button bring it back
	http.Redirect(w, r, "/", http.StatusSeeOther)
}
