package demo

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
)

// pending is a login that was begun: what its answer must fit.
type pending struct{ nonce, verifier string }

// login sends the browser to the provider (OpenID Connect Core §3.1.2.1).
func (a *app) login(w http.ResponseWriter, r *http.Request) {
	meta, err := a.provider.metadata(r.Context())
	if err != nil {
		a.fail(w, r, err.Error())
		return
	}
	state, p := rand.Text(), pending{nonce: rand.Text(), verifier: rand.Text() + rand.Text()}
	a.visits.begin(w, r).expect(state, p)

	challenge := sha256.Sum256([]byte(p.verifier))
	query := url.Values{
		"response_type":         {"code"},
		"client_id":             {a.provider.clientID},
		"redirect_uri":          {a.redirectURI},
		"scope":                 {scope},
		"state":                 {state},
		"nonce":                 {p.nonce},
		"code_challenge":        {base64.RawURLEncoding.EncodeToString(challenge[:])},
		"code_challenge_method": {"S256"},
		// OpenID Connect Core §11: consent is asked for offline access.
		"prompt": {"consent"},
	}
	http.Redirect(w, r, meta.AuthorizationEndpoint+"?"+query.Encode(), http.StatusFound)
}

// callback takes the answer: state, then issuer, then the code for tokens.
func (a *app) callback(w http.ResponseWriter, r *http.Request) {
	query, v := r.URL.Query(), a.visits.of(r)
	p, ok := v.expected(query.Get("state"))
	switch {
	case !ok:
		a.fail(w, r, "This answer belongs to no login that was begun in this browser.")
		return
	case query.Get("iss") != a.provider.issuer: // RFC 9207 §2.4
		a.fail(w, r, "This answer comes from another provider than was asked.")
		return
	case query.Has("error"):
		a.fail(w, r, "The provider answered "+query.Get("error")+": "+query.Get("error_description"))
		return
	}
	if err := a.redeem(r, v, query.Get("code"), p); err != nil {
		a.fail(w, r, err.Error())
		return
	}
	a.visits.renew(w, r, v)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// redeem exchanges the code (RFC 6749 §4.1.3, RFC 7636 §4.5) and asks who the
// visitor is.
func (a *app) redeem(r *http.Request, v *visit, code string, p pending) error {
	t, ex, err := a.provider.token(r.Context(), "Code for tokens", url.Values{
		"grant_type":    {"authorization_code"},
		"code":          {code},
		"redirect_uri":  {a.redirectURI},
		"code_verifier": {p.verifier},
	})
	v.note(ex)
	if err != nil {
		return err
	}
	return a.accept(r, v, t, p.nonce)
}

// accept checks the ID token of a login and shows whose it is.
func (a *app) accept(r *http.Request, v *visit, t *tokens, nonce string) error {
	id, err := a.provider.verify(r.Context(), t.IDToken)
	if err != nil {
		return err
	}
	if id.text("nonce") != nonce {
		return errors.New("demo: the ID token is of another login")
	}
	info, ex, err := a.provider.userinfo(r.Context(), t.AccessToken)
	v.note(ex)
	if err != nil {
		return err
	}
	if info.Sub != id.text("sub") { // OpenID Connect Core §5.3.2
		return errors.New("demo: userinfo speaks of somebody else than the ID token")
	}
	v.update(func(s *snapshot) {
		s.Name, s.Tokens, s.ID, s.Userinfo = info.greeting(), t, id, info.text
	})
	return nil
}
