// Package clientreg manages registered clients: who may create, approve,
// change and remove them, their secrets, how many there may be, and how they
// register themselves (RFC 7591, RFC 7592).
//
// It owns the rules for what may be registered and the form of the record. How
// a client authenticates and what a token stands for belong to the server.
//
// A [Service] is what everything that manages clients uses, a console, an API
// and the registration endpoint alike:
//
//	NewService(ServiceOptions) (*Service, error)
//
//	Create(ctx, actor, client)                     (Issued, error)
//	Get(ctx, actor, id)                            (Entry, error)
//	List(ctx, actor, ListQuery)                    (ListPage, error)
//	Update(ctx, actor, client, version)            (Issued, error)
//	Approve(ctx, actor, id, version)               (Entry, error)
//	Disapprove(ctx, actor, id, version)            (Entry, error)
//	RotateSecret(ctx, actor, id, overlap)          (Issued, error)
//	AddSecret(ctx, actor, id, NewSecret)           (Issued, error)
//	RemoveSecret(ctx, actor, id, secretID)         (Entry, error)
//	Remove(ctx, actor, id)                         error
//	Authorizations(ctx, actor, id, limit, cursor)  (AuthorizationPage, error)
//	RevokeAuthorization(ctx, actor, id, grantID)   error
//	CreateInitialToken(ctx, actor, InitialTokenOptions) (InitialTokenInfo, token string, error)
//	InitialTokens(ctx, actor, cursor)              (InitialTokenPage, error)
//	RemoveInitialToken(ctx, actor, id)             error
//	Reap(ctx, idle)                                (removed int, error)
//
// An actor is Person(id) or System; ServiceOptions.Permit says who may do
// what. Errors are ErrDenied, *FieldError (several joined), *QuotaError,
// storage.ErrNotFound, storage.ErrExists, storage.ErrConflict (changed by
// another meanwhile), storage.ErrBadCursor, ErrNotConfidential,
// ErrTooManySecrets, ErrLastSecret and ErrChosenSecret.
//
// [Options] switch on registration by the software itself; a [Policy] and
// Options.Review decide on it. Members of the metadata (RFC 7591 §2) that a
// caller may set are read one by one. What the server decides is ignored
// (client_id, secrets, state, owner), as is what nobody knows; what is not
// served is dropped, and the answer says what was registered (grant and
// response types, scopes); what asks for protection that is not served, or
// could do harm, is refused.
//
// [Clients] is the layer beneath, without permissions, quotas and events: for
// a server whose clients are set up by its own program.
//
// A client of type oauth1 can be registered, approved and listed. The protocol
// itself (RFC 5849) is not served: such a client may use no grant.
package clientreg
