package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"hash/fnv"
	"time"
)

// A locker is a lock that belongs to a connection, and ends with it.
type locker struct {
	// lock and unlock are given a number; lock answers at once whether it got
	// the lock. It does not wait in the database: a statement that waits is in
	// the way of one that builds an index beside the traffic.
	lock, unlock string
	// without reports that the database has no such lock. Migrations then
	// run unlocked: done twice at once, one fails and is tried again.
	without func(error) bool
}

// sessionLock is a locker for the tables of one name, as goose uses it.
type sessionLock struct {
	locker
	number int64
	locked bool
}

func (l locker) of(n names) *sessionLock {
	h := fnv.New64a()
	_, _ = h.Write([]byte(n.table("migrations")))
	return &sessionLock{locker: l, number: int64(h.Sum64())} //nolint:gosec // any number will do
}

// lockPatience is longer than a migration takes.
const lockPatience = 5 * time.Minute

// SessionLock implements goose's lock.SessionLocker.
func (l *sessionLock) SessionLock(ctx context.Context, conn *sql.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, lockPatience)
	defer cancel()
	for {
		var locked sql.NullBool
		err := conn.QueryRowContext(ctx, l.lock, l.number).Scan(&locked)
		if err != nil && l.without(err) {
			return nil
		}
		if l.locked = locked.Bool; err != nil || l.locked {
			return err
		}
		if err := pause(ctx, maxWait); err != nil {
			return errors.Join(errors.New("another process is still migrating"), err)
		}
	}
}

// SessionUnlock implements goose's lock.SessionLocker.
func (l *sessionLock) SessionUnlock(ctx context.Context, conn *sql.Conn) error {
	if !l.locked {
		return nil
	}
	_, err := conn.ExecContext(ctx, l.unlock, l.number)
	return err
}
