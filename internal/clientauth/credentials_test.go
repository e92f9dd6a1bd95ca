package clientauth

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver/oauth"
)

// basic is the header of RFC 6749 §2.3.1.
func basic(id, secret string) string {
	return rawBasic(url.QueryEscape(id) + ":" + url.QueryEscape(secret))
}

func rawBasic(decoded string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(decoded))
}

// request is a POST with Authorization headers.
func request(headers ...string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/token", nil)
	for _, h := range headers {
		r.Header.Add("Authorization", h)
	}
	return r
}

func form(pairs ...string) url.Values {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return v
}

func TestReadFindsTheOneMethod(t *testing.T) {
	const odd = "a:b%c+d e/é&="
	for name, c := range map[string]struct {
		request *http.Request
		form    url.Values
		want    Credentials
	}{
		"basic":                      {request(basic("c", "s")), nil, Credentials{"c", "s", oauth.AuthMethodBasic}},
		"scheme in lower case":       {request("b" + basic("c", "s")[1:]), nil, Credentials{"c", "s", oauth.AuthMethodBasic}},
		"basic with the same id":     {request(basic("c", "s")), form("client_id", "c"), Credentials{"c", "s", oauth.AuthMethodBasic}},
		"post":                       {request(), form("client_id", "c", "client_secret", "s"), Credentials{"c", "s", oauth.AuthMethodPost}},
		"none":                       {request(), form("client_id", "c"), Credentials{"c", "", oauth.AuthMethodNone}},
		"CA-08":                      {request(basic(odd, odd)), nil, Credentials{odd, odd, oauth.AuthMethodBasic}},
		"M42 empty secret":           {request(basic("c", "")), nil, Credentials{"c", "", oauth.AuthMethodNone}},
		"M42 empty secret, with id":  {request(basic("c", "")), form("client_id", "c"), Credentials{"c", "", oauth.AuthMethodNone}},
		"M42 empty ones in the body": {request(basic("c", "s")), form("client_id", "", "client_secret", ""), Credentials{"c", "s", oauth.AuthMethodBasic}},
	} {
		t.Run(name, func(t *testing.T) {
			got, refusal := Read(c.request, c.form)
			require.Nil(t, refusal)
			require.Equal(t, c.want, got)
		})
	}
}

