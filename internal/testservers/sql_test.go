package testservers_test

import (
	"database/sql"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver/internal/testservers"
)

func open(t *testing.T, driver, dsn string) *sql.DB {
	db, err := sql.Open(driver, dsn)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

// TestDatabases: two databases of a shared server have nothing in common.
func TestDatabases(t *testing.T) {
	for driver, database := range map[string]func(testing.TB) string{
		"pgx": testservers.Postgres, "mysql": testservers.MariaDB,
	} {
		t.Run(driver, func(t *testing.T) {
			for range 2 {
				_, err := open(t, driver, database(t)).Exec("CREATE TABLE one (n BIGINT)")
				require.NoError(t, err)
			}
		})
	}
}

// TestStopAndStart: what was committed is there after either end.
func TestStopAndStart(t *testing.T) {
	for driver, start := range map[string]func(testing.TB, ...string) (*testservers.Server, string){
		"pgx": testservers.NewPostgres, "mysql": testservers.NewMariaDB,
	} {
		t.Run(driver, func(t *testing.T) {
			s, dsn := start(t)
			db := open(t, driver, dsn)
			_, err := db.Exec("CREATE TABLE one (n BIGINT)")
			require.NoError(t, err)
			for n, end := range []func(testing.TB){s.Stop, s.Kill} {
				_, err := db.Exec("INSERT INTO one VALUES (1)")
				require.NoError(t, err)
				end(t)
				require.Eventually(t, func() bool { return db.PingContext(t.Context()) != nil }, 10*time.Second, time.Millisecond)
				s.Start(t)
				var count int
				require.NoError(t, db.QueryRow("SELECT count(*) FROM one").Scan(&count))
				require.Equal(t, n+1, count)
			}
		})
	}
}
