package e2e

import (
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver/e2e/server"
)

// startServer starts the server with everything on, for one test.
func startServer(t *testing.T, redirectURIs ...string) *server.Server {
	t.Helper()
	srv, err := server.Start(t.Context(), server.Options{
		RedirectURIs: redirectURIs, Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, srv.Close()) })
	return srv
}

// as is a server as one of its clients knows it.
func as(srv *server.Server, clientID string) provider {
	return provider{
		Origin: srv.Origin, Issuer: srv.Issuer, ClientID: clientID, ClientSecret: srv.ClientSecret,
		PublicClientID: server.Native, User: server.Alice, Password: srv.Password,
	}
}
