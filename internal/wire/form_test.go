package wire

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver/oauth"
)

// post is a POST of a form body.
func post(target, body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, target, strings.NewReader(body))
	r.Header.Set("Content-Type", formType)
	return r
}

// read calls Form with the default limits.
func read(r *http.Request) (*httptest.ResponseRecorder, url.Values, *oauth.Error) {
	w := httptest.NewRecorder()
	v, err := Form(w, r, DefaultLimits, "resource", "audience")
	return w, v, err
}

func requireStatus(t *testing.T, status int, err *oauth.Error) {
	t.Helper()
	require.NotNil(t, err)
	require.Equal(t, oauth.InvalidRequest, err.Code)
	require.Equal(t, status, err.HTTPStatus())
	require.Equal(t, err.Description, Description(err.Description))
}

func TestFormReadsParameters(t *testing.T) {
	r := post("/token?tenant=1", "grant_type=authorization_code&code=a%2Bb+c&resource=https%3A%2F%2Fa&resource=https%3A%2F%2Fb&scope=&redirect_uri=&x=%C3%A9&")
	_, v, err := read(r)
	require.Nil(t, err)
	require.Equal(t, url.Values{
		"grant_type": {"authorization_code"}, "code": {"a+b c"}, "x": {"é"},
		"resource": {"https://a", "https://b"}, "redirect_uri": {""},
	}, v)
	v.Add("code", "another")
	require.Equal(t, []string{"authorization_code"}, v["grant_type"], "lists do not share memory")
}

func TestFormMediaTypes(t *testing.T) {
	for contentType, status := range map[string]int{
		formType:                            0,
		formType + "; charset=utf-8":        0,
		formType + `;charset="UTF-8"`:       0,
		"Application/X-WWW-Form-Urlencoded": 0,
		// TK-02
		formType + "; charset=utf-16":      415,
		formType + "; charset=iso-8859-1":  415,
		formType + "; charset":             415,
		"application/json":                 415,
		"multipart/form-data; boundary=x":  415,
		"text/plain":                       415,
		"":                                 415,
		formType + ", application/json":    415,
		"application/x-www-form-urlencode": 415,
	} {
		r := post("/token", "a=b")
		r.Header.Set("Content-Type", contentType)
		_, _, err := read(r)
		if status == 0 {
			require.Nil(t, err, contentType)
		} else {
			requireStatus(t, status, err)
		}
	}
	for name, header := range map[string]http.Header{
		"missing":   {},
		"two types": {"Content-Type": {formType, formType}},
		"TK-11":     {"Content-Type": {formType}, "Content-Encoding": {"gzip"}},
		"identity":  {"Content-Type": {formType}, "Content-Encoding": {"identity"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := post("/token", "a=b")
			r.Header = header
			_, _, err := read(r)
			requireStatus(t, 415, err)
		})
	}
}

func TestTK01OtherMethods(t *testing.T) {
	for _, method := range []string{"GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "post"} {
		r := post("/token", "a=b")
		r.Method = method
		w, _, err := read(r)
		requireStatus(t, 405, err)
		require.Equal(t, "POST", w.Header().Get("Allow"))
	}
}

func TestTK03ParametersInTheQuery(t *testing.T) {
	require.True(t, slices.IsSorted(protocol))
	for _, name := range protocol {
		_, _, err := read(post("/token?"+name+"=x", "a=b"))
		requireStatus(t, 400, err)
	}
	for _, query := range []string{"client%5Fsecret=x", "client_secret", "code=", "a;client_secret=x", "%zz=1", "a=%ff", strings.Repeat("a&", 100)} {
		_, _, err := read(post("/token?"+query, "a=b"))
		requireStatus(t, 400, err)
	}
	_, _, err := read(post("/token?"+strings.Repeat("x", 17<<10), "a=b"))
	requireStatus(t, 414, err)
}

func TestFormRefusesBodies(t *testing.T) {
	for name, body := range map[string]string{
		"TK-04 twice":              "a=b&c=d&a=b",
		"TK-04 twice, one empty":   "a=&a=b",
		"TK-04 twice, encoded":     "a=b&%61=b",
		"TK-08 empty":              "",
		"TK-08 separators only":    "&&&",
		"TK-08 broken encoding":    "a=%zz",
		"TK-08 cut encoding":       "a=%4",
		"TK-08 broken in the name": "%g=1",
		"TK-08 semicolon":          "a=b;c=d",
		"TK-08 NUL":                "a=b%00",
		"TK-08 raw NUL":            "a=\x00",
		"TK-08 control":            "a=%1b[31m",
		"TK-08 DEL":                "a=%7f",
		"TK-08 LF":                 "a=b%0ac",
		"TK-08 control in name":    "a%0d=b",
		"TK-08 NUL in state":       "state=%00",
		"invalid UTF-8":            "a=%ff",
		"invalid UTF-8 name":       "%c3=1",
		"raw invalid UTF-8":        "a=\xc3",
		"empty name":               "=b",
		"65 parameters":            strings.Repeat("&a", 65)[1:],
	} {
		t.Run(name, func(t *testing.T) {
			_, v, err := read(post("/token", body))
			requireStatus(t, 400, err)
			require.Nil(t, v)
		})
	}
}

