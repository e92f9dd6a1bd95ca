package wire

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestParseObject(t *testing.T) {
	members, err := ParseObject([]byte(" {\"a\": [1, {\"b\": null}], \"c\": \"é\", \"n\": 1e400}\n"))
	require.NoError(t, err)
	require.Equal(t, map[string]json.RawMessage{
		"a": json.RawMessage(`[1, {"b": null}]`), "c": json.RawMessage(`"é"`), "n": json.RawMessage(`1e400`),
	}, members)
	_, err = ParseObject([]byte(strings.Repeat(`{"a":`, maxDepth) + "1" + strings.Repeat("}", maxDepth)))
	require.NoError(t, err)

	for name, text := range map[string]string{
		"empty": "", "space": " \n", "array": "[]", "string": `"a"`, "null": "null",
		"cut": `{"a":1`, "no value": `{"a"}`, "no name": `{1:1}`, "comma": `{"a":1,}`, "single quotes": `{'a':1}`,
		"two names": `{"a":1,"a":1}`, "two names, escaped": `{"a":1,"\u0061":1}`, "two names, nested": `{"a":[{"b":1,"b":2}]}`,
		"trailing": `{} {}`, "trailing brace": `{}}`, "trailing text": `{}x`,
		"deep objects": strings.Repeat(`{"a":`, maxDepth+1) + "1" + strings.Repeat("}", maxDepth+1),
		"deep arrays":  `{"a":` + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + "}",
		"NaN":          `{"a":NaN}`, "Infinity": `{"a":Infinity}`, "hex": `{"a":0x1}`, "comment": `{/**/}`,
		"BOM": "\ufeff{}", "UTF-16": "\xff\xfe{\x00}\x00", "not UTF-8": "{\"a\":\"\xff\"}", "NUL": "{}\x00", "control": "{\"a\":\"\x01\"}",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseObject([]byte(text))
			require.Error(t, err)
		})
	}
}

func TestJSONObject(t *testing.T) {
	read := func(body string, edit func(*http.Request)) int {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		if edit != nil {
			edit(r)
		}
		_, refused := JSONObject(httptest.NewRecorder(), r, 64)
		if refused == nil {
			return http.StatusOK
		}
		return refused.HTTPStatus()
	}
	contentType := func(types ...string) func(*http.Request) {
		return func(r *http.Request) { r.Header["Content-Type"] = types }
	}
	require.Equal(t, 200, read(`{}`, nil))
	require.Equal(t, 200, read(`{}`, contentType("application/json; charset=UTF-8")))
	require.Equal(t, 415, read(`{}`, contentType("text/json")))
	require.Equal(t, 415, read(`{}`, contentType("application/json; charset=utf-16")))
	require.Equal(t, 415, read(`{}`, contentType("application/json", "application/json")))
	require.Equal(t, 415, read(`{}`, contentType()))
	require.Equal(t, 415, read(`{}`, func(r *http.Request) { r.Header.Set("Content-Encoding", "gzip") }))
	require.Equal(t, 413, read(`{"a":"`+strings.Repeat("a", 64)+`"}`, nil))
	require.Equal(t, 413, read(`{"a":"`+strings.Repeat("a", 64)+`"}`, func(r *http.Request) { r.ContentLength = -1 }))
	require.Equal(t, 400, read(`[]`, nil))
}

// What is accepted is JSON that encoding/json reads the same again.
func FuzzParseObject(f *testing.F) {
	for _, seed := range []string{`{}`, `{"a":[1,{"b":null}]}`, `{"a":1,"a":2}`, "\ufeff{}", `{"\ud800":1}`, strings.Repeat("[", 30)} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		members, err := ParseObject(text)
		if err != nil {
			return
		}
		require.True(t, utf8.Valid(text))
		again, err := json.Marshal(members)
		require.NoError(t, err)
		twice, err := ParseObject(again)
		require.NoError(t, err)
		require.Len(t, twice, len(members))
	})
}
