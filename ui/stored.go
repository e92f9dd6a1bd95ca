package ui

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/seed36673005/authserver"
	"github.com/seed36673005/authserver/grants"
	"github.com/seed36673005/authserver/internal/passwords"
	"github.com/seed36673005/authserver/storage"
)

// Errors of StoredUsers, found by errors.Is. Any other is of storage.
var (
	// ErrUserExists: another user has that name, or one written like it.
	ErrUserExists = errors.New("ui: user exists")
	// ErrNoUser: there is no such user.
	ErrNoUser = errors.New("ui: no such user")
	// ErrUsername: a name is empty or longer than 255 bytes.
	ErrUsername = errors.New("ui: username must have 1 to 255 bytes")
	// ErrSubject: a subject to import cannot be kept.
	ErrSubject = errors.New("ui: subject must have 1 to 200 characters of printable ASCII without spaces")
	// ErrPassword: a password is shorter than 8 characters, longer than 1024
	// bytes, or has control characters.
	ErrPassword = errors.New("ui: password must have at least 8 characters, at most 1024 bytes, and no control characters")
)

// minPassword is the least length of a password in characters (NIST SP
// 800-63B §3.1.1.2).
const minPassword = 8

// StoredUsers are Users kept in a storage.Storage, for programs that have no
// accounts of their own. Its methods may be called from many goroutines and
// processes at once.
//
// One value serves the pages, the server and the password grant:
//
//	users := ui.NewUsers(store)
//	authserver.Config{
//		Pages:        ui.New(ui.Options{Users: users}),
//		Claims:       users.Claims,
//		CheckSubject: users.Check,
//		…
//	}
type StoredUsers struct {
	storage storage.Storage
	pool    *passwords.Pool
}

var _ Users = (*StoredUsers)(nil)

// A User is one account.
type User struct {
	// Subject is the user's stable identifier. If empty, Create and Import
	// choose a random one.
	Subject string
	// Username to log in with. Case, compatibility forms of Unicode, spaces
	// around it and dots after it make no difference.
	Username string
	// Claims are what is known of the user, as OpenID Connect Core §5.1 names
	// it: name, email, email_verified and so on. preferred_username is the
	// Username unless it is set; updated_at and sub are filled in.
	Claims map[string]any
	// Disabled users cannot log in and are served no tokens.
	Disabled bool
	// CreatedAt and UpdatedAt are set by StoredUsers.
	CreatedAt, UpdatedAt time.Time
}

// NewUsers returns the users of a storage.
func NewUsers(st storage.Storage) *StoredUsers {
	return &StoredUsers{storage: st, pool: passwords.NewPool()}
}

// Create adds a user with a password and returns it with its Subject. It
// returns ErrUserExists, ErrUsername or ErrPassword.
func (u *StoredUsers) Create(ctx context.Context, user User, password string) (User, error) {
	digest, err := u.hash(ctx, password)
	if err != nil {
		return User{}, err
	}
	return u.create(ctx, user, digest)
}

// Import adds a user with the digest of a password from another system: a PHC
// string of argon2id or PBKDF2, or bcrypt's $2b$. It is replaced by argon2id
// when the user logs in. The Subject is kept if it is set; it must never have
// been another's.
func (u *StoredUsers) Import(ctx context.Context, user User, digest string) (User, error) {
	if _, _, err := u.pool.Verify(ctx, digest, "not the password"); err != nil {
		return User{}, fmt.Errorf("ui: import: %w", err)
	}
	return u.create(ctx, user, digest)
}

// Get returns a user by subject, or ErrNoUser.
func (u *StoredUsers) Get(ctx context.Context, subject string) (User, error) {
	a, _, err := u.bySubject(ctx, subject)
	return a.user(), err
}

// Find returns a user by name, or ErrNoUser.
func (u *StoredUsers) Find(ctx context.Context, username string) (User, error) {
	a, _, err := u.byName(ctx, username)
	return a.user(), err
}

// SetClaims replaces what is known of a user.
func (u *StoredUsers) SetClaims(ctx context.Context, subject string, claims map[string]any) error {
	return u.change(ctx, subject, func(a *account) { a.Claims = claims })
}

