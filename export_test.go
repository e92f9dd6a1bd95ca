package authserver

import "testing"

// ReplaceUserCodes makes the server draw user codes with f until the test
// ends.
func ReplaceUserCodes(t testing.TB, f func() (string, error)) {
	before := newUserCode
	newUserCode = f
	t.Cleanup(func() { newUserCode = before })
}