func TestReadRefuses(t *testing.T) {
	inURL := func(query string) *http.Request {
		r := request()
		r.URL.RawQuery = query
		return r
	}
	withAssertion := func(kind, assertion string, more ...string) url.Values {
		return form(append(more, "client_assertion_type", kind, "client_assertion", assertion)...)
	}
	secret := form("client_id", "c", "client_secret", "s")
	id := form("client_id", "c")
	for name, c := range map[string]struct {
		request *http.Request
		form    url.Values
		code    oauth.Code
	}{
		"CA-01 nothing":                 {request(), nil, oauth.InvalidClient},
		"CA-04 basic and post":          {request(basic("c", "s")), secret, oauth.InvalidRequest},
		"CA-04 basic and assertion":     {request(basic("c", "s")), withAssertion(assertionType, "a"), oauth.InvalidRequest},
		"CA-04 post and assertion":      {request(), withAssertion(assertionType, "a", "client_id", "c", "client_secret", "s"), oauth.InvalidRequest},
		"CA-04 empty basic and post":    {request(basic("c", "")), secret, oauth.InvalidRequest},
		"CA-05":                         {request(basic("a", "s")), form("client_id", "b"), oauth.InvalidRequest},
		"CA-05 empty secret":            {request(basic("a", "")), form("client_id", "b"), oauth.InvalidRequest},
		"CA-07 no colon":                {request(rawBasic("c")), nil, oauth.InvalidClient},
		"CA-07 bad base64":              {request("Basic ?"), nil, oauth.InvalidClient},
		"CA-07 base64 with line feed":   {request("Basic Yzp\nz"), nil, oauth.InvalidClient},
		"CA-07 nothing":                 {request("Basic"), nil, oauth.InvalidClient},
		"CA-07 empty header":            {request(""), nil, oauth.InvalidClient},
		"CA-07 empty user":              {request(rawBasic(":s")), nil, oauth.InvalidClient},
		"CA-07 1 MiB":                   {request(basic("c", strings.Repeat("s", 1<<20))), nil, oauth.InvalidClient},
		"CA-07 not UTF-8":               {request(rawBasic("c:\xff")), nil, oauth.InvalidClient},
		"CA-07 not UTF-8, encoded":      {request(rawBasic("c:%ff")), nil, oauth.InvalidClient},
		"CA-07 broken encoding":         {request(rawBasic("c:%g")), nil, oauth.InvalidClient},
		"CA-07 control character":       {request(rawBasic("c%00:s")), nil, oauth.InvalidClient},
		"CA-11":                         {inURL("client_secret=s"), id, oauth.InvalidRequest},
		"CA-11 encoded":                 {inURL("client%5Fsecret=s"), id, oauth.InvalidRequest},
		"CA-11 not to be read for sure": {inURL("a;client_secret=s"), id, oauth.InvalidRequest},
		"CA-11 long":                    {inURL(strings.Repeat("a&", 8<<10)), id, oauth.InvalidRequest},
		"CA-13":                         {request(basic("c", "s"), basic("c", "s")), nil, oauth.InvalidRequest},
		"CA-13 CR LF":                   {request(basic("c", "s") + "\r\nX: y"), nil, oauth.InvalidClient},
		"CA-31 no type":                 {request(), form("client_id", "c", "client_assertion", "a"), oauth.InvalidRequest},
		"CA-31 unknown type":            {request(), withAssertion("x", "a"), oauth.InvalidRequest},
		"CA-31 no assertion":            {request(), form("client_id", "c", "client_assertion_type", assertionType), oauth.InvalidRequest},
		"assertion":                     {request(), withAssertion(assertionType, "a"), oauth.InvalidClient},
		"another scheme":                {request("Bearer abc"), id, oauth.InvalidClient},
		"secret without client_id":      {request(), form("client_secret", "s"), oauth.InvalidRequest},
		"long client_id":                {request(), form("client_id", strings.Repeat("c", 3<<10)), oauth.InvalidClient},
		"long client_id in the header":  {request(basic(strings.Repeat("c", 3<<10), "s")), nil, oauth.InvalidClient},
	} {
		t.Run(name, func(t *testing.T) {
			got, refusal := Read(c.request, c.form)
			require.NotNil(t, refusal)
			require.Equal(t, c.code, refusal.Code)
			require.Zero(t, got)
			require.Regexp(t, `^[ !#-\[\]-~]+$`, refusal.Description)
		})
	}
}

func TestCredentialsPrintWithoutTheSecret(t *testing.T) {
	c := Credentials{"c", "very secret", oauth.AuthMethodPost}
	require.Equal(t, "c by client_secret_post", fmt.Sprint(c))
	require.NotContains(t, fmt.Sprintf("%v %+v %s", c, c, c), "very")
}

func FuzzRead(f *testing.F) {
	f.Add(basic("c", "s"), "", "client_id=c")
	f.Add("", "client_secret=x", "client_id=c&client_secret=s")
	f.Add("Basic \xff", "a;b", "client_assertion=x")
	f.Add(rawBasic("c:"), "tenant=1", "")
	f.Fuzz(func(t *testing.T, header, query, body string) {
		v, err := url.ParseQuery(body)
		if err != nil {
			return
		}
		r := request()
		if header != "" {
			r.Header["Authorization"] = []string{header}
		}
		r.URL.RawQuery = query
		got, refusal := Read(r, v)
		if refusal != nil {
			require.Zero(t, got)
			require.Less(t, refusal.HTTPStatus(), 500)
			return
		}
		require.NotEmpty(t, got.ClientID)
		require.Equal(t, got.Secret == "", got.Method == oauth.AuthMethodNone)
	})
}
