package clientreg

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/seed36673005/authserver/internal/fetch"
	"github.com/seed36673005/authserver/internal/limit"
	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage"
)

// Served is what a server has, of which a client may register for a part.
type Served struct {
	// Endpoint is the address of the registration endpoint.
	Endpoint string
	// GrantTypes and ResponseTypes that are switched on.
	GrantTypes, ResponseTypes []string
	// TrustedProxies may say by X-Forwarded-For where a request came from.
	TrustedProxies []netip.Prefix
}

// A Registrar is registration by the software itself, between the HTTP of the
// endpoint and the Service. A server makes one of its Options; a host needs
// none. Every error of its methods is an *oauth.Error or of storage. They may
// be called from many goroutines at once.
type Registrar struct {
	options    Options
	service    *Service
	served     Served
	grantTypes []string // that may be registered for
	fetch      *fetch.Client
	addresses  *limit.Keyed
	nextReap   atomic.Int64 // Unix seconds
}

// NewRegistrar returns the Registrar of a server. The options are valid and
// have a Service.
func NewRegistrar(o Options, served Served) *Registrar {
	o = o.withDefaults()
	return &Registrar{
		options: o, service: o.Service, served: served,
		grantTypes: slices.DeleteFunc(slices.Clone(o.GrantTypes), func(t string) bool { return !slices.Contains(served.GrantTypes, t) }),
		fetch:      fetch.New(fetch.Options{Roots: o.FetchRoots, UnsafeAllowLoopback: o.InsecureLoopbackFetch}),
		addresses:  limit.New(limit.Limit{Max: o.PerAddress, Window: o.Window}, 0),
	}
}

// Service is what the Registrar manages clients with.
func (g *Registrar) Service() *Service { return g.service }

// A Registered is what a client is told of itself (RFC 7591 §3.2.1), and the
// client.
type Registered struct {
	Client oauth.Client
	// Body is the answer, to be written as JSON.
	Body map[string]any
	// RepeatOf is the client that registered the same before.
	RepeatOf string
}

var errAddress = oauth.E(oauth.TemporarilyUnavailable, "too many clients were registered from this address").WithStatus(http.StatusTooManyRequests)

// Register registers a client (RFC 7591 §3).
func (g *Registrar) Register(ctx context.Context, r *http.Request, all map[string]json.RawMessage) (Registered, error) {
	if ok, after := g.addresses.Take(limit.AddrKey(limit.ClientAddr(r, g.served.TrustedProxies))); !ok {
		return Registered{}, errAddress.Because(&limit.Exceeded{After: after})
	}
	token, refused := bearerOf(r)
	if refused != nil {
		return Registered{}, refused
	}
	c := oauth.Client{Type: g.options.Type, State: g.options.InitialState, Dynamic: true}
	reg := &Registration{Client: &c, Actor: Actor{Kind: ActorAnonymous}, Request: r, BearerToken: token, service: g.service}
	// The policy first: a stranger learns nothing of what would be refused,
	// and causes no fetch.
	if err := g.options.Policy(ctx, reg); err != nil {
		return Registered{}, policyError(err)
	}
	identical, err := g.fill(ctx, reg, all)
	if err != nil {
		return Registered{}, err
	}
	made, err := g.register(ctx, reg, identical)
	if m := (&members{all: all}); err == nil && m.has("software_statement") {
		made.Body["software_statement"] = m.text("software_statement") // RFC 7591 §3.2.1
	}
	return made, err
}

func policyError(err error) error {
	if own, ok := errors.AsType[*oauth.Error](err); ok {
		return own
	}
	return unavailable(err)
}

func unavailable(err error) *oauth.Error {
	return oauth.E(oauth.TemporarilyUnavailable, "the server cannot answer just now, try again later").Because(err)
}

