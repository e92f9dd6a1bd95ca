// Postgres is one server in any number of processes: start it twice on one
// database, with one secret and one issuer, behind whatever spreads requests
// over them, and they serve one login between them, rotate one ring of keys
// and publish one JWK Set.
//
//	export AUTHSERVER_SECRET=$(openssl rand -base64 32)
//	postgres -issuer https://login.example.com/authentication -dsn postgres://… -addr :8081
//	postgres -issuer https://login.example.com/authentication -dsn postgres://… -addr :8082
//
// With -redis instead of -dsn the same holds on a Redis server or cluster.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/seed36673005/authserver/keys"
)

func main() {
	var o options
	flag.StringVar(&o.addr, "addr", "127.0.0.1:8081", "address to listen on")
	flag.StringVar(&o.issuer, "issuer", "", "issuer, the same for every process")
	flag.StringVar(&o.dsn, "dsn", os.Getenv("DATABASE_URL"), "PostgreSQL database")
	flag.StringVar(&o.redis, "redis", "", "Redis addresses, with commas between; instead of -dsn")
	flag.DurationVar(&o.refresh, "keys-refresh", time.Minute, "how often a process looks for keys that another rotated")
	flag.Parse()
	o.secret = os.Getenv("AUTHSERVER_SECRET")
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		log.Fatal(err)
	}
}

// options are what the processes share, but for the address.
type options struct {
	addr, issuer, dsn, redis, secret string
	refresh                          time.Duration
}

func run(ctx context.Context, o options) error {
	r, err := open(ctx, o)
	if err != nil {
		return err
	}
	defer func() { _ = r.close() }()
	fmt.Printf("issuer: %s\nclient_id: %s\nclient_secret: %s\nuser: alice\npassword: %s\n",
		o.issuer, clientID, r.derived("client"), r.derived("alice"))
	server := &http.Server{
		Addr: o.addr, Handler: r.handler,
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second,
		IdleTimeout: time.Minute, MaxHeaderBytes: 32 << 10,
	}
	go rotateOnSignal(ctx, r.ring)
	go func() {
		<-ctx.Done()
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		_ = server.Shutdown(last) // what is left then is cut off
	}()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// rotateOnSignal rotates the signing keys at once, as after a leak; they rotate
// in time by themselves.
func rotateOnSignal(ctx context.Context, ring *keys.Ring) {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangup:
			if err := ring.Rotate(ctx); err != nil {
				log.Print(err)
			}
		}
	}
}