// SetPassword gives a user another password. Call Server.RevokeSubject after
// it to end what was begun with the old one.
func (u *StoredUsers) SetPassword(ctx context.Context, subject, password string) error {
	digest, err := u.hash(ctx, password)
	if err != nil {
		return err
	}
	return u.change(ctx, subject, func(a *account) { a.Password = digest })
}

// Disable ends a user's logins and tokens until Enable.
func (u *StoredUsers) Disable(ctx context.Context, subject string) error {
	return u.change(ctx, subject, func(a *account) { a.Disabled = true })
}

// Enable undoes Disable.
func (u *StoredUsers) Enable(ctx context.Context, subject string) error {
	return u.change(ctx, subject, func(a *account) { a.Disabled = false })
}

// Delete removes a user; their name may be given to another, their subject
// never is. It is nil if there is none.
func (u *StoredUsers) Delete(ctx context.Context, subject string) error {
	a, _, err := u.bySubject(ctx, subject)
	if errors.Is(err, ErrNoUser) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := u.storage.Delete(ctx, storage.KindUser, nameKey(a.Username)); err != nil {
		return fmt.Errorf("ui: delete user: %w", err)
	}
	if err := u.storage.Delete(ctx, storage.KindUser, subjectKey(subject)); err != nil {
		return fmt.Errorf("ui: delete user: %w", err)
	}
	return nil
}

// Authenticate is a grants.PasswordFunc. It costs the same for an unknown
// name, a wrong password and a disabled user.
func (u *StoredUsers) Authenticate(ctx context.Context, username, password string) (grants.Authenticated, error) {
	a, _, err := u.byName(ctx, username)
	if errors.Is(err, ErrNoUser) {
		err = u.pool.Equalize(ctx, password)
		return grants.Authenticated{}, orBad(err)
	}
	if err != nil {
		return grants.Authenticated{}, err
	}
	ok, rehash, err := u.pool.Verify(ctx, a.Password, password)
	if err != nil || !ok || a.Disabled {
		return grants.Authenticated{}, orBad(err)
	}
	if rehash {
		u.upgrade(ctx, a, password)
	}
	return grants.Authenticated{Subject: a.Subject, AMR: []string{"pwd"}}, nil // RFC 8176 §2
}

func orBad(err error) error {
	if err != nil {
		return err
	}
	return grants.ErrBadCredentials
}

// upgrade replaces the digest of a password that was just right. If it cannot,
// the next login will.
func (u *StoredUsers) upgrade(ctx context.Context, was account, password string) {
	digest, err := u.pool.Hash(ctx, password)
	if err != nil {
		return
	}
	_ = u.change(ctx, was.Subject, func(a *account) {
		if a.Password == was.Password { // else it was changed meanwhile
			a.Password = digest
		}
	})
}

// Claims is an authserver.ClaimsFunc.
func (u *StoredUsers) Claims(ctx context.Context, subject string, names []string) (map[string]json.RawMessage, error) {
	a, err := u.active(ctx, subject)
	if err != nil {
		return nil, err
	}
	known := a.claims()
	claims := map[string]json.RawMessage{}
	for _, name := range names {
		value, ok := known[name]
		if !ok || name == "sub" {
			continue
		}
		if claims[name], err = json.Marshal(value); err != nil {
			return nil, fmt.Errorf("ui: claim %s: %w", name, err)
		}
	}
	return claims, nil
}

// Check is an authserver.CheckSubjectFunc.
func (u *StoredUsers) Check(ctx context.Context, subject string) error {
	_, err := u.active(ctx, subject)
	return err
}

// active is the account of a subject that may be served.
func (u *StoredUsers) active(ctx context.Context, subject string) (account, error) {
	a, _, err := u.bySubject(ctx, subject)
	if errors.Is(err, ErrNoUser) || err == nil && a.Disabled {
		return account{}, authserver.ErrSubjectGone
	}
	return a, err
}

// hash is the digest of a password that may be chosen.
func (u *StoredUsers) hash(ctx context.Context, password string) (string, error) {
	if utf8.RuneCountInString(password) < minPassword {
		return "", ErrPassword
	}
	digest, err := u.pool.Hash(ctx, password)
	if errors.Is(err, passwords.ErrUnusable) {
		return "", ErrPassword
	}
	return digest, err
}
