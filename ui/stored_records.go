package ui

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"time"

	"github.com/seed36673005/authserver/internal/limit"
	"github.com/seed36673005/authserver/storage"
)

// A user is two records: the account under its subject, and under a digest of
// the name the subject that has it. Whoever creates the second has the name.

// account is what the record of a user holds.
type account struct {
	V         int            `json:"v"`
	Subject   string         `json:"sub"`
	Username  string         `json:"username"`
	Password  string         `json:"password"` // a PHC string
	Claims    map[string]any `json:"claims,omitempty"`
	Disabled  bool           `json:"disabled,omitempty"`
	CreatedAt time.Time      `json:"created_at"`
	UpdatedAt time.Time      `json:"updated_at"`
}

// holder is what the record of a name holds.
type holder struct {
	V       int    `json:"v"`
	Subject string `json:"sub"`
}

// accountVersion is that of both forms.
const accountVersion = 1

func (a account) user() User {
	return User{
		Subject: a.Subject, Username: a.Username, Claims: a.Claims,
		Disabled: a.Disabled, CreatedAt: a.CreatedAt, UpdatedAt: a.UpdatedAt,
	}
}

// claims are what is known, with what follows from the account.
func (a account) claims() map[string]any {
	claims := map[string]any{"preferred_username": a.Username}
	maps.Copy(claims, a.Claims)
	claims["updated_at"] = a.UpdatedAt.Unix()
	return claims
}

func subjectKey(subject string) string { return "subject-" + subject }

// nameKey is the same for every way to write a name.
func nameKey(username string) string {
	sum := sha256.Sum256([]byte(limit.AccountKey(username)))
	return "name-" + base64.RawURLEncoding.EncodeToString(sum[:])
}

// importable is a subject that fits a record's key.
var importable = regexp.MustCompile(`^[!-~]{1,200}$`)

func (u *StoredUsers) create(ctx context.Context, user User, digest string) (User, error) {
	if limit.AccountKey(user.Username) == "" || len(user.Username) > maxUsername {
		return User{}, ErrUsername
	}
	if user.Subject == "" {
		user.Subject = rand.Text() // 130 random bits
	}
	if !importable.MatchString(user.Subject) {
		return User{}, ErrSubject
	}
	now := time.Now().UTC().Truncate(time.Millisecond)
	a := account{
		V: accountVersion, Subject: user.Subject, Username: user.Username, Password: digest,
		Claims: user.Claims, Disabled: user.Disabled, CreatedAt: now, UpdatedAt: now,
	}
	if err := u.put(ctx, subjectKey(a.Subject), a.Subject, a); err != nil {
		return User{}, err
	}
	err := u.put(ctx, nameKey(a.Username), a.Subject, holder{V: accountVersion, Subject: a.Subject})
	if err != nil {
		// Without its name nobody can reach the account; that it stays if
		// this fails too does no harm.
		_ = u.storage.Delete(context.WithoutCancel(ctx), storage.KindUser, subjectKey(a.Subject))
		return User{}, err
	}
	return a.user(), nil
}

// put creates a record.
func (u *StoredUsers) put(ctx context.Context, key, subject string, value any) error {
	data, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("ui: encode user: %w", err)
	}
	_, err = u.storage.Create(ctx, storage.Record{Kind: storage.KindUser, Key: key, Subject: subject, Data: data})
	if errors.Is(err, storage.ErrExists) {
		return ErrUserExists
	}
	if err != nil {
		return fmt.Errorf("ui: create user: %w", err)
	}
	return nil
}

// byName finds an account by name. It reads two records whether or not there
// is one, so that the time it takes does not tell.
func (u *StoredUsers) byName(ctx context.Context, username string) (account, storage.Record, error) {
	h := holder{Subject: "nobody"}
	rec, err := u.storage.Get(ctx, storage.KindUser, nameKey(username[:min(len(username), maxUsername+1)]))
	if err == nil {
		err = decode(rec, &h)
	}
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return account{}, storage.Record{}, fmt.Errorf("ui: find user: %w", err)
	}
	a, rec, subjectErr := u.bySubject(ctx, h.Subject)
	if err != nil && subjectErr == nil {
		return account{}, storage.Record{}, ErrNoUser
	}
	return a, rec, subjectErr
}

// bySubject finds an account and its record, or ErrNoUser.
func (u *StoredUsers) bySubject(ctx context.Context, subject string) (account, storage.Record, error) {
	rec, err := u.storage.Get(ctx, storage.KindUser, subjectKey(subject))
	if errors.Is(err, storage.ErrNotFound) {
		return account{}, storage.Record{}, ErrNoUser
	}
	var a account
	if err == nil {
		err = decode(rec, &a)
	}
	if err != nil {
		return account{}, storage.Record{}, fmt.Errorf("ui: get user: %w", err)
	}
	return a, rec, nil
}

// decode reads a record of the one form there is.
func decode(rec storage.Record, into any) error {
	var form struct{ V int }
	if err := json.Unmarshal(rec.Data, &form); err != nil {
		return err
	}
	if form.V != accountVersion {
		return fmt.Errorf("record has version %d", form.V)
	}
	return json.Unmarshal(rec.Data, into)
}

// maxTries is how often a change is tried again when another came between.
const maxTries = 5

// change applies a change to an account, to its latest state.
func (u *StoredUsers) change(ctx context.Context, subject string, f func(*account)) error {
	for range maxTries {
		a, rec, err := u.bySubject(ctx, subject)
		if err != nil {
			return err
		}
		f(&a)
		a.UpdatedAt = time.Now().UTC().Truncate(time.Millisecond)
		if rec.Data, err = json.Marshal(a); err != nil {
			return fmt.Errorf("ui: encode user: %w", err)
		}
		switch _, err = u.storage.Replace(ctx, rec); {
		case err == nil:
			return nil
		case errors.Is(err, storage.ErrNotFound):
			return ErrNoUser
		case !errors.Is(err, storage.ErrConflict):
			return fmt.Errorf("ui: change user: %w", err)
		}
	}
	return fmt.Errorf("ui: change user: %w", storage.ErrConflict)
}
