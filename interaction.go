package authserver

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/seed36673005/authserver/internal/engine"
	"github.com/seed36673005/authserver/internal/grantstate"
	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage"
)

const interactionVersion = 1

// interaction is an authorization request that waits for its end user, as it
// is stored. Its record's key is a digest of the id, which only the browser
// knows.
type interaction struct {
	V        int               `json:"v"`
	ClientID string            `json:"ci"`
	At       grantstate.Millis `json:"at"`
	// Opened is when it came to the browser: a device's request may have
	// waited long before its user code was typed. Zero means at At.
	Opened grantstate.Millis `json:"op,omitempty"`
	// Browser is a digest of the cookie of the browser that asked.
	Browser string `json:"br"`

	Request   engine.Request `json:"rq"`
	Mode      string         `json:"mo,omitempty"`
	Challenge string         `json:"ch,omitempty"`
	Resources []string       `json:"re,omitempty"`

	NoPages          bool              `json:"np,omitempty"`
	MustAuthenticate bool              `json:"ma,omitempty"`
	NotBefore        grantstate.Millis `json:"nb,omitempty"`
	MustConsent      bool              `json:"mc,omitempty"`
	MustSelect       bool              `json:"ms,omitempty"`
	MayCreate        bool              `json:"mr,omitempty"`
	WantTime         bool              `json:"wt,omitempty"`
	// RequestedSub is the sub, as this client is told it, that alone may
	// approve.
	RequestedSub string          `json:"su,omitempty"`
	LoginHint    string          `json:"lh,omitempty"`
	ACRValues    []string        `json:"av,omitempty"`
	EssentialACR bool            `json:"ea,omitempty"`
	UILocales    []string        `json:"ul,omitempty"`
	Claims       json.RawMessage `json:"cl,omitempty"`

	// GrantID, UserCode and From are of a device's request. UserCode is
	// veiled.
	GrantID  string `json:"gi,omitempty"`
	UserCode []byte `json:"uc,omitempty"`
	From     string `json:"fr,omitempty"`
}

func (in *interaction) openID() bool {
	return slices.Contains(in.Request.Scopes, oauth.ScopeOpenID)
}

func (in *interaction) device() bool { return in.GrantID != "" }

// view is the request as the host sees it.
func (in *interaction) view(s *Server, c *oauth.Client, id string) *AuthorizationRequest {
	return &AuthorizationRequest{
		ID: id, Client: *c, Server: s, At: in.At.Time(),
		RedirectHost: redirectHost(in.Request.RedirectURI),
		Scopes:       s.describe(in.Request.Scopes), Resources: slices.Clone(in.Resources),
		NoPages: in.NoPages, MustAuthenticate: in.MustAuthenticate, NotBefore: in.NotBefore.Time(),
		MustConsent: in.MustConsent, MustSelect: in.MustSelect, MayCreate: in.MayCreate,
		requestedSub: in.RequestedSub, LoginHint: in.LoginHint,
		ACRValues: slices.Clone(in.ACRValues), EssentialACR: in.EssentialACR,
		UILocales: slices.Clone(in.UILocales), Claims: in.claimNames(),
		Device: in.device(), UserCode: string(veil(id, in.UserCode)), From: in.From,
	}
}

func (in *interaction) claimNames() []string {
	if in.Claims == nil {
		return nil
	}
	request, err := parseClaimsRequest(string(in.Claims))
	if err != nil {
		return nil
	}
	names := slices.Concat(askedOf(nil, request.Userinfo), askedOf(nil, request.IDToken))
	slices.Sort(names)
	return slices.Compact(names)
}

// redirectHost is what an end user is shown of a redirect URI: the host, or
// the scheme of a private-use one.
func redirectHost(uri string) string {
	u, err := url.Parse(uri)
	if err != nil || uri == "" {
		return ""
	}
	if u.Host != "" && (u.Scheme == "https" || u.Scheme == "http") {
		return u.Host
	}
	return u.Scheme + ":"
}

// newInteractionID is 256 random bits, base64url.
func newInteractionID() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the program instead
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// digest is what a secret is kept as.
func digest(purpose, secret string) string {
	sum := sha256.Sum256([]byte(purpose + "\x00" + secret))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// veil hides a short text of an interaction from who reads storage, and shows
// it again to who knows the interaction's id: the browser alone.
func veil(id string, text []byte) []byte {
	pad := sha256.Sum256([]byte("veil\x00" + id))
	veiled := make([]byte, min(len(text), len(pad)))
	subtle.XORBytes(veiled, text, pad[:])
	return veiled
}

// save stores an interaction for the browser that r came from.
func (s *Server) save(ctx context.Context, w http.ResponseWriter, r *http.Request, id string, in *interaction) error {
	in.Browser = digest("browser", s.browser(w, r))
	data, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("authserver: encode interaction: %w", err)
	}
	_, err = s.cfg.Storage.Create(ctx, storage.Record{
		Kind: storage.KindInteraction, Key: digest("interaction", id), ClientID: in.ClientID,
		ExpiresAt: s.endOf(in), Data: data,
	})
	return err
}

// load finds the interaction of that id which waits in the browser that r came
// from.
func (s *Server) load(r *http.Request, id string) (*interaction, error) {
	if p := pendingOf(r.Context()); p != nil && p.id == id && !p.answered {
		return p.in, nil
	}
	cookie := s.readCookie(r, cookieBrowser)
	if len(id) != 43 || cookie == "" {
		return nil, ErrNoRequest
	}
	rec, err := s.cfg.Storage.Get(r.Context(), storage.KindInteraction, digest("interaction", id))
	if errors.Is(err, storage.ErrNotFound) {
		return nil, ErrNoRequest
	}
	if err != nil {
		return nil, unavailable(err)
	}
	var in interaction
	if err := json.Unmarshal(rec.Data, &in); err != nil || in.V != interactionVersion {
		return nil, unavailable(fmt.Errorf("authserver: interaction record of another form: %w", err))
	}
	if in.Browser != digest("browser", cookie) {
		return nil, ErrNoRequest
	}
	return &in, nil
}

// forget removes an answered interaction. That it can be answered only once
// does not depend on it: the authorization's key is derived from the id.
func (s *Server) forget(ctx context.Context, id string) {
	if p := pendingOf(ctx); p != nil && p.id == id && !p.stored {
		return
	}
	if err := s.cfg.Storage.Delete(ctx, storage.KindInteraction, digest("interaction", id)); err != nil {
		s.record(ctx, &Event{Type: EventStorageUnusable, Outcome: oauth.TemporarilyUnavailable}, err)
	}
}

// expired reports whether an interaction is past its life.
func (s *Server) expired(in *interaction, now time.Time) bool {
	return !now.Before(s.endOf(in))
}

// endOf is when an interaction can no longer be answered.
func (s *Server) endOf(in *interaction) time.Time {
	return max(in.At, in.Opened).Time().Add(s.cfg.InteractionLifetime)
}
