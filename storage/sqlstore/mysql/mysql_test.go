package mysql_test

import (
	"context"
	"log"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver/storage"
	"github.com/seed36673005/authserver/storage/sqlstore/mysql"
)

func ExampleOpen() {
	store, err := mysql.Open(context.Background(), "authserver@tcp(db.example:3306)/authserver?tls=true")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = store.Close() }()

	var _ storage.Storage = store // what Config.Storage takes
}

// TestOpenFails soon, and shows no password.
func TestOpenFails(t *testing.T) {
	for name, dsn := range map[string]string{
		"not a DSN":          "user:s3cret@tcp(127.0.0.1",
		"another's DSN":      "mysql://user:s3cret@127.0.0.1:1/db",
		"a password cut":     "user:pass/%s3cret@tcp(127.0.0.1:1)",
		"an unknown setting": "user:s3cret@tcp(127.0.0.1:1)/db?tls=perhaps",
		"no database":        "user:s3cret@tcp(127.0.0.1:1)/",
		"no server":          "user:s3cret@tcp(127.0.0.1:1)/db",
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			_, err := mysql.Open(ctx, dsn)
			require.ErrorContains(t, err, "mysql: ")
			require.NotContains(t, err.Error(), "s3cret")
			require.NoError(t, ctx.Err())
		})
	}
}
