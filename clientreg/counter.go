package clientreg

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage"
)

// A counter is how many clients one quota counts, as a record. Number is never
// less than there are: a place is taken before its client is created, and
// given back only by counting again, which happens when the quota seems full.
// So a crash, at any moment, can make a quota seem full and never let one
// client too many in; and it takes nothing but compare-and-swap.
type counter struct {
	V      int `json:"v"`
	Number int `json:"n"`
	// Taken are places whose client may not be there yet: client_id to the
	// Unix second until which it may come.
	Taken map[string]int64 `json:"t,omitempty"`
	// CountedAt is the Unix second when all were last counted.
	CountedAt int64 `json:"c,omitempty"`
	// Vacant says that a client was removed since.
	Vacant bool `json:"g,omitempty"`
}

const (
	counterVersion = 1
	// recountEvery is how often a full quota is counted again although none
	// is known to have gone.
	recountEvery = time.Minute
	// takenFor is how long a place waits for its client: longer than it can
	// take to create.
	takenFor = 2 * createWithin
	// counterTries is how often a counter that others change is tried.
	counterTries = 256
)

// scope is what a quota counts a client with.
type quotaScope struct {
	Quota
	value string // the tenant or owner
	typ   oauth.ClientType
}

func (q Quota) scopeOf(c *oauth.Client) quotaScope {
	sc := quotaScope{Quota: q}
	switch q.Per {
	case PerTenant:
		sc.value = c.Tenant
	case PerOwner:
		sc.value = c.Owner
	}
	if q.EachType {
		sc.typ = c.Kind()
	}
	return sc
}

// counts reports whether a client is of the scope.
func (sc quotaScope) counts(c *oauth.Client) bool {
	other := sc.Quota.scopeOf(c)
	return other.value == sc.value && other.typ == sc.typ
}

// key names the scope's counter.
func (sc quotaScope) key() string {
	text, _ := json.Marshal([]string{string(sc.Per), sc.value, string(sc.typ)}) // strings always can
	sum := sha256.Sum256(text)
	return "quota:" + base64.RawURLEncoding.EncodeToString(sum[:])
}

// query finds at least the clients of the scope.
func (sc quotaScope) query() storage.Query {
	q := storage.Query{Kind: storage.KindClient}
	switch sc.Per {
	case PerTenant:
		q.SessionID = sc.value
	case PerOwner:
		q.Subject = sc.value
	}
	return q
}

// reserve takes a place in every quota, or in none.
func (s *Service) reserve(ctx context.Context, c *oauth.Client) error {
	if len(s.options.Quotas) == 0 {
		return nil
	}
	// One at a time here: only other processes are left to lose against.
	select {
	case s.quotas <- struct{}{}:
		defer func() { <-s.quotas }()
	case <-ctx.Done():
		return ctx.Err()
	}
	for i, q := range s.options.Quotas {
		if err := s.take(ctx, q.scopeOf(c), c.ID); err != nil {
			s.giveBack(ctx, c, s.options.Quotas[:i])
			return err
		}
	}
	return nil
}

// release gives a client's places back. It is for a client that certainly was
// not created.
func (s *Service) release(ctx context.Context, c *oauth.Client) { s.giveBack(ctx, c, s.options.Quotas) }

func (s *Service) giveBack(ctx context.Context, c *oauth.Client, quotas []Quota) {
	for _, q := range quotas {
		// What cannot be given back is found by counting.
		_ = s.count(ctx, q.scopeOf(c), func(n *counter, _ time.Time) (bool, error) {
			if _, taken := n.Taken[c.ID]; !taken {
				return false, nil
			}
			delete(n.Taken, c.ID)
			n.Number--
			return true, nil
		})
	}
}

// vacate notes that a client is gone, so that a full quota is counted again.
func (s *Service) vacate(ctx context.Context, c *oauth.Client) {
	for _, q := range s.options.Quotas {
		_ = s.count(ctx, q.scopeOf(c), func(n *counter, _ time.Time) (bool, error) {
			_, taken := n.Taken[c.ID]
			if n.V == 0 || n.Vacant && !taken {
				return false, nil
			}
			delete(n.Taken, c.ID) // it came, and will not come again
			n.Vacant = true
			return true, nil
		})
	}
}

