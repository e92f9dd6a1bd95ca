package jose

import (
	"encoding/json"
	"errors"
	"slices"
	"unicode/utf8"
)

// member is one member of a JSON object, its value still JSON.
type member struct {
	name  string
	value []byte
}

var (
	errNotObject = errors.New("not a JSON object")
	errNotString = errors.New("not a string")
	errDuplicate = errors.New("a member twice")
)

// members returns the members of a JSON object as they stand, so that names
// are compared exactly: encoding/json takes "ALG" for "alg", and of two
// members with one name the last (RFC 7515 §4 and RFC 7519 §4 let us refuse
// them). Objects inside may not repeat a name either.
func members(object []byte) ([]member, error) {
	if !json.Valid(object) || !utf8.Valid(object) {
		return nil, errNotObject
	}
	s := scanner{rest: object}
	if s.peek() != '{' {
		return nil, errNotObject
	}
	return s.object()
}

// scanner walks over JSON that is known to be valid.
type scanner struct{ rest []byte }

// peek returns the next byte that is not white space, and leaves it there.
func (s *scanner) peek() byte {
	for s.rest[0] == ' ' || s.rest[0] == '\t' || s.rest[0] == '\n' || s.rest[0] == '\r' {
		s.rest = s.rest[1:]
	}
	return s.rest[0]
}

// next returns what peek would, and steps over it.
func (s *scanner) next() byte {
	c := s.peek()
	s.rest = s.rest[1:]
	return c
}

// object reads an object.
func (s *scanner) object() ([]member, error) {
	var found []member
	s.next() // {
	if s.peek() == '}' {
		s.next()
		return found, nil
	}
	for {
		name, err := unquote(s.string())
		if err != nil {
			return nil, err
		}
		s.next() // :
		s.peek()
		before := s.rest
		if err := s.value(); err != nil {
			return nil, err
		}
		found = append(found, member{name, before[:len(before)-len(s.rest)]})
		if s.next() == '}' {
			return found, unique(found)
		}
	}
}

// value steps over a value of any kind.
func (s *scanner) value() error {
	switch s.peek() {
	case '{':
		_, err := s.object()
		return err
	case '[':
		return s.array()
	case '"':
		s.string()
	default:
		for len(s.rest) > 0 && !ends(s.rest[0]) {
			s.rest = s.rest[1:]
		}
	}
	return nil
}

// array steps over an array.
func (s *scanner) array() error {
	s.next() // [
	if s.peek() == ']' {
		s.next()
		return nil
	}
	for {
		if err := s.value(); err != nil {
			return err
		}
		if s.next() == ']' {
			return nil
		}
	}
}

// string reads a string, with its quotes.
func (s *scanner) string() []byte {
	s.peek()
	for i := 1; ; i++ {
		switch s.rest[i] {
		case '\\':
			i++
		case '"':
			quoted := s.rest[:i+1]
			s.rest = s.rest[i+1:]
			return quoted
		}
	}
}

// ends reports whether c ends a number or a word.
func ends(c byte) bool {
	switch c {
	case ',', ']', '}', ' ', '\t', '\n', '\r':
		return true
	}
	return false
}

// text decodes a value that must be a string.
func text(value []byte) (string, error) {
	if value[0] != '"' {
		return "", errNotString
	}
	return unquote(value)
}

// unquote decodes a JSON string.
func unquote(quoted []byte) (string, error) {
	if !slices.Contains(quoted, '\\') {
		return string(quoted[1 : len(quoted)-1]), nil
	}
	var s string
	err := json.Unmarshal(quoted, &s)
	return s, err
}

// unique refuses members with one name.
func unique(found []member) error {
	names := make([]string, len(found))
	for i, m := range found {
		names[i] = m.name
	}
	slices.Sort(names)
	if len(slices.Compact(names)) < len(found) {
		return errDuplicate
	}
	return nil
}
