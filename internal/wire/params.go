package wire

import (
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/seed36673005/authserver/oauth"
)

// A param is one pair of a form, decoded.
type param struct{ name, value string }

// decode splits and decodes a form or query of at most limit parameters. The
// number is known before anything is built, so what refuses too many costs one
// pass over the text.
func decode(encoded string, limit int) ([]param, *oauth.Error) {
	if encoded == "" {
		return nil, nil
	}
	// Some parsers split at semicolons and some do not: what one checks, the
	// other must not read differently.
	if strings.Contains(encoded, ";") {
		return nil, errEncoding
	}
	n := strings.Count(encoded, "&") + 1
	if n > limit {
		return nil, errTooManyParams
	}
	params := make([]param, 0, n)
	for pair := range strings.SplitSeq(encoded, "&") {
		if pair == "" {
			continue
		}
		p, ok := decodePair(pair)
		if !ok {
			return nil, errEncoding
		}
		params = append(params, p)
	}
	return params, nil
}

// decodePair decodes name=value. Both must be UTF-8, and the name not empty.
func decodePair(pair string) (param, bool) {
	name, value, _ := strings.Cut(pair, "=")
	name, err := url.QueryUnescape(name)
	if err != nil || name == "" || !utf8.ValidString(name) {
		return param{}, false
	}
	value, err = url.QueryUnescape(value)
	if err != nil || !utf8.ValidString(value) {
		return param{}, false
	}
	return param{name, value}, true
}

// values builds the map of what was sent with a value, each list a piece of
// one array. A name that was sent twice and is not of multi appears in
// duplicated and not in the map: neither value must be used.
func values(params []param, multi []string) (v url.Values, duplicated []string) {
	v = make(url.Values, len(params))
	seen := make([]string, 0, len(params))
	single := make([]string, len(params))
	for i, p := range params {
		if !slices.Contains(multi, p.name) {
			if slices.Contains(seen, p.name) {
				duplicated = append(duplicated, p.name)
				continue
			}
			seen = append(seen, p.name)
		}
		if !counts(p) {
			continue
		}
		if before, found := v[p.name]; found {
			v[p.name] = append(before, p.value)
			continue
		}
		single[i] = p.value
		v[p.name] = single[i : i+1 : i+1]
	}
	for _, name := range duplicated {
		delete(v, name)
	}
	slices.Sort(duplicated)
	return v, slices.Compact(duplicated)
}

// counts reports whether a parameter counts as sent. One without a value does
// not (RFC 6749 §3.1), except redirect_uri: falling back to a registered one
// would answer a request that was never made.
func counts(p param) bool { return p.value != "" || p.name == "redirect_uri" }

// hasControl reports whether a name or value has control characters that its
// grammar leaves out (RFC 6749 Appendix A).
func hasControl(params []param) bool {
	return slices.ContainsFunc(params, func(p param) bool {
		return strings.ContainsFunc(p.name, isControl) ||
			strings.ContainsFunc(p.value, func(c rune) bool { return isControl(c) && !mayHold(p.name, c) })
	})
}

// isControl reports whether c is a C0 control character or DEL.
func isControl(c rune) bool { return c < ' ' || c == 0x7f }

// mayHold reports whether a parameter may hold a white space control
// character: JSON may, and state comes back as it was.
func mayHold(name string, c rune) bool {
	switch name {
	case "state", "claims", "authorization_details":
		return c == '\t' || c == '\n' || c == '\r'
	case "username", "password": // UNICODECHARNOCRLF
		return c == '\t'
	}
	return false
}

// protocol is the parameters that must never come in the URL of a POST: they
// are secrets, or decide what is done.
var protocol = []string{
	"access_token", "acr_values", "assertion", "audience", "claims", "claims_locales", "client_assertion",
	"client_assertion_type", "client_id", "client_secret", "code", "code_challenge",
	"code_challenge_method", "code_verifier", "device_code", "display", "grant_type",
	"id_token_hint", "login_hint", "max_age", "nonce", "password", "prompt", "redirect_uri",
	"refresh_token", "registration", "request", "request_uri", "requested_token_type", "resource",
	"response_mode", "response_type", "scope", "state", "subject_token", "subject_token_type",
	"token", "token_type_hint", "ui_locales", "user_code", "username",
}

// checkQuery refuses the query of a POST that carries a parameter of the
// protocol. Others are the host's own (RFC 6749 §3.1, §3.2).
func checkQuery(rawQuery string, l Limits) *oauth.Error {
	params, err := decode(rawQuery, l.Params)
	if err != nil {
		return err
	}
	for _, p := range params {
		if slices.Contains(protocol, p.name) {
			return errQuery
		}
	}
	return nil
}
