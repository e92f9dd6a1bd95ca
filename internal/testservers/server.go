package testservers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A Server is one server process with a folder and a port of its own, both of
// which it keeps when it is stopped and started again. Its methods may be
// called from any goroutine.
type Server struct {
	// Addr is where it listens: a host and a port.
	Addr string

	program string
	args    []string
	dir     string
	account *account       // runs it
	ending  syscall.Signal // asks the process to end in good order
	ready   func(context.Context) error
	reaper  *reaper

	mu      sync.Mutex
	process *exec.Cmd // nil while it is stopped
	exited  chan struct{}
}

// startTime is how long a server may take to answer, on a busy machine, and
// patience how long one that ends instead is started again.
const (
	startTime = time.Minute
	patience  = 3 * time.Second
)

// Start starts the server and returns once it answers.
func (s *Server) Start(t testing.TB) {
	t.Helper()
	if err := s.start(); err != nil {
		t.Fatalf("testservers: %v", err)
	}
}

// Stop asks the server to end in good order and returns once it has.
func (s *Server) Stop(t testing.TB) {
	t.Helper()
	if err := s.end(s.ending); err != nil {
		t.Fatalf("testservers: %v", err)
	}
}

// Kill ends the server at once, as a crash does (SIGKILL).
func (s *Server) Kill(t testing.TB) {
	t.Helper()
	if err := s.end(syscall.SIGKILL); err != nil {
		t.Fatalf("testservers: %v", err)
	}
}

// Signal sends the server's main process a signal: SIGSTOP makes it hang and
// SIGCONT go on.
func (s *Server) Signal(t testing.TB, signal os.Signal) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		t.Fatalf("testservers: %s is not running", s.name())
	}
	if err := s.process.Process.Signal(signal); err != nil {
		t.Fatalf("testservers: signal %s: %v", s.name(), err)
	}
}

func (s *Server) name() string { return filepath.Base(s.program) }

// start tries again when the server ends at once: after a Kill, what is left
// of its forerunner may still be in its way for a moment.
func (s *Server) start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process != nil {
		return fmt.Errorf("%s is running already", s.name())
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		err := s.startOnce()
		if err == nil || !errors.Is(err, errEnded) || pause(ctx) != nil {
			return err
		}
	}
}

// errEnded says that a server ended by itself.
var errEnded = errors.New("it ended")

func (s *Server) startOnce() error {
	if err := s.spawn(); err != nil {
		return fmt.Errorf("start %s: %w", s.name(), err)
	}
	if err := s.wait(); err != nil {
		return errors.Join(fmt.Errorf("start %s: %w: %s", s.name(), err, s.logged()), s.endLocked(syscall.SIGKILL))
	}
	return nil
}

func (s *Server) spawn() error {
	log, err := os.OpenFile(s.logPath(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	cmd := exec.Command(s.program, s.args...) //nolint:gosec // of our own choosing
	cmd.Dir = s.dir
	cmd.Stdout, cmd.Stderr = log, log
	s.account.apply(cmd)
	if err := cmd.Start(); err != nil {
		return err
	}
	exited := make(chan struct{})
	go func() {
		_ = cmd.Wait() // how it ended shows in its log
		close(exited)
	}()
	s.process, s.exited = cmd, exited
	return s.reaper.watch(cmd.Process.Pid)
}

// run runs a program to its end, as the server's account.
func (s *Server) run(program string, args ...string) error {
	cmd := exec.Command(program, args...) //nolint:gosec // of our own choosing
	cmd.Dir = s.dir
	s.account.apply(cmd)
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", filepath.Base(program), err, output)
	}
	return nil
}

// wait returns once the server answers, has ended or takes too long.
func (s *Server) wait() error {
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	for {
		err := s.ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-s.exited:
			return errEnded
		default:
		}
		if pause(ctx) != nil {
			return err
		}
	}
}

// pause waits for a moment, or returns why ctx has ended.
func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(10 * time.Millisecond):
		return nil
	}
}

func (s *Server) end(signal syscall.Signal) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.endLocked(signal)
}

func (s *Server) endLocked(signal syscall.Signal) error {
	if s.process == nil {
		return nil
	}
	resume(s.process.Process)
	err := s.process.Process.Signal(signal)
	if err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("end %s: %w", s.name(), err)
	}
	select {
	case <-s.exited:
	case <-time.After(startTime):
		return fmt.Errorf("%s does not end: %s", s.name(), s.logged())
	}
	s.process = nil
	return s.reaper.watch(0)
}

// close ends the server for good and removes its folder.
func (s *Server) close() error {
	return errors.Join(s.end(s.ending), s.reaper.reap())
}

func closeAll(servers []*Server) error {
	var errs []error
	for _, s := range servers {
		errs = append(errs, s.close())
	}
	return errors.Join(errs...)
}

// closeAfter closes servers when the test is over.
func closeAfter(t testing.TB, servers ...*Server) {
	t.Cleanup(func() {
		if err := closeAll(servers); err != nil {
			t.Errorf("testservers: %v", err)
		}
	})
}

func (s *Server) logPath() string { return filepath.Join(s.dir, "log") }

// logged is the end of the server's log.
func (s *Server) logged() string {
	const most = 2000
	log, err := os.ReadFile(s.logPath())
	if err != nil {
		return err.Error()
	}
	return string(log[max(0, len(log)-most):])
}
