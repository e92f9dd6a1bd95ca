package testservers

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
)

// launch makes a Server and starts it. What one kind of server has for itself
// is filled in by settle, which is given the port.
func launch(program string, a *account, settle func(s *Server, port int) error) (*Server, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	dir, err := folder(a)
	if err != nil {
		return nil, err
	}
	s := &Server{Addr: address(port), program: program, dir: dir, account: a}
	if s.reaper, err = newReaper(dir); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if err = settle(s, port); err == nil {
		err = s.start()
	}
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// folder makes a folder that the account owns.
func folder(a *account) (string, error) {
	dir, err := os.MkdirTemp("", "authserver-test-")
	if err != nil {
		return "", err
	}
	if err := a.own(dir); err != nil {
		return "", errors.Join(err, os.Remove(dir))
	}
	return dir, nil
}

// freePort is a loopback port on which nothing listens. It is below those
// that systems give to outgoing connections, and ten thousand above it, where
// a Redis Cluster has its bus, is so too.
func freePort() (int, error) {
	const lowest, count, tries = 12_000, 10_000, 100
	for range tries {
		port := lowest + rand.IntN(count) //nolint:gosec // not a secret
		if free(port) && free(port+10_000) {
			return port, nil
		}
	}
	return 0, errors.New("no free port")
}

func free(port int) bool {
	listener, err := net.Listen("tcp", address(port))
	return err == nil && listener.Close() == nil
}

func address(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }
