package sqlite_test

import (
	"context"
	"log"

	"github.com/seed36673005/authserver/storage"
	"github.com/seed36673005/authserver/storage/sqlstore/sqlite"
)

func ExampleOpen() {
	store, err := sqlite.Open(context.Background(), "authserver.db")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = store.Close() }()

	var _ storage.Storage = store // what Config.Storage takes
}
