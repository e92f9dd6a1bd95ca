package clientreg

import (
	"errors"
	"fmt"
	"strings"

	"github.com/seed36673005/authserver/oauth"
)

// A QuotaScope says what a Quota counts.
type QuotaScope string

// The scopes of quotas. A client without Tenant or Owner is counted with the
// others that have none.
const (
	PerServer QuotaScope = "server"
	PerTenant QuotaScope = "tenant"
	PerOwner  QuotaScope = "owner"
)

// A Quota is the most clients there may be, at one time. Removing one frees
// its place at once.
type Quota struct {
	// Max is the most clients. Required.
	Max int
	// Per says of what. Required.
	Per QuotaScope
	// EachType counts every type of client for itself; otherwise all share
	// the quota.
	EachType bool
}

func (q Quota) validate() error {
	if q.Max <= 0 {
		return errors.New("field Max: want a positive number")
	}
	if q.Per != PerServer && q.Per != PerTenant && q.Per != PerOwner {
		return errors.New("field Per: want PerServer, PerTenant or PerOwner")
	}
	return nil
}

// A QuotaError says that there are as many clients as there may be. Nothing
// was created.
type QuotaError struct {
	Quota Quota
	// Type is the type that is full, where Quota counts EachType.
	Type oauth.ClientType
}

// Error says how many there may be, of what.
func (e *QuotaError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "clientreg: quota: at most %d", e.Quota.Max)
	if e.Quota.EachType {
		fmt.Fprintf(&b, " %s", e.Type)
	}
	fmt.Fprintf(&b, " clients per %s", e.Quota.Per)
	return b.String()
}