// register stores a client that was let be.
func (g *Registrar) register(ctx context.Context, reg *Registration, identical string) (Registered, error) {
	c := *reg.Client
	earlier, err := g.repeats(ctx, identical)
	if err != nil {
		return Registered{}, unavailable(err)
	}
	share := g.options.ShareIdentical && c.TokenEndpointAuthMethod == oauth.AuthMethodNone
	// One that was edited since is no longer what this request is for.
	if share && earlier != nil && earlier.Client.Public() && slices.Equal(earlier.Client.RedirectURIs, c.RedirectURIs) {
		return Registered{Client: earlier.Client, Body: g.body(earlier.Client, "", ""), RepeatOf: earlier.Client.ID}, nil
	}
	if reg.spends != "" {
		if err := g.service.spend(ctx, reg.spends, -1); err != nil {
			return Registered{}, spendError(err)
		}
	}
	with := creation{secretFor: g.options.SecretLifetime}
	if earlier != nil {
		with.repeatOf = earlier.Client.ID
	}
	var token string
	if !g.options.WithoutManagement && !share {
		token = newToken(registrationPrefix)
		with.registration = digestOf(token)
	}
	made, err := g.service.create(ctx, reg.Actor, c, with)
	if err != nil {
		if reg.spends != "" {
			_ = g.service.spend(ctx, reg.spends, +1) // one use less is no harm
		}
		return Registered{}, refusal(err)
	}
	g.remember(ctx, identical, made.Client.ID)
	return Registered{Client: made.Client, Body: g.body(made.Client, made.Secret, token), RepeatOf: with.repeatOf}, nil
}

func spendError(err error) error {
	if errors.Is(err, storage.ErrNotFound) {
		return errInitialToken
	}
	return unavailable(err)
}

// fill reads, settles and checks metadata. It returns what is the same for
// requests that say the same.
func (g *Registrar) fill(ctx context.Context, reg *Registration, all map[string]json.RawMessage) (identical string, err error) {
	c := reg.Client
	if all, err = g.statement(ctx, all); err != nil {
		return "", err
	}
	m := &members{all: all}
	m.fill(c)
	said, err := json.Marshal(c)
	if err != nil {
		return "", unavailable(err)
	}
	g.settle(c, &m.faults)
	g.checkName(c, &m.faults)
	for field, address := range m.addresses() {
		if err := g.fetch.Check(address); err != nil {
			m.faults.add(field, "want an https URL on the public Internet")
		}
	}
	if err := joined(append(m.faults, faultsBut(c, "client_id", "secrets")...)); err != nil {
		return "", refusal(err)
	}
	if err := g.checkSector(ctx, c); err != nil || g.options.Review == nil {
		return digestOf(string(said)), err
	}
	if err := g.options.Review(ctx, reg); err != nil {
		return "", policyError(err)
	}
	return digestOf(string(said)), nil
}

// faultsBut are the faults of a client that is not complete yet.
func faultsBut(c *oauth.Client, but ...string) (list faults) {
	for _, fault := range fieldErrors(Validate(c)) {
		if !slices.Contains(but, fault.Field) {
			list = append(list, fault)
		}
	}
	return list
}

// fieldErrors are the faults that are joined in an error.
func fieldErrors(err error) (list []*FieldError) {
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		for _, one := range several.Unwrap() {
			list = append(list, fieldErrors(one)...)
		}
		return list
	}
	if fault, ok := errors.AsType[*FieldError](err); ok {
		list = append(list, fault)
	}
	return list
}

// checkName refuses a name that has the operator's in it.
func (g *Registrar) checkName(c *oauth.Client, f *faults) {
	names := []string{c.Name}
	for key, text := range c.Localized {
		if strings.HasPrefix(key, "client_name#") {
			names = append(names, text)
		}
	}
	for _, name := range names {
		folded := limit.AccountKey(name)
		for _, reserved := range g.options.ReservedNames {
			if key := limit.AccountKey(reserved); key != "" && strings.Contains(folded, key) {
				f.add("client_name", "want a name without one that is reserved")
				return
			}
		}
	}
}

