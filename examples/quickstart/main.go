// Quickstart is a provider to try: with nothing but Go, it serves OAuth 2.0
// and OpenID Connect on a SQLite file, with a user, two clients and a demo that
// logs in. It prints what one needs to know.
//
//	go run ./examples/quickstart
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "loopback address to listen on; the issuer follows it")
	db := flag.String("db", "quickstart.db", "SQLite file, created if it does not exist; the secret is kept beside it")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *addr, *db, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// run serves until ctx ends, and says on out how to use it.
func run(ctx context.Context, addr, db string, out io.Writer) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("quickstart: %w", err)
	}
	defer func() { _ = listener.Close() }()
	origin, err := originOf(addr, listener.Addr())
	if err != nil {
		return err
	}
	q, err := open(ctx, origin, db)
	if err != nil {
		return fmt.Errorf("quickstart: %w", err)
	}
	defer func() { _ = q.close() }()
	q.print(out)
	return serve(ctx, listener, q.handler)
}

// originOf is where browsers find the server: the host that was asked for,
// with the port that was given.
func originOf(asked string, got net.Addr) (string, error) {
	host, _, err := net.SplitHostPort(asked)
	if err != nil {
		return "", fmt.Errorf("quickstart: -addr: %w", err)
	}
	_, port, err := net.SplitHostPort(got.String())
	if err != nil {
		return "", fmt.Errorf("quickstart: -addr: %w", err)
	}
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port), nil
}

// serve answers requests until ctx ends, then lets those under way finish.
func serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    32 << 10,
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return fmt.Errorf("quickstart: %w", err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if err := server.Shutdown(grace); err != nil {
		return fmt.Errorf("quickstart: shutting down: %w", errors.Join(err, server.Close()))
	}
	return nil
}
