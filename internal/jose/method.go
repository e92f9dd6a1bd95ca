package jose

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"errors"

	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/seed36673005/authserver/keys"
)

// method is a signing method over crypto.Signer, so that a key may stay in a
// KMS or HSM; it verifies by the library's own. It is not registered with the
// library: that list belongs to the whole program.
type method struct {
	alg       string
	verify    jwt.SigningMethod
	signature int // bytes of a signature, or about that
	sign      func(signer crypto.Signer, input []byte) ([]byte, error)
}

var _ jwt.SigningMethod = (*method)(nil)

// The allow-list.
var (
	es256 = &method{keys.ES256, jwt.SigningMethodES256, 64, signES256}
	rs256 = &method{keys.RS256, jwt.SigningMethodRS256, 256, signRS256}
	eddsa = &method{keys.EdDSA, jwt.SigningMethodEdDSA, 64, signEdDSA}
)

// methodOf returns the method of an algorithm, by its exact name; nil if it
// is not on the list.
func methodOf(alg string) *method {
	switch alg {
	case keys.ES256:
		return es256
	case keys.RS256:
		return rs256
	case keys.EdDSA:
		return eddsa
	}
	return nil
}

// Alg is the name in the alg header.
func (m *method) Alg() string { return m.alg }

// Sign signs with a crypto.Signer.
func (m *method) Sign(input string, key any) ([]byte, error) {
	signer, ok := key.(crypto.Signer)
	if !ok || signer == nil {
		return nil, jwt.ErrInvalidKeyType
	}
	return m.sign(signer, []byte(input))
}

// Verify verifies with a public key of the method's algorithm and no other.
func (m *method) Verify(input string, signature []byte, key any) error {
	if alg, err := keys.AlgorithmOf(key); err != nil || alg != m.alg {
		return jwt.ErrInvalidKeyType
	}
	return m.verify.Verify(input, signature, key)
}

// signES256 signs and turns the ASN.1 that a crypto.Signer answers with into
// r and s side by side (RFC 7518 §3.4).
func signES256(signer crypto.Signer, input []byte) ([]byte, error) {
	digest := sha256.Sum256(input)
	der, err := signer.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		return nil, err
	}
	return rawSignature(der)
}

var errSignerAnswer = errors.New("the signer answered with something else than an ECDSA P-256 signature")

// rawSignature turns an ASN.1 ECDSA signature into 64 bytes.
func rawSignature(der []byte) ([]byte, error) {
	const size = 32
	var inner cryptobyte.String
	var r, s []byte
	input := cryptobyte.String(der)
	if !input.ReadASN1(&inner, asn1.SEQUENCE) || !input.Empty() ||
		!inner.ReadASN1Integer(&r) || !inner.ReadASN1Integer(&s) || !inner.Empty() ||
		len(r) > size || len(s) > size {
		return nil, errSignerAnswer
	}
	raw := make([]byte, 2*size)
	copy(raw[size-len(r):], r)
	copy(raw[2*size-len(s):], s)
	return raw, nil
}

func signRS256(signer crypto.Signer, input []byte) ([]byte, error) {
	digest := sha256.Sum256(input)
	return signer.Sign(rand.Reader, digest[:], crypto.SHA256)
}

// signEdDSA signs the input itself: crypto.Hash(0) is pure Ed25519.
func signEdDSA(signer crypto.Signer, input []byte) ([]byte, error) {
	return signer.Sign(rand.Reader, input, crypto.Hash(0))
}
