//go:build !unix

package testservers

import (
	"os"
	"os/exec"
)

// An account is known on Unix alone, and so are private instances.
type account struct{}

func unprivileged(...string) (*account, error) {
	return nil, absence("instances are started on Unix alone")
}

func (*account) apply(*exec.Cmd) {}

func (*account) own(string) error { return nil }

func resume(*os.Process) {}
