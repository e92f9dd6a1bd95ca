package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver/e2e/server"
)

// installModules installs what package-lock.json names, if it is not there.
var installModules = sync.OnceValue(func() error {
	_, err := os.Stat(filepath.Join("node", "node_modules", "axe-core", "axe.min.js"))
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	npm := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	npm.Dir = "node"
	npm.Stdout, npm.Stderr = os.Stderr, os.Stderr
	return npm.Run()
})

// TestNode runs the JavaScript clients, each in a file of the folder node.
func TestNode(t *testing.T) {
	require.NoError(t, installModules())
	providers := map[string]provider{
		"quickstart": quickstart(t), "everything": as(startServer(t), server.Web),
	}
	for _, script := range []string{"openid-client.test.mjs", "oauth4webapi.test.mjs"} {
		for name, p := range providers {
			t.Run(script+"/"+name, func(t *testing.T) { runNode(t, script, name, p) })
		}
	}
}

func runNode(t *testing.T, script, name string, p provider) {
	t.Helper()
	known, err := json.Marshal(p)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	node := exec.CommandContext(ctx, "node", "--test", "--test-reporter=tap", filepath.Join("node", script))
	node.Env = append(os.Environ(), "E2E_SERVER="+name, "E2E_PROVIDER="+string(known))
	out, err := node.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Regexp(t, `(?m)^# pass [1-9]`, string(out))
	require.Contains(t, string(out), "\n# skipped 0\n")
	require.Contains(t, string(out), "\n# todo 0\n")
}