// take takes a place for a client.
func (s *Service) take(ctx context.Context, sc quotaScope, id string) error {
	return s.count(ctx, sc, func(n *counter, now time.Time) (bool, error) {
		counted := n.due(sc.Max, now)
		if counted {
			if err := s.recount(ctx, sc, n, now); err != nil {
				return false, err
			}
		}
		if n.Number >= sc.Max {
			return counted, &QuotaError{sc.Quota, sc.typ}
		}
		if n.Taken == nil {
			n.Taken = map[string]int64{}
		}
		n.forget(now)
		n.Taken[id] = now.Add(takenFor).Unix()
		n.Number++
		return true, nil
	})
}

// due reports whether all must be counted: they never were, or the quota seems
// full and may not be.
func (n *counter) due(most int, now time.Time) bool {
	return n.V == 0 || n.Number >= most && (n.Vacant || now.Unix()-n.CountedAt >= int64(recountEvery/time.Second))
}

// forget drops the places whose client has come or never will. They stay
// counted.
func (n *counter) forget(now time.Time) {
	for id, until := range n.Taken {
		if until < now.Unix() {
			delete(n.Taken, id)
		}
	}
}

// recount counts the clients there are and those that may still come.
func (s *Service) recount(ctx context.Context, sc quotaScope, n *counter, now time.Time) error {
	n.forget(now)
	number, waiting := 0, len(n.Taken)
	err := s.each(ctx, sc.query(), func(r storage.Record) (bool, error) {
		st, err := decode(r)
		if err != nil {
			return false, err
		}
		if sc.counts(&st.client) {
			number++
			if _, taken := n.Taken[st.client.ID]; taken {
				waiting--
			}
		}
		return true, nil
	})
	if err != nil {
		return err
	}
	n.V, n.Number, n.CountedAt, n.Vacant = counterVersion, number+waiting, now.Unix(), false
	return nil
}

// count changes a counter: one Get, f, and if f says so one Replace; all of it
// again when another was faster. f's error counts once that is stored.
func (s *Service) count(ctx context.Context, sc quotaScope, f func(n *counter, now time.Time) (store bool, outcome error)) error {
	for try := range counterTries {
		r, n, err := s.counter(ctx, sc.key())
		if err != nil {
			return err
		}
		store, outcome := f(&n, time.Now())
		if !store {
			return outcome
		}
		err = s.storeCounter(ctx, r, n)
		if err == nil {
			return outcome
		}
		if !errors.Is(err, storage.ErrConflict) && !errors.Is(err, storage.ErrNotFound) && !errors.Is(err, storage.ErrExists) {
			return err
		}
		if err := pause(ctx, try); err != nil {
			return err
		}
	}
	return fmt.Errorf("clientreg: quota: %w", storage.ErrConflict)
}

// counter reads a counter. One that was never stored has V zero.
func (s *Service) counter(ctx context.Context, key string) (r storage.Record, n counter, err error) {
	r, err = s.options.Storage.Get(ctx, storage.KindCounter, key)
	if errors.Is(err, storage.ErrNotFound) {
		return storage.Record{Kind: storage.KindCounter, Key: key}, n, nil
	}
	if err != nil {
		return r, n, fmt.Errorf("clientreg: quota: %w", err)
	}
	if err := json.Unmarshal(r.Data, &n); err != nil || n.V != counterVersion {
		return r, n, fmt.Errorf("clientreg: quota: record of another form: %w", err)
	}
	return r, n, nil
}

func (s *Service) storeCounter(ctx context.Context, r storage.Record, n counter) (err error) {
	if r.Data, err = json.Marshal(n); err != nil {
		return fmt.Errorf("clientreg: quota: %w", err)
	}
	if r.Version == 0 {
		_, err = s.options.Storage.Create(ctx, r)
	} else {
		_, err = s.options.Storage.Replace(ctx, r)
	}
	if err != nil {
		return fmt.Errorf("clientreg: quota: %w", err)
	}
	return nil
}

// pause waits a little, a random part of it, so that callers which keep
// meeting come apart.
func pause(ctx context.Context, try int) error {
	wait := time.NewTimer(rand.N(time.Duration(min(try, 8)+1) * time.Millisecond)) //nolint:gosec // not a secret
	defer wait.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-wait.C:
		return nil
	}
}
