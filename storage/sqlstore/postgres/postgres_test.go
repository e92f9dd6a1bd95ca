package postgres_test

import (
	"context"
	"log"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver/storage"
	"github.com/seed36673005/authserver/storage/sqlstore/postgres"
)

func ExampleOpen() {
	store, err := postgres.Open(context.Background(), "postgres://authserver@db.example/authserver?sslmode=verify-full")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = store.Close() }()

	var _ storage.Storage = store // what Config.Storage takes
}

// TestOpenFails soon, and shows no password.
func TestOpenFails(t *testing.T) {
	for name, dsn := range map[string]string{
		"not a DSN":          "postgres://user:s3cret@[/db",
		"another's DSN":      "user:s3cret@tcp(127.0.0.1:1)/db",
		"an unknown setting": "postgres://user:s3cret@127.0.0.1:1/db?sslmode=perhaps",
		"no server":          "postgres://user:s3cret@127.0.0.1:1/db",
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			_, err := postgres.Open(ctx, dsn)
			require.ErrorContains(t, err, "postgres: ")
			require.NotContains(t, err.Error(), "s3cret")
			require.NoError(t, ctx.Err())
		})
	}
}
