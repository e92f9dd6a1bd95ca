package authserver

import (
	"errors"
	"net/http"
	"time"

	"github.com/seed36673005/authserver/oauth"
)

// An InteractFunc is called with a valid authorization request. It answers
// at once by calling Approve or Deny, or writes a page or redirect that leads
// the end user to a later request in which the host calls them with req.ID.
// A page that is written although req.NoPages forbids it is withheld, and the
// client is told interaction_required.
type InteractFunc func(w http.ResponseWriter, r *http.Request, req *AuthorizationRequest)

// Errors of the interaction seam, found by errors.Is.
var (
	// ErrNoRequest: no authorization request of that id waits in this
	// browser: it was never begun, was begun in another browser, has been
	// answered, or has expired.
	ErrNoRequest = errors.New("authserver: no such authorization request")
	// ErrThrottled: too many wrong user codes.
	ErrThrottled = errors.New("authserver: too many attempts")
	// ErrSubjectGone: the end user is no longer served.
	ErrSubjectGone = errors.New("authserver: subject is not active")
)

// An AuthorizationRequest is one that was checked and waits for its end user.
// It is a copy; changing it changes nothing.
type AuthorizationRequest struct {
	// ID names the request to Approve and Deny. It is a secret of this
	// browser: keep it out of logs.
	ID string
	// Client is who asks.
	Client oauth.Client
	// RedirectHost is where the answer goes, to be shown to the end user:
	// host and port, or the scheme of a private-use redirect URI. It is
	// empty for a device.
	RedirectHost string
	// Scopes and Resources are what is asked for.
	Scopes    []Scope
	Resources []string

	// Server is the one that received the request.
	Server *Server

	// NoPages: the client wants an answer without any page (prompt=none).
	// Deny with login_required, consent_required or interaction_required.
	NoPages bool
	// MustAuthenticate: an authentication before NotBefore is not good
	// enough (prompt=login, max_age). Approve refuses an earlier AuthTime.
	MustAuthenticate bool
	NotBefore        time.Time
	// MustConsent: a remembered consent is not good enough (prompt=consent).
	MustConsent bool
	// MustSelect: the end user is to choose an account
	// (prompt=select_account).
	MustSelect bool
	// MayCreate: the client would like the end user to sign up
	// (prompt=create).
	MayCreate bool
	// LoginHint is what the client believes the end user's name is; to be
	// shown in the form, never trusted.
	LoginHint string
	// ACRValues asked for, most wanted first. EssentialACR says that Approve
	// refuses any other.
	ACRValues    []string
	EssentialACR bool
	// UILocales are the languages the client asks for, most wanted first.
	UILocales []string
	// Claims asked for one by one (OpenID Connect Core §5.5), by name.
	Claims []string

	// Device: the request is of a device (RFC 8628) and UserCode is the code
	// that found it. The page must ask the end user to confirm it, and shows
	// From, the network address the device asked from.
	Device   bool
	UserCode string
	From     string
	// At is when the client asked.
	At time.Time

	// requestedSub is the sub that alone may approve, as the client is told
	// it (id_token_hint, claims).
	requestedSub string
}

// An Approval is what an end user agreed to.
type Approval struct {
	// Subject is the end user's stable identifier: at most 255 bytes, never
	// reassigned. Required, unless Session is set.
	Subject string
	// AuthTime is when they last proved who they are; zero means that it is
	// not known. ACR and AMR say how; each may be empty and must be true.
	AuthTime time.Time
	ACR      string
	AMR      []string
	// Session, if not nil, is the login session that approves; Subject,
	// AuthTime, ACR and AMR are taken from it, and tokens carry its sid.
	Session *Session
	// Scopes granted, a part of those asked for. Nil means all of them.
	Scopes []string
	// Remember stores the consent, so that Consented says yes next time.
	Remember bool
}

// A Session is an end user's login in one browser.
type Session struct {
	// ID is the sid (OpenID Connect Front-Channel Logout §3); not secret and
	// of no use to log in with.
	ID       string
	Subject  string
	AuthTime time.Time
	ACR      string
	AMR      []string
	// CreatedAt and ExpiresAt bound the session, whatever is done in it.
	CreatedAt, ExpiresAt time.Time
}
