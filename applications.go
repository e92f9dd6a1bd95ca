package authserver

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/seed36673005/authserver/internal/grantstate"
	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage"
)

// EventApplicationRevoked is the type of the event that everything an end user
// had given one client was ended.
const EventApplicationRevoked = "application_revoked"

// An Application is a client that an end user lets use their account, and all
// that it has of them.
type Application struct {
	// Client is who it is. Of one that is Gone it has the ID alone.
	Client oauth.Client
	// Gone: no such client is registered any more. What it was given is of no
	// use while that is so, and can still be revoked.
	Gone bool
	// Scopes are those of all its authorizations, and of the remembered
	// consent, by name.
	Scopes []Scope
	// Since is when the oldest of what it has was given.
	Since time.Time
	// LastUsed is when it last got an access token; zero means not yet.
	LastUsed time.Time
	// Grants are the GrantIDs of its live authorizations, oldest first. There
	// are none if a consent is all there is.
	Grants []string
	// Remembered: a consent is stored, so that it may be given the same again
	// without a question. See Consented.
	Remembered bool
}

// mostRead bounds how many records of an end user Applications looks at.
const mostRead = 10_000

// errEnough ends a walk over records that went as far as it may.
var errEnough = errors.New("authserver: enough records")

// Applications returns the clients that have anything of an end user, the one
// that was used last first: live authorizations, codes that wait to be
// redeemed, and remembered consents. What has expired or was revoked is not
// among it, nor what clients do for themselves. Of each kind of record at most
// 10 000 are looked at. The error is of storage or of the ClientSource.
func (s *Server) Applications(ctx context.Context, subject string) ([]Application, error) {
	if subject == "" {
		return nil, nil
	}
	found := foundApplications{now: time.Now(), byClient: map[string]*foundApplication{}}
	for kind, read := range map[storage.Kind]func(storage.Record) error{
		storage.KindGrant: found.grant, storage.KindConsent: found.consent,
	} {
		left := mostRead
		err := s.each(ctx, storage.Query{Kind: kind, Subject: subject, Limit: 1000}, func(rec storage.Record) error {
			if left--; left < 0 {
				return errEnough
			}
			return read(rec)
		})
		if err != nil && !errors.Is(err, errEnough) {
			return nil, unavailable(err)
		}
	}
	return s.applications(ctx, found)
}

// applications are what was found, with who the clients are.
func (s *Server) applications(ctx context.Context, found foundApplications) ([]Application, error) {
	list := make([]Application, 0, len(found.byClient))
	for id, f := range found.byClient {
		a := f.Application
		c, err := s.client(ctx, id)
		switch {
		case errors.Is(err, storage.ErrNotFound):
			a.Client, a.Gone = oauth.Client{ID: id}, true
		case err != nil:
			return nil, unavailable(err)
		default:
			a.Client = *c
		}
		a.Scopes = s.describe(slices.Sorted(maps.Keys(f.scopes)))
		slices.SortFunc(f.grants, func(x, y foundGrant) int {
			return cmp.Or(cmp.Compare(x.at, y.at), cmp.Compare(x.id, y.id))
		})
		for _, g := range f.grants {
			a.Grants = append(a.Grants, g.id)
		}
		list = append(list, a)
	}
	slices.SortFunc(list, func(a, b Application) int {
		return cmp.Or(b.LastUsed.Compare(a.LastUsed), cmp.Compare(a.Client.ID, b.Client.ID))
	})
	return list, nil
}

// foundApplications collects by client what records say.
type foundApplications struct {
	now      time.Time
	byClient map[string]*foundApplication
}

type foundApplication struct {
	Application
	scopes map[string]bool
	grants []foundGrant
}

type foundGrant struct {
	id string
	at grantstate.Millis
}

// of is what was found of a client so far, with one thing more.
func (l foundApplications) of(clientID string, at grantstate.Millis, scopes []string) *foundApplication {
	f := l.byClient[clientID]
	if f == nil {
		f = &foundApplication{scopes: map[string]bool{}}
		f.Since = at.Time()
		l.byClient[clientID] = f
	}
	if given := at.Time(); given.Before(f.Since) {
		f.Since = given
	}
	for _, scope := range scopes {
		f.scopes[scope] = true
	}
	return f
}

