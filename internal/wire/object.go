package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/seed36673005/authserver/oauth"
)

// maxDepth is how deeply objects and arrays may be nested.
const maxDepth = 20

// The refusals of a JSON body.
var (
	errJSONType = oauth.E(oauth.InvalidRequest, "Content-Type must be application/json in UTF-8").WithStatus(http.StatusUnsupportedMediaType)
	errJSON     = oauth.E(oauth.InvalidRequest, "the request body must be one JSON object in UTF-8, without members of the same name")
)

// JSONObject reads the JSON object that is the body of a request, of at most
// most bytes, as its members, none of which is parsed further. It refuses
// another media type or charset and an encoded body (415), a body past its
// limit (413) or not there in time (408), and with 400 what ParseObject does.
func JSONObject(w http.ResponseWriter, r *http.Request, most int64) (map[string]json.RawMessage, *oauth.Error) {
	if !isJSONType(r.Header) {
		return nil, errJSONType
	}
	if len(r.Header["Content-Encoding"]) > 0 {
		return nil, errContentEncoding
	}
	text, refused := readBody(w, r, Limits{Body: most})
	if refused != nil {
		return nil, refused
	}
	members, err := ParseObject([]byte(text))
	if err != nil {
		return nil, errJSON.Because(err)
	}
	return members, nil
}

// isJSONType reports whether there is one Content-Type and it is JSON's, in
// UTF-8.
func isJSONType(h http.Header) bool {
	types := h["Content-Type"]
	if len(types) != 1 {
		return false
	}
	mediaType, params, err := mime.ParseMediaType(types[0])
	if err != nil || mediaType != "application/json" {
		return false
	}
	charset, named := params["charset"]
	return !named || strings.EqualFold(charset, "utf-8")
}

// ParseObject is the members of a JSON object (RFC 8259 §4). Two parsers must
// not read it in two ways: it refuses members of the same name, in it or in
// anything within it, nesting deeper than 20, text that is not UTF-8, a byte
// order mark, and whatever follows the object.
func ParseObject(text []byte) (map[string]json.RawMessage, error) {
	if !utf8.Valid(text) {
		return nil, errors.New("wire: JSON is not UTF-8")
	}
	if trimmed := bytes.TrimLeft(text, " \t\r\n"); len(trimmed) == 0 || trimmed[0] != '{' {
		return nil, errors.New("wire: JSON is no object")
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber() // a number of a thousand digits is a number
	if err := checkValue(dec, 0); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("wire: JSON has something after its object")
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		return nil, fmt.Errorf("wire: %w", err)
	}
	return members, nil
}

// checkValue reads one value and checks its nesting and its names.
func checkValue(dec *json.Decoder, depth int) error {
	token, err := dec.Token()
	if err != nil {
		return fmt.Errorf("wire: %w", err)
	}
	delim, nested := token.(json.Delim)
	if !nested {
		return nil
	}
	if depth == maxDepth {
		return errors.New("wire: JSON is nested too deeply")
	}
	names := map[string]bool{}
	for dec.More() {
		if delim == '{' {
			if err := checkName(dec, names); err != nil {
				return err
			}
		}
		if err := checkValue(dec, depth+1); err != nil {
			return err
		}
	}
	if _, err := dec.Token(); err != nil { // the end of it
		return fmt.Errorf("wire: %w", err)
	}
	return nil
}

// checkName reads the name of a member, which must not have come before.
func checkName(dec *json.Decoder, names map[string]bool) error {
	token, err := dec.Token()
	if err != nil {
		return fmt.Errorf("wire: %w", err)
	}
	name, ok := token.(string)
	if !ok || names[name] {
		return errors.New("wire: JSON has two members of the same name")
	}
	names[name] = true
	return nil
}
