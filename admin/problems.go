package admin

import (
	"errors"
	"io/fs"
	"net/http"

	"github.com/seed36673005/authserver/clientreg"
	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage"
)

// sees is nil for a client that a visit may know of, else storage.ErrNotFound.
func (v *visit) sees(client *oauth.Client) error {
	if v.tenant != "" && client.Tenant != v.tenant {
		return storage.ErrNotFound
	}
	return nil
}

// A refusal is how an error of the service is answered.
type refusal struct {
	status int
	code   string // of the API, and of the text of a page
}

// refusalOf says how an error is answered. What it does not know is a fault of
// storage: the request may be sent again.
func refusalOf(err error) refusal {
	switch {
	case errors.Is(err, errBadQuery):
		return refusal{http.StatusBadRequest, "invalid_request"}
	case errors.Is(err, oauth.AccessDenied), errors.Is(err, fs.ErrPermission):
		return refusal{http.StatusForbidden, "forbidden"}
	case errors.Is(err, storage.ErrNotFound):
		return refusal{http.StatusNotFound, "not_found"}
	case errors.Is(err, storage.ErrConflict):
		return refusal{http.StatusConflict, "conflict"}
	case errors.Is(err, storage.ErrExists):
		return refusal{http.StatusConflict, "exists"}
	case errors.Is(err, storage.ErrBadCursor):
		return refusal{http.StatusBadRequest, "bad_cursor"}
	case errors.Is(err, clientreg.ErrNotConfidential):
		return refusal{http.StatusConflict, "public_client"}
	case errors.Is(err, clientreg.ErrTooManySecrets):
		return refusal{http.StatusConflict, "too_many_secrets"}
	case errors.Is(err, clientreg.ErrLastSecret):
		return refusal{http.StatusConflict, "last_secret"}
	case errors.Is(err, clientreg.ErrChosenSecret):
		return refusal{http.StatusBadRequest, "chosen_secret"}
	case isQuota(err):
		return refusal{http.StatusConflict, "quota"}
	case len(fieldFaults(err)) > 0:
		return refusal{http.StatusBadRequest, "invalid_client_metadata"}
	}
	return refusal{http.StatusServiceUnavailable, "unavailable"}
}

func isQuota(err error) bool {
	_, ok := errors.AsType[*clientreg.QuotaError](err)
	return ok
}

// failed shows the page for an error of the service.
func (c *Console) failed(w http.ResponseWriter, v *visit, err error) {
	refused := refusalOf(err)
	var cause error
	if refused.status == http.StatusForbidden || refused.status >= http.StatusInternalServerError {
		cause = err
	}
	c.fail(w, v.Request, refused.status, cause)
}
