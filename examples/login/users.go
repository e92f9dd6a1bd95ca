package main

import (
	"context"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"

	"github.com/seed36673005/authserver"
)

// iterations of PBKDF2 with SHA-256.
const iterations = 600_000

// users are the host's own, by name.
type users map[string]user

type user struct {
	subject    string
	salt, hash []byte
}

// nobody is checked in place of a user who does not exist, so that the answer
// takes as long.
var nobody = newUser("", rand.Text())

func newUsers(passwords map[string]string) users {
	u := users{}
	for name, password := range passwords {
		u[name] = newUser("user-"+name, password)
	}
	return u
}

func newUser(subject, password string) user {
	salt := []byte(rand.Text())
	return user{subject, salt, hash(password, salt)}
}

func hash(password string, salt []byte) []byte {
	key, err := pbkdf2.Key(sha256.New, password, salt, iterations, sha256.Size)
	if err != nil {
		panic(err) // the parameters are constants
	}
	return key
}

// check returns the subject of a user who gave the right password.
func (u users) check(name, password string) (subject string, ok bool) {
	found, exists := u[name]
	if !exists {
		found = nobody
	}
	right := subtle.ConstantTimeCompare(hash(password, found.salt), found.hash) == 1
	return found.subject, right && exists
}

// claims tells what is known of a user: here, the name they log in with.
func (u users) claims(_ context.Context, subject string, _ []string) (map[string]json.RawMessage, error) {
	for name, user := range u {
		if user.subject == subject {
			quoted, err := json.Marshal(name)
			return map[string]json.RawMessage{"preferred_username": quoted}, err
		}
	}
	return nil, authserver.ErrSubjectGone
}
