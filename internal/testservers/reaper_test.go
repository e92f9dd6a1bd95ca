package testservers_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver/internal/testservers"
)

// childVariable makes this test binary one that starts a server and waits to
// be killed.
const childVariable = "TESTSERVERS_TEST_CHILD"

// TestChild is the other process of TestNothingOutlivesTheTests.
func TestChild(t *testing.T) {
	if os.Getenv(childVariable) == "" {
		return
	}
	fmt.Println(testservers.Redis(t))
	<-t.Context().Done()
}

// TestNothingOutlivesTheTests: when a test binary is killed, its servers end
// and their folders go.
func TestNothingOutlivesTheTests(t *testing.T) {
	t.Setenv("AUTHSERVER_TEST_REDIS", "")
	testservers.Redis(t) // or skip
	tmp, err := os.MkdirTemp("", "authserver-test-tmp-")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(tmp, 0o711)) // for the server's account to pass
	t.Cleanup(func() { require.NoError(t, os.Remove(tmp)) })

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestChild$", "-test.v=false")
	cmd.Env = append(os.Environ(), childVariable+"=1", "TMPDIR="+tmp)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewScanner(out)
	require.True(t, lines.Scan())
	addr := lines.Text()
	require.True(t, listens(addr), addr)

	require.NoError(t, cmd.Process.Kill())
	require.Error(t, cmd.Wait())
	require.Eventually(t, func() bool {
		left, err := filepath.Glob(filepath.Join(tmp, "*"))
		return err == nil && len(left) == 0 && !listens(addr)
	}, 20*time.Second, 10*time.Millisecond)
}

func listens(addr string) bool {
	conn, err := net.Dial("tcp", addr)
	return err == nil && conn.Close() == nil
}
