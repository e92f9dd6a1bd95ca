package admin

import (
	"errors"
	"net/url"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/seed36673005/authserver/clientreg"
	"github.com/seed36673005/authserver/oauth"
)

// The most of a page of the API, and what there is of the console.
const (
	maxLimit     = 1000
	consoleLimit = 25
	maxQueryText = 200 // bytes
)

// errBadQuery says that a list was asked for in words that nothing is called.
var errBadQuery = errors.New("admin: a parameter of the query is not understood")

var (
	types  = []oauth.ClientType{oauth.TypeOAuth2, oauth.TypeOpenID, oauth.TypeOAuth1}
	states = []oauth.ClientState{oauth.StatePending, oauth.StateApproved, oauth.StateDisapproved}
	// sortKeys by what addresses call them.
	sortKeys = map[string]clientreg.SortKey{
		"": clientreg.SortName, "name": clientreg.SortName, "id": clientreg.SortID, "type": clientreg.SortType,
		"state": clientreg.SortState, "owner": clientreg.SortOwner, "created": clientreg.SortCreated,
	}
)

// listParameters are those that say which clients, and in which order.
var listParameters = []string{"q", "type", "state", "owner", "tenant", "sort", "order", "limit", "cursor"}

// listQuery reads which clients are asked for. Whatever is not understood is
// errBadQuery; a cursor is for the service to judge.
func listQuery(v *visit, values url.Values) (clientreg.ListQuery, error) {
	q := clientreg.ListQuery{
		Text: values.Get("q"), Type: oauth.ClientType(values.Get("type")), State: oauth.ClientState(values.Get("state")),
		Owner: values.Get("owner"), Tenant: values.Get("tenant"), Cursor: values.Get("cursor"),
		Descending: values.Get("order") == "desc",
	}
	var known bool
	if q.Sort, known = sortKeys[values.Get("sort")]; !known {
		return q, errBadQuery
	}
	for _, name := range listParameters {
		text := values.Get(name)
		if len(values[name]) > 1 || name != "cursor" && len(text) > maxQueryText || !utf8.ValidString(text) {
			return q, errBadQuery
		}
	}
	switch {
	case q.Type != "" && !slices.Contains(types, q.Type),
		q.State != "" && !slices.Contains(states, q.State),
		!slices.Contains([]string{"", "asc", "desc"}, values.Get("order")):
		return q, errBadQuery
	case v.tenant != "" && q.Tenant != "" && q.Tenant != v.tenant:
		return q, errBadQuery
	}
	if v.tenant != "" {
		q.Tenant = v.tenant
	}
	var err error
	q.Limit, err = limit(values)
	return q, err
}

// limit reads how many a page may have; zero where it is not said.
func limit(values url.Values) (int, error) {
	text := values.Get("limit")
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > maxLimit {
		return 0, errBadQuery
	}
	return n, nil
}
