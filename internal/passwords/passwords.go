// Package passwords hashes and verifies what people chose: argon2id for new
// digests, bcrypt and PBKDF2 for imported ones, never more at once than the
// machine has processors.
//
// It owns no accounts and counts no attempts; secrets that the server made
// need no slow hash and do not come here.
package passwords

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"unicode/utf8"

	"github.com/go-crypt/crypt"
	"github.com/go-crypt/crypt/algorithm"
	"github.com/go-crypt/crypt/algorithm/argon2"
	"github.com/go-crypt/crypt/algorithm/bcrypt"
	"github.com/go-crypt/crypt/algorithm/pbkdf2"
	"golang.org/x/text/secure/precis"
)

// MaxLength is the most bytes of UTF-8 a password may have.
const MaxLength = 1024

// queued is how many calls may wait for each processor; more are turned away,
// so that a flood of guesses cannot pile up.
const queued = 64

var (
	// ErrUnusable says that a password cannot be hashed: it is empty, longer
	// than MaxLength, no UTF-8, or has control characters.
	ErrUnusable = errors.New("passwords: password is empty, too long or has characters that cannot be used")
	// ErrBusy says that too many calls are waiting already.
	ErrBusy = errors.New("passwords: too many hashes are waiting")
)

// A Pool hashes and verifies with bounded parallelism. Its methods wait for
// their turn as long as their context lasts, and may be called from many
// goroutines at once.
type Pool struct {
	slots   chan struct{} // one for each hash that runs
	room    chan struct{} // one for each call that runs or waits
	hasher  *argon2.Hasher
	decoder *crypt.Decoder
	current string // what a digest with the current parameters begins with
	dummy   algorithm.Digest
}

// cost is the parameters of argon2id: memory in KiB, passes and lanes.
type cost struct {
	memory        uint32
	passes, lanes int
}

// NewPool returns a Pool for all processors, with argon2id at 19 MiB, two
// passes and one lane (the first recommendation of the OWASP password storage
// guide; about 20 ms).
func NewPool() *Pool {
	return newPool(cost{memory: 19 * 1024, passes: 2, lanes: 1}, runtime.GOMAXPROCS(0))
}

func newPool(c cost, workers int) *Pool {
	hasher, err := argon2.New(argon2.WithVariantID(), argon2.WithM(c.memory), argon2.WithT(c.passes), argon2.WithP(c.lanes))
	must(err)
	must(hasher.Validate())
	dummy, err := hasher.Hash("no account has this password")
	must(err)
	encoded := dummy.Encode()
	return &Pool{
		slots:   make(chan struct{}, workers),
		room:    make(chan struct{}, workers*(1+queued)),
		hasher:  hasher,
		decoder: newDecoder(),
		current: encoded[:strings.LastIndexByte(encoded[:strings.LastIndexByte(encoded, '$')], '$')+1],
		dummy:   dummy,
	}
}

// newDecoder understands the three algorithms and no other.
func newDecoder() *crypt.Decoder {
	d := crypt.NewDecoder()
	must(argon2.RegisterDecoderArgon2id(d))
	must(bcrypt.RegisterDecoder(d))
	must(pbkdf2.RegisterDecoder(d))
	return d
}

// must is for what depends on constants of this package alone.
func must(err error) {
	if err != nil {
		panic("passwords: " + err.Error())
	}
}

// Hash returns the digest of a password as a PHC string, or ErrUnusable,
// ErrBusy, or the context's error.
func (p *Pool) Hash(ctx context.Context, password string) (string, error) {
	if !acceptable(password) {
		return "", ErrUnusable
	}
	prepared, err := precis.OpaqueString.String(password)
	if err != nil {
		return "", ErrUnusable
	}
	var encoded string
	err = p.run(ctx, func() error {
		digest, err := p.hasher.Hash(prepared)
		if err != nil {
			return fmt.Errorf("passwords: %w", err)
		}
		encoded = digest.Encode()
		return nil
	})
	return encoded, err
}

// Verify reports whether a password belongs to a digest, and whether the
// digest should be replaced by one that Hash makes of it now. A password that
// Hash would never take is wrong at once. An error means that it could not
// tell: ErrBusy, the context's error, or a digest that is not understood.
func (p *Pool) Verify(ctx context.Context, encoded, password string) (ok, rehash bool, err error) {
	digest, err := p.decoder.Decode(encoded)
	if err != nil {
		// The cause would quote the digest.
		return false, false, errors.New("passwords: digest is not understood")
	}
	if !acceptable(password) {
		return false, false, nil
	}
	// Whoever made an imported digest hashed what was typed.
	if strings.HasPrefix(encoded, "$argon2id$") {
		password = prepare(password)
	}
	err = p.run(ctx, func() error {
		ok, err = digest.MatchAdvanced(password)
		return err
	})
	if err != nil {
		return false, false, fmt.Errorf("passwords: %w", err)
	}
	return ok, ok && !strings.HasPrefix(encoded, p.current), nil
}

// Equalize takes as long as Verify does for a wrong password, for accounts
// that do not exist.
func (p *Pool) Equalize(ctx context.Context, password string) error {
	if !acceptable(password) {
		return nil
	}
	return p.run(ctx, func() error {
		p.dummy.Match(prepare(password))
		return nil
	})
}

// run calls work when it is its turn.
func (p *Pool) run(ctx context.Context, work func() error) error {
	select {
	case p.room <- struct{}{}:
		defer func() { <-p.room }()
	default:
		return ErrBusy
	}
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if ctx.Err() != nil { // select chooses at random when both are ready
		return context.Cause(ctx)
	}
	return work()
}

// acceptable reports whether a password may cost anything at all.
func acceptable(password string) bool {
	return password != "" && len(password) <= MaxLength &&
		!strings.Contains(password, "\x00") && utf8.ValidString(password)
}

// prepare brings the ways to type one password into one form (RFC 8265 §4.2).
// A password without such a form is left as it is, and belongs to no digest.
func prepare(password string) string {
	prepared, err := precis.OpaqueString.String(password)
	if err != nil {
		return password
	}
	return prepared
}
