package authserver

import (
	"context"
	"net/http"

	"github.com/seed36673005/authserver/oauth"
)

// pending is an authorization request in the hands of the host, while Interact
// runs. Nothing is stored for one that is answered at once. The first byte of
// a page or redirect stores it, so that a page the end user sees leads
// somewhere; a page that must not be shown is withheld.
type pending struct {
	http.ResponseWriter
	s  *Server
	r  *http.Request
	ev *Event
	c  *oauth.Client
	in *interaction
	id string

	answered bool // by Approve or Deny
	stored   bool
	dropped  bool // what the host writes goes nowhere
	wrote    bool
}

type pendingKey struct{}

func pendingOf(ctx context.Context) *pending {
	p, _ := ctx.Value(pendingKey{}).(*pending)
	return p
}

// interact hands a checked request to the host.
func (s *Server) interact(w http.ResponseWriter, r *http.Request, ev *Event, c *oauth.Client, in *interaction) {
	p := &pending{ResponseWriter: w, s: s, ev: ev, c: c, in: in, id: newInteractionID()}
	p.r = r.WithContext(context.WithValue(r.Context(), pendingKey{}, p))
	s.cfg.Interact(p, p.r, in.view(s, c, p.id))
	if !p.answered && !p.wrote {
		p.WriteHeader(http.StatusOK)
	}
}

// WriteHeader lets the host's page through once the request is stored.
func (p *pending) WriteHeader(status int) {
	if status >= 100 && status < 200 {
		return
	}
	if !p.begin() {
		return
	}
	p.ResponseWriter.WriteHeader(status)
}

// Write is as WriteHeader.
func (p *pending) Write(b []byte) (int, error) {
	if !p.begin() {
		return len(b), nil
	}
	return p.ResponseWriter.Write(b)
}

// begin decides, at the first byte, what becomes of what the host writes.
func (p *pending) begin() bool {
	if p.wrote || p.answered {
		return !p.dropped
	}
	p.wrote = true
	if p.in.NoPages {
		return p.withhold(oauth.E(oauth.InteractionRequired, "prompt: none was asked for, and a page is needed"))
	}
	if err := p.s.save(p.r.Context(), p.ResponseWriter, p.r, p.id, p.in); err != nil {
		return p.withhold(unavailable(err))
	}
	p.stored = true
	p.ev.Type = EventInteraction
	p.s.record(p.r.Context(), p.ev, nil)
	return true
}

// withhold drops the host's page and answers the client instead.
func (p *pending) withhold(reason *oauth.Error) bool {
	p.dropped = true
	h := p.ResponseWriter.Header()
	for _, name := range []string{"Content-Type", "Content-Length", "Location", "Set-Cookie"} {
		h.Del(name)
	}
	p.s.answerError(p.ResponseWriter, p.r, p.ev, p.in, reason)
	return false
}

// answering gives the writer that the answer to id goes to: the one beneath
// pending, while the host is called.
func answering(w http.ResponseWriter, r *http.Request, id string) http.ResponseWriter {
	p := pendingOf(r.Context())
	if p == nil || p.id != id {
		return w
	}
	if p.wrote {
		// The host has already shown a page: nothing can be added to it.
		return discard{http.Header{}}
	}
	p.answered, p.dropped = true, true
	return p.ResponseWriter
}

// discard takes an answer for which it is too late.
type discard struct{ h http.Header }

func (d discard) Header() http.Header         { return d.h }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}
