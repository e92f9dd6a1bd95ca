package keys

import (
	"errors"
	"slices"
	"time"
)

// policy says when what happens to the keys of a ring.
type policy struct {
	uses         []string // what is kept in stock: algorithms, and forTokens
	rotateEvery  time.Duration
	publishAhead time.Duration
	retain       time.Duration
	tokenRetain  time.Duration
	// lag is the most that the view of a replica is behind the ring. A key
	// is published everywhere, and signs nowhere any more, only that much later.
	lag time.Duration
}

// maintain does what is due and reports whether that was anything.
func (r ring) maintain(p policy, now time.Time) (ring, bool, error) {
	r, changed := r.drop(p, now)
	for _, use := range p.uses {
		if r.ripe(use, p, now) {
			r = r.promote(use, now)
			changed = true
		}
		if r.short(use, p, now) {
			var err error
			if r, err = r.stock(use, now); err != nil {
				return ring{}, false, err
			}
			changed = true
		}
	}
	r, outgrown := r.retireUnused(p, now)
	return r, changed || outgrown, nil
}

// ripe reports whether the next key of a use is to become active: it was
// published for long enough, and the active one has served its time.
func (r ring) ripe(use string, p policy, now time.Time) bool {
	n := r.find(use, next)
	if n < 0 || now.Before(r.Entries[n].PublishedAt.Add(p.publishAhead+p.lag)) {
		return false
	}
	a := r.find(use, active)
	return a < 0 || !now.Before(r.Entries[a].ActivatedAt.Add(p.rotateEvery))
}

// short reports whether a next key of a use is to be made. A ring that was just
// made is left to serve its first requests.
func (r ring) short(use string, p policy, now time.Time) bool {
	if r.find(use, next) >= 0 {
		return false
	}
	a := r.find(use, active)
	return a < 0 || !now.Before(r.Entries[a].PublishedAt.Add(p.lag))
}

// promote makes the next key of a use the active one, and retires that.
func (r ring) promote(use string, now time.Time) ring {
	n, a := r.find(use, next), r.find(use, active)
	r.Entries = slices.Clone(r.Entries)
	if a >= 0 {
		r.Entries[a].RetiredAt = now
	}
	r.Entries[n].ActivatedAt = now
	return r
}

// stock adds a key that is next.
func (r ring) stock(use string, now time.Time) (ring, error) {
	var number byte
	var err error
	if use == forTokens {
		if number, err = r.freeNumber(); err != nil {
			return ring{}, err
		}
	}
	e, err := newEntry(use, number, now)
	if err != nil {
		return ring{}, err
	}
	r.Entries = append(slices.Clone(r.Entries), e)
	return r, nil
}

// freeNumber returns a number for a token key, the one longest out of use.
func (r ring) freeNumber() (byte, error) {
	var used [256]bool
	var last byte
	for _, e := range r.Entries {
		if e.Use == forTokens {
			used[e.Number], last = true, e.Number
		}
	}
	for n := last + 1; n != last; n++ {
		if n != 0 && !used[n] {
			return n, nil
		}
	}
	return 0, errors.New("keys: all 255 numbers of token keys are in use")
}

// drop forgets retired keys that nothing valid was made with any more.
func (r ring) drop(p policy, now time.Time) (ring, bool) {
	kept := slices.DeleteFunc(slices.Clone(r.Entries), func(e entry) bool {
		retain := p.retain
		if e.Use == forTokens {
			retain = p.tokenRetain
		}
		return e.state() == retired && !now.Before(e.RetiredAt.Add(retain+p.lag))
	})
	changed := len(kept) < len(r.Entries)
	r.Entries = kept
	return r, changed
}

// retireUnused retires what an algorithm that is switched off has left behind,
// once its time is over. Not before: while an update is rolled out, replicas
// with either configuration share the ring.
func (r ring) retireUnused(p policy, now time.Time) (ring, bool) {
	changed := false
	entries := slices.Clone(r.Entries)
	for i, e := range entries {
		known := e.Use == ES256 || e.Use == RS256 || e.Use == EdDSA
		if !known || slices.Contains(p.uses, e.Use) || e.state() == retired {
			continue
		}
		since := e.PublishedAt
		if e.state() == active {
			since = e.ActivatedAt
		}
		if !now.Before(since.Add(p.rotateEvery + p.publishAhead)) {
			entries[i].RetiredAt = now
			changed = true
		}
	}
	r.Entries = entries
	return r, changed
}

// rotate makes every next key active at once, whether it was published for
// long enough or not.
func (r ring) rotate(p policy, now time.Time) (ring, error) {
	for _, use := range p.uses {
		var err error
		if r.find(use, next) < 0 {
			if r, err = r.stock(use, now); err != nil {
				return ring{}, err
			}
		}
		if r, err = r.promote(use, now).stock(use, now); err != nil {
			return ring{}, err
		}
	}
	return r, nil
}

// remove takes the signing key with an ID out of the ring. If it is active,
// the next takes its place.
func (r ring) remove(kid string, now time.Time) (ring, error) {
	i := slices.IndexFunc(r.Entries, func(e entry) bool { return e.id() == kid })
	if i < 0 || kid == "" {
		return ring{}, ErrUnknownKey
	}
	if e := r.Entries[i]; e.state() == active {
		if r.find(e.Use, next) < 0 {
			var err error
			if r, err = r.stock(e.Use, now); err != nil {
				return ring{}, err
			}
		}
		r = r.promote(e.Use, now)
	}
	r.Entries = slices.Delete(slices.Clone(r.Entries), i, i+1)
	return r, nil
}

// id is the ID of a signing key; a key that has none is empty.
func (e entry) id() string {
	if e.Use == forTokens {
		return ""
	}
	signer, err := e.signer()
	if err != nil {
		return ""
	}
	k, err := newKey(signer.Public(), nil)
	if err != nil {
		return ""
	}
	return k.ID
}