func (l foundApplications) grant(rec storage.Record) error {
	st, err := grantstate.Decode(rec.Data)
	if err != nil || !useful(&st, l.now) {
		return err
	}
	f := l.of(st.ClientID, st.CreatedAt, st.Scopes)
	f.grants = append(f.grants, foundGrant{rec.Key, st.CreatedAt})
	if used := lastUsed(&st).Time(); used.After(f.LastUsed) {
		f.LastUsed = used
	}
	return nil
}

func (l foundApplications) consent(rec storage.Record) error {
	var agreed consent
	if err := json.Unmarshal(rec.Data, &agreed); err != nil {
		return fmt.Errorf("authserver: decode consent: %w", err)
	}
	if agreed.V != consentVersion {
		return fmt.Errorf("authserver: consent record has version %d, want %d", agreed.V, consentVersion)
	}
	l.of(rec.ClientID, agreed.At, agreed.Scopes).Remembered = true
	return nil
}

// useful reports whether a client can still do anything with an authorization:
// use a token, or get one.
func useful(st *grantstate.State, now time.Time) bool {
	ahead := func(end grantstate.Millis) bool { return end > grantstate.At(now) }
	if _, ok := st.CurrentAccess(now); ok {
		return true
	}
	code, device := st.Code, st.Device
	switch {
	case st.Revoked():
		return false
	case st.Refresh != nil && st.LiveRefresh(st.Refresh.Seq, now):
		return true
	case code != nil && code.UsedAt == 0 && ahead(code.ExpiresAt):
		return true
	}
	return device != nil && device.Decision == grantstate.DeviceApproved && device.UsedAt == 0 && ahead(device.ExpiresAt)
}

// lastUsed is when the newest access token of an authorization was issued.
// That token need not be on record any more, but that a code was redeemed or a
// refresh token rotated is. Zero is not yet.
func lastUsed(st *grantstate.State) (last grantstate.Millis) {
	switch {
	case st.Code != nil:
		last = st.Code.UsedAt
	case st.Device != nil:
		last = st.Device.UsedAt
	default: // a token came with it
		last = st.CreatedAt
	}
	if st.Refresh != nil {
		for _, rotated := range st.Refresh.Rotated {
			last = max(last, rotated.At)
		}
	}
	for _, access := range st.Access {
		last = max(last, access.IssuedAt)
	}
	return last
}

// revokeRounds bounds how often RevokeApplication looks again.
const revokeRounds = 8

// errLeft says that an application had an authorization, and may have another.
var errLeft = errors.New("authserver: an application was authorized again as fast as it was revoked")

// RevokeApplication ends everything that an end user has given a client: the
// remembered consent and every authorization with its tokens, whether or not
// the client still exists. It is nil if there is nothing. When it returns nil,
// nothing that was there when it was called is live, nor what requests made of
// it meanwhile; an authorization request that is approved meanwhile may count
// after it. After an error some of it may live on; calling it again ends the
// rest.
func (s *Server) RevokeApplication(ctx context.Context, subject, clientID string) error {
	if subject == "" || clientID == "" {
		return nil
	}
	var left error
	for round := range revokeRounds {
		var err error
		if left, err = s.endApplication(ctx, subject, clientID); err != nil {
			return unavailable(err)
		}
		// A walk may miss what another request changes or creates under it: a
		// second one says whether anything is left.
		if left == nil && round > 0 {
			s.record(ctx, &Event{Type: EventApplicationRevoked, Subject: subject, ClientID: clientID}, nil)
			return nil
		}
	}
	return unavailable(left)
}

// endApplication ends what it finds. left is nil if there was no
// authorization; one that could not be ended keeps none of the others alive.
// The consent goes first: without it none is given silently.
func (s *Server) endApplication(ctx context.Context, subject, clientID string) (left, err error) {
	if err := s.cfg.Storage.Delete(ctx, storage.KindConsent, consentKey(subject, clientID)); err != nil {
		return nil, err
	}
	q := storage.Query{Kind: storage.KindGrant, Subject: subject, Limit: 1000}
	err = s.each(ctx, q, func(rec storage.Record) error {
		if rec.ClientID != clientID {
			return nil
		}
		st, err := grantstate.Decode(rec.Data)
		if err == nil && st.Revoked() {
			return nil
		}
		if err == nil {
			err = s.RevokeGrant(ctx, rec.Key)
		}
		if err != nil || left == nil {
			left = or(err, errLeft)
		}
		return nil
	})
	return left, err
}