var errStatement = oauth.E(oauth.InvalidSoftwareStatement, "software_statement: expected one that is signed by somebody trusted here")

// statement puts the claims of a software statement in place of what the
// request says of itself (RFC 7591 §2.3).
func (g *Registrar) statement(ctx context.Context, all map[string]json.RawMessage) (map[string]json.RawMessage, error) {
	m := &members{all: all}
	if !m.has("software_statement") {
		return all, nil
	}
	text := m.text("software_statement")
	if g.options.Statement == nil || text == "" {
		return nil, errStatement
	}
	claims, err := g.options.Statement(ctx, text)
	if own, ok := errors.AsType[*oauth.Error](err); ok {
		return nil, own
	}
	if err != nil {
		return nil, errStatement.Because(err)
	}
	merged := make(map[string]json.RawMessage, len(all)+len(claims))
	for _, part := range []map[string]json.RawMessage{all, claims} {
		for name, value := range part {
			merged[name] = value
		}
	}
	return merged, nil
}

// checkSector wants every redirect URI in the document at
// sector_identifier_uri (OpenID Connect Dynamic Client Registration §5).
func (g *Registrar) checkSector(ctx context.Context, c *oauth.Client) error {
	if c.SectorIdentifierURI == "" {
		return nil
	}
	document, err := g.fetch.JSON(ctx, c.SectorIdentifierURI)
	if err != nil {
		return oauth.E(oauth.InvalidClientMetadata, "sector_identifier_uri: expected a document that can be fetched").Because(err)
	}
	var uris []string
	if err := json.Unmarshal(document, &uris); err != nil {
		return oauth.E(oauth.InvalidClientMetadata, "sector_identifier_uri: expected a JSON array of redirect URIs").Because(err)
	}
	for _, uri := range c.RedirectURIs {
		if !slices.Contains(uris, uri) {
			return oauth.E(oauth.InvalidClientMetadata, "sector_identifier_uri: expected a document that has every one of redirect_uris")
		}
	}
	return nil
}

// refusal is an error of the Service as a client is told it.
func refusal(err error) error {
	if faults := fieldErrors(err); len(faults) > 0 {
		return fieldRefusal(faults[0], err)
	}
	if full, ok := errors.AsType[*QuotaError](err); ok {
		return oauth.E(oauth.AccessDenied, "as many clients are registered as there may be").WithStatus(http.StatusConflict).Because(full)
	}
	if errors.Is(err, ErrDenied) {
		return oauth.E(oauth.AccessDenied, "this client may not be registered").WithStatus(http.StatusForbidden).Because(err)
	}
	if errors.Is(err, storage.ErrConflict) {
		return oauth.E(oauth.InvalidRequest, "the registration was changed meanwhile").WithStatus(http.StatusConflict).Because(err)
	}
	return unavailable(err)
}

// fieldRefusal names a field and what is wanted. Both are texts of this
// package: nothing that was sent is reflected.
func fieldRefusal(fault *FieldError, all error) error {
	code := oauth.InvalidClientMetadata
	if strings.HasPrefix(fault.Field, "redirect_uris") {
		code = oauth.InvalidRedirectURI
	}
	description := fmt.Sprintf("%s: %s", fault.Field, strings.ReplaceAll(fault.Reason, "§", "section "))
	return oauth.E(code, description).Because(all)
}

// reapEvery is how often a process looks for clients to reap.
const reapEvery = time.Hour

// ReapDue reports, to one caller alone, that it is time to reap.
func (g *Registrar) ReapDue() bool {
	now, next := time.Now(), g.nextReap.Load()
	return g.options.ReapAfter > 0 && now.Unix() >= next && g.nextReap.CompareAndSwap(next, now.Add(reapEvery).Unix())
}

// Reap removes clients that registered themselves and are not used; see
// Options.ReapAfter.
func (g *Registrar) Reap(ctx context.Context) (removed int, err error) {
	return g.service.Reap(ctx, g.options.ReapAfter)
}
