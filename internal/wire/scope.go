package wire

import (
	"slices"
	"strings"
)

// The most a scope parameter may hold.
const (
	maxScopeBytes  = 1 << 10
	maxScopeValues = 50
)

// ScopeList splits a scope parameter at its spaces (RFC 6749 §3.3): each value
// once, in order, its case kept. It is false for characters outside the
// grammar, more than 1 KiB or more than 50 values. The empty string has no
// values.
func ScopeList(s string) ([]string, bool) {
	if len(s) > maxScopeBytes || strings.ContainsFunc(s, notScope) {
		return nil, false
	}
	var scopes []string
	for scope := range strings.SplitSeq(s, " ") {
		if scope == "" || slices.Contains(scopes, scope) {
			continue
		}
		if len(scopes) == maxScopeValues {
			return nil, false
		}
		scopes = append(scopes, scope)
	}
	return scopes, true
}

// notScope reports whether c may stand neither in a scope-token nor between
// two.
func notScope(c rune) bool { return c < ' ' || c > '~' || c == '"' || c == '\\' }
