package authserver

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/url"

	"github.com/seed36673005/authserver/keys"
	"github.com/seed36673005/authserver/oauth"
)

// subjectFor is the sub that a client is told of an end user: the subject
// itself, or one that clients of another sector cannot match with theirs
// (OpenID Connect Core §8.1).
func subjectFor(c *oauth.Client, set *keys.Set, subject string) (string, error) {
	if c.SubjectType != oauth.SubjectPairwise {
		return subject, nil
	}
	sector, err := sectorOf(c)
	if err != nil {
		return "", err
	}
	key := set.Derive("pairwise subject")
	mac := hmac.New(sha256.New, key[:])
	mac.Write([]byte(sector))
	mac.Write([]byte{0})
	mac.Write([]byte(subject))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)), nil
}

var errSector = errors.New("authserver: pairwise client without one sector: it needs a sector_identifier_uri")

// sectorOf is the host of the sector identifier, or the one host of all
// redirect URIs (OpenID Connect Core §8.1).
func sectorOf(c *oauth.Client) (string, error) {
	uris := c.RedirectURIs
	if c.SectorIdentifierURI != "" {
		uris = []string{c.SectorIdentifierURI}
	}
	sector := ""
	for _, uri := range uris {
		u, err := url.Parse(uri)
		if err != nil || u.Hostname() == "" || (sector != "" && u.Hostname() != sector) {
			return "", errSector
		}
		sector = u.Hostname()
	}
	if sector == "" {
		return "", errSector
	}
	return sector, nil
}
