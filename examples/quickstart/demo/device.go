package demo

import (
	"errors"
	"net/http"
	"net/url"
	"time"
)

// A deviceFlow is the sign-in of a pretended television (RFC 8628).
type deviceFlow struct {
	UserCode        string
	VerificationURI string
	// Complete has the user code in it (§3.3.1).
	Complete  string
	ExpiresAt time.Time
	// Polled says that somebody has asked in vain.
	Polled bool
	// Done says that the tokens came, Refused that they never will.
	Done    bool
	Refused string

	deviceCode string
	// interval is the least time between two polls (§3.5).
	interval time.Duration
	nextPoll time.Time
}

// startDevice asks for a user code (§3.1).
func (a *app) startDevice(w http.ResponseWriter, r *http.Request) {
	v := a.visits.begin(w, r)
	d, ex, err := a.provider.authorizeDevice(r.Context())
	v.note(ex)
	if err != nil {
		a.fail(w, r, err.Error())
		return
	}
	v.update(func(s *snapshot) { s.Device = d })
	http.Redirect(w, r, "/device", http.StatusSeeOther)
}

// device shows how the flow stands.
func (a *app) device(w http.ResponseWriter, r *http.Request) {
	v := a.visits.of(r).snapshot()
	if v.Device == nil {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	show(w, http.StatusOK, "device.html", view{Title: "Sign in on a device", Visit: v})
}

// checkDevice polls once, when that is allowed again. A television would go on
// by itself; a page that reloads by itself would be hard to read for some.
func (a *app) checkDevice(w http.ResponseWriter, r *http.Request) {
	v := a.visits.of(r)
	if d := v.snapshot().Device; d != nil && d.waiting() {
		select {
		case <-time.After(time.Until(d.nextPoll)):
			a.poll(r, v, *d)
		case <-r.Context().Done():
			return
		}
	}
	http.Redirect(w, r, "/device", http.StatusSeeOther)
}

// poll asks once whether the person has decided (§3.4).
func (a *app) poll(r *http.Request, v *visit, d deviceFlow) {
	t, ex, err := a.provider.token(r.Context(), "Device code for tokens", url.Values{
		"grant_type":  {"urn:ietf:params:oauth:grant-type:device_code"},
		"device_code": {d.deviceCode},
	})
	v.note(ex)
	var refusal *refusal
	switch {
	case err == nil:
		if err = a.accept(r, v, t, ""); err != nil {
			d.Refused = err.Error()
			break
		}
		d.Done = true
	case errors.As(err, &refusal) && refusal.code == "authorization_pending":
	case errors.As(err, &refusal) && refusal.code == "slow_down":
		d.interval += 5 * time.Second // §3.5
	default:
		d.Refused = err.Error()
	}
	d.Polled, d.nextPoll = true, time.Now().Add(d.interval)
	v.update(func(s *snapshot) { s.Device = &d })
}

func (d *deviceFlow) waiting() bool { return !d.Done && d.Refused == "" }
