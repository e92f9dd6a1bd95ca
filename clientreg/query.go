package clientreg

import (
	"time"

	"github.com/seed36673005/authserver/oauth"
)

// A ListQuery says which clients List returns, in which order.
type ListQuery struct {
	// Text is found in name, client_id, owner, and redirect URIs, whatever
	// its case; empty matches all.
	Text string
	// Type, State, Owner and Tenant must be equal where they are not empty.
	Type          oauth.ClientType
	State         oauth.ClientState
	Owner, Tenant string

	// Sort is the order; the zero value is by name. Clients alike in it are
	// in the order of their client_id.
	Sort SortKey
	// Descending turns the order round.
	Descending bool
	// Limit is the most clients of a page: 1 to 1000; zero means 50.
	Limit int
	// Cursor is the Next of the page before, of the same query; empty asks
	// for the first page. One that List did not make for this query is
	// storage.ErrBadCursor.
	Cursor string
}

// A SortKey is what a list is sorted by.
type SortKey string

// The sort keys.
const (
	SortName    SortKey = "" // without regard to case
	SortID      SortKey = "id"
	SortType    SortKey = "type"
	SortState   SortKey = "state"
	SortOwner   SortKey = "owner"
	SortCreated SortKey = "created"
)

// A ListPage is one answer of List. A client that exists unchanged during a
// walk over the pages is in it exactly once.
type ListPage struct {
	Entries []Entry
	// Next asks for the page after; empty says that this is the last.
	Next string
	// Total is how many clients match, on all pages, about now.
	Total int
}

// An Authorization is what one end user, or the client for itself, has agreed
// to: every token that descends from it ends with it.
type Authorization struct {
	// GrantID names it; not secret.
	GrantID string
	// Subject is the end user; empty: the client for itself.
	Subject   string
	GrantType string
	Scopes    []string
	// CreatedAt is when it began, LastUsedAt when its last access token was
	// issued, ExpiresAt when nothing can be refreshed any more.
	CreatedAt, LastUsedAt, ExpiresAt time.Time
}

// An AuthorizationPage is one answer of Authorizations.
type AuthorizationPage struct {
	Authorizations []Authorization
	Next           string
}
