package e2e

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) {
	code := m.Run()
	for _, stop := range []func() error{stopChromium, stopQuickstart} {
		if err := stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = max(code, 1)
		}
	}
	if code != 0 && process.log.Len() > 0 {
		fmt.Fprintf(os.Stderr, "the quickstart said:\n%s", &process.log)
	}
	os.Exit(code)
}

// A provider is what a relying party and its end user know of a server.
type provider struct {
	Origin         string `json:"origin"`
	Issuer         string `json:"issuer"`
	ClientID       string `json:"client_id"`
	ClientSecret   string `json:"client_secret"`
	PublicClientID string `json:"public_client_id"`
	User           string `json:"user"`
	Password       string `json:"password"`
}

// redirectURI is registered for the confidential client of the quickstart;
// nothing need listen there.
const redirectURI = "http://127.0.0.1:9999/callback"

// process is the quickstart that all tests of a run share.
var process struct {
	once     sync.Once
	dir      string
	cmd      *exec.Cmd
	provider provider
	log      bytes.Buffer // read once the process has ended
	err      error
}

// quickstart builds and starts the quickstart once, on a free port and a
// database of its own.
func quickstart(t *testing.T) provider {
	t.Helper()
	process.once.Do(func() { process.err = startQuickstart() })
	require.NoError(t, process.err)
	return process.provider
}

func startQuickstart() error {
	dir, err := os.MkdirTemp("", "quickstart-")
	if err != nil {
		return err
	}
	process.dir = dir
	binary := filepath.Join(dir, "quickstart")
	build := exec.Command("go", "build", "-C", "..", "-o", binary, "./examples/quickstart")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("building the quickstart: %w\n%s", err, out)
	}
	process.cmd = exec.Command(binary, "-addr", "127.0.0.1:0", "-db", filepath.Join(dir, "e2e.db"))
	process.cmd.Stderr = &process.log
	stdout, err := process.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := process.cmd.Start(); err != nil {
		return err
	}
	process.provider, err = readProvider(bufio.NewScanner(stdout))
	return err
}

// readProvider reads the lines that the quickstart prints at start.
func readProvider(lines *bufio.Scanner) (provider, error) {
	said := map[string]string{}
	for said["password"] == "" && lines.Scan() {
		if name, value, ok := strings.Cut(lines.Text(), ": "); ok {
			said[name] = value
		}
	}
	if said["password"] == "" {
		return provider{}, errors.New("the quickstart ended before it said how to use it")
	}
	return provider{
		Origin:         strings.TrimSuffix(said["issuer"], "/authentication"),
		Issuer:         said["issuer"],
		ClientID:       said["client_id"],
		ClientSecret:   said["client_secret"],
		PublicClientID: said["public_client_id"],
		User:           said["user"],
		Password:       said["password"],
	}, nil
}

// stopQuickstart ends the quickstart as a person would, and wants it to end
// well.
func stopQuickstart() error {
	if process.cmd == nil || process.cmd.Process == nil {
		return nil
	}
	defer func() { _ = os.RemoveAll(process.dir) }()
	if err := process.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("stopping the quickstart: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	defer context.AfterFunc(ctx, func() { _ = process.cmd.Process.Kill() })()
	if err := process.cmd.Wait(); err != nil {
		return fmt.Errorf("the quickstart did not end well: %w", err)
	}
	return nil
}
