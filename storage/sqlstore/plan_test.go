package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver/internal/testservers"
)

// indexes are, by statement, the index by which a server must find its rows;
// the primary key where none is named.
var indexes = map[string]string{
	"get": "", "exists": "", "replace": "", "delete": "", "overwrite": "", "list all": "",
	"list client":  "authserver_records_client",
	"list subject": "authserver_records_subject",
	"list session": "authserver_records_session",
	"sweep":        "authserver_records_expiry",
}

// fillSQL makes records, of which few belong together and few have expired.
const fillSQL = `INSERT INTO authserver_records (` + columns + `)
	SELECT 'grant', CONCAT('key', n), n, CONCAT('c', n %% 500), CONCAT('s', n %% 500), CONCAT('i', n %% 500), n * 1000, ''
	FROM (%s) AS numbers`

// TestServersUseIndexes: no statement reads the whole table, nor sorts.
func TestServersUseIndexes(t *testing.T) {
	t.Parallel()
	t.Run("PostgreSQL", func(t *testing.T) {
		db := openDB(t, "pgx", testservers.Postgres(t))
		usesIndexes(t, db, PostgreSQL, "SELECT generate_series(1, 20000) AS n", "authserver_records_pkey", explainPostgres)
	})
	t.Run("MariaDB", func(t *testing.T) {
		db := openDB(t, "mysql", testservers.MariaDB(t))
		usesIndexes(t, db, MySQL, "SELECT seq AS n FROM seq_1_to_20000", "PRIMARY", explainMariaDB)
	})
}

type explainer func(t *testing.T, conn *sql.Conn, statement string) (plan string)

func usesIndexes(t *testing.T, db *sql.DB, d Dialect, numbers, primary string, explain explainer) {
	s := open(t, Config{DB: db, Dialect: d})
	conn, err := db.Conn(t.Context())
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	run(t, conn, fmt.Sprintf(fillSQL, numbers), map[Dialect]string{
		PostgreSQL: "ANALYZE authserver_records", MySQL: "ANALYZE TABLE authserver_records",
	}[d])
	for i, name := range statementNames(s.do) {
		want, reads := indexes[name]
		if !reads {
			continue
		}
		if want == "" {
			want = primary
		}
		plan := explain(t, conn, s.do.all()[i].text)
		require.Contains(t, plan, want, name)
		for _, bad := range []string{"Seq Scan", "Sort", "filesort", "\tALL\t"} {
			require.NotContains(t, plan, bad, name)
		}
	}
}

func run(t *testing.T, conn *sql.Conn, statements ...string) {
	for _, statement := range statements {
		_, err := conn.ExecContext(context.Background(), statement)
		require.NoError(t, err)
	}
}

// explainPostgres gives the plan for whatever arguments, since that is what
// is kept for a statement that is run often.
func explainPostgres(t *testing.T, conn *sql.Conn, statement string) string {
	run(t, conn, "SET plan_cache_mode = force_generic_plan", "PREPARE p AS "+statement)
	defer run(t, conn, "DEALLOCATE p")
	args := "'1'"
	for i := 2; strings.Contains(statement, fmt.Sprint("$", i)); i++ {
		args += ", '1'"
	}
	return table(t, conn, "EXPLAIN EXECUTE p("+args+")")
}

// explainMariaDB gives the plan for a record that is there.
func explainMariaDB(t *testing.T, conn *sql.Conn, statement string) string {
	statement = strings.NewReplacer(
		"kind = ?", "kind = 'grant'", "record_key = ?", "record_key = 'key7'", "record_key > ?", "record_key > 'k'",
		"client_id = ?", "client_id = 'c7'", "subject = ?", "subject = 's7'", "session_id = ?", "session_id = 'i7'",
		"version = ?", "version = 7", "expires_at > ?", "expires_at > 6000", "?", "8000",
	).Replace(statement)
	return table(t, conn, "EXPLAIN "+statement)
}

// table is the result of a query as text.
func table(t *testing.T, conn *sql.Conn, query string) string {
	rows, err := conn.QueryContext(t.Context(), query)
	require.NoError(t, err)
	defer rows.Close()
	names, err := rows.Columns()
	require.NoError(t, err)
	var text strings.Builder
	for rows.Next() {
		cells, to := make([]sql.NullString, len(names)), make([]any, len(names))
		for i := range cells {
			to[i] = &cells[i]
		}
		require.NoError(t, rows.Scan(to...))
		for _, cell := range cells {
			text.WriteString(cell.String + "\t")
		}
		text.WriteString("\n")
	}
	require.NoError(t, rows.Err())
	return text.String()
}
