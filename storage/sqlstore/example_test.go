package sqlstore_test

import (
	"context"
	"database/sql"
	"fmt"
	"log"

	"github.com/seed36673005/authserver/storage/sqlstore"
)

// A host that has a pool already hands it over, and says where in its database
// the tables are to be.
func ExampleOpen() {
	db, err := sql.Open("pgx", "postgres://host@db.example/host?sslmode=verify-full")
	if err != nil {
		log.Fatal(err)
	}
	store, err := sqlstore.Open(context.Background(), sqlstore.Config{
		DB:          db,
		Dialect:     sqlstore.PostgreSQL,
		Schema:      "login",
		TablePrefix: "oauth_",
	})
	if err != nil {
		log.Fatal(err)
	}
	_ = store // what Config.Storage takes
}

// A host that migrates by its own tool writes the migrations to its folder,
// and opens the Store with SkipMigrations.
func ExampleMigrations() {
	migrations, err := sqlstore.Migrations(sqlstore.PostgreSQL, "oauth_", "login")
	if err != nil {
		log.Fatal(err)
	}
	for _, m := range migrations {
		fmt.Println(m.Name, len(m.SQL) > 0)
	}
	// Output: 00001_records.sql true
}