func TestFormWhiteSpaceWhereItsGrammarHasIt(t *testing.T) {
	_, v, err := read(post("/par", "claims=%7B%0A%09%7D&state=a%0D%0Ab&password=a%09b"))
	require.Nil(t, err)
	require.Equal(t, url.Values{"claims": {"{\n\t}"}, "state": {"a\r\nb"}, "password": {"a\tb"}}, v)
	_, _, err = read(post("/token", "password=a%0Ab"))
	requireStatus(t, 400, err)
}

// TK-09: over the limit, with or without a length.
func TestTK09LargeBodies(t *testing.T) {
	w, _, err := read(post("/token", "a="+strings.Repeat("x", 10<<20)))
	requireStatus(t, 413, err)
	require.Equal(t, "close", w.Header().Get("Connection"))

	r := post("/token", "")
	r.Body, r.ContentLength = io.NopCloser(endless{}), -1
	_, _, err = read(r)
	requireStatus(t, 413, err)

	exact := "a=" + strings.Repeat("x", int(DefaultLimits.Body)-2)
	_, v, err := read(post("/token", exact))
	require.Nil(t, err)
	require.Len(t, v.Get("a"), len(exact)-2)
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return copy(p, bytes.Repeat([]byte("x"), len(p))), nil }

func TestBodyCutShort(t *testing.T) {
	r := post("/token", "a=b")
	r.ContentLength = 10
	_, _, err := read(r)
	requireStatus(t, 400, err)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	r = post("/token", "")
	r.Body = nil
	_, _, err = read(r)
	requireStatus(t, 400, err)
}

// TK-10: 10,000 parameters are refused within 20 ms.
func TestTK10ManyParameters(t *testing.T) {
	var b strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&b, "p%d=%d&", i, i)
	}
	fastest := time.Hour
	for range 5 {
		r := post("/token", b.String())
		l := DefaultLimits
		l.Body = 1 << 20
		start := time.Now()
		_, err := Form(httptest.NewRecorder(), r, l)
		fastest = min(fastest, time.Since(start))
		requireStatus(t, 400, err)
	}
	require.Less(t, fastest, 20*time.Millisecond)
}

func TestFormAllocations(t *testing.T) {
	const body = "grant_type=client_credentials&scope=api.read"
	reader := strings.NewReader(body)
	r := post("/token", body)
	r.Body = io.NopCloser(reader)
	w := httptest.NewRecorder()
	allocs := testing.AllocsPerRun(100, func() {
		reader.Reset(body)
		if _, err := Form(w, r, DefaultLimits); err != nil {
			t.Fatal(err)
		}
	})
	require.LessOrEqual(t, allocs, 9.0)
}

func FuzzForm(f *testing.F) {
	f.Add("", "grant_type=authorization_code&code=x&redirect_uri=https%3A%2F%2Fa%2Fcb")
	f.Add("tenant=1", "resource=a&resource=b")
	f.Add("client_secret=x", "a=%00")
	f.Add("%zz", "a;b&=&%ff=%c3")
	f.Fuzz(func(t *testing.T, query, body string) {
		r := post("/token", body)
		r.URL.RawQuery = query
		_, v, err := read(r)
		if err != nil {
			require.Nil(t, v)
			require.GreaterOrEqual(t, err.HTTPStatus(), 400)
			require.Less(t, err.HTTPStatus(), 500)
			return
		}
		std, stdErr := url.ParseQuery(body)
		require.NoError(t, stdErr)
		for name, vs := range v {
			require.Equal(t, std[name][:len(vs)], vs)
			require.True(t, utf8.ValidString(name+strings.Join(vs, "")))
			require.True(t, len(vs) == 1 || name == "resource" || name == "audience")
			require.NotContains(t, name+strings.Join(vs, ""), "\x00")
		}
	})
}

func TestHeaderLimits(t *testing.T) {
	for name, c := range map[string]struct {
		header http.Header
		status int
	}{
		"usual":            {http.Header{"Cookie": {strings.Repeat("c", 8<<10)}, "Accept": {"a", "b"}}, 0},
		"one large field":  {http.Header{"Cookie": {strings.Repeat("c", 33<<10)}}, 431},
		"one field often":  {http.Header{"Accept": slices.Repeat([]string{"a"}, 1000)}, 431},
		"large all in all": {http.Header{"Accept": slices.Repeat([]string{strings.Repeat("a", 400)}, 100)}, 431},
	} {
		t.Run("HG-06 "+name, func(t *testing.T) {
			err := Admit(httptest.NewRecorder(), &http.Request{Header: c.header}, DefaultLimits)
			if c.status == 0 {
				require.Nil(t, err)
				return
			}
			requireStatus(t, c.status, err)
		})
	}
}

// A slow connection, as a host's server without timeouts would let it be.
func TestFormWaitsNoLongerThanItsContext(t *testing.T) {
	statuses := make(chan int, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 50*time.Millisecond)
		defer cancel()
		_, err := Form(w, r.WithContext(ctx), DefaultLimits)
		statuses <- err.HTTPStatus()
		Error(w, r, err, "", "")
	}))
	t.Cleanup(server.Close)
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", server.Listener.Addr().String())
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	_, err = fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: 100\r\n\r\na=b", formType)
	require.NoError(t, err)
	answer, err := io.ReadAll(conn) // to its end: the connection is closed
	require.NoError(t, err)
	require.Equal(t, 408, <-statuses)
	require.Contains(t, string(answer), "HTTP/1.1 408 ")
}
