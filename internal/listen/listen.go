package listen

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"time"

	"elara/spec/fault"
)

// Listening says where a server of ours is reached.
type Listening struct {
	Address           string // host:port
	CertFile, KeyFile string // PEM; both or none
	BehindProxy       bool   // a proxy of ours ends TLS in front of it
}

// Secure reports whether people reach it over TLS.
func (l Listening) Secure() bool { return l.CertFile != "" || l.BehindProxy }

// Loopback reports whether it is reached from this machine alone.
func (l Listening) Loopback() bool {
	host, _, err := net.SplitHostPort(l.Address)
	ip := net.ParseIP(host)
	return err == nil && (host == "localhost" || ip != nil && ip.IsLoopback())
}

// Host is the only host name under which it answers; "": any. Loopback, where no other machine reaches it.
func (l Listening) Host() string {
	if l.Loopback() && !l.BehindProxy {
		return Loopback
	}
	return ""
}

// Check refuses what would send tokens and texts of patients in the clear.
func (l Listening) Check() error {
	if _, _, err := net.SplitHostPort(l.Address); err != nil {
		return fault.New(fault.Invalid, "--listen %s: expected HOST:PORT", l.Address)
	}
	if (l.CertFile == "") != (l.KeyFile == "") {
		return fault.New(fault.Invalid, "expected both of --tls-cert and --tls-key, or none of them")
	}
	if !l.Loopback() && !l.Secure() {
		return fault.WithHint(fault.New(fault.Invalid, "--listen %s: other machines would reach it without TLS", l.Address),
			"give --tls-cert and --tls-key, or --behind-proxy where a proxy of yours ends TLS")
	}
	return nil
}

// Time that a client has. A page waits for an Update for less than it takes to write one.
const (
	headerWithin = 10 * time.Second
	readWithin   = 30 * time.Second
	writeWithin  = time.Minute
	idleWithin   = 2 * time.Minute
	// stopWithin lets judgements that are under way be answered.
	stopWithin = 20 * time.Second
	maxHeader  = 64 << 10
)

// Serve answers until ctx ends. It calls ready with the address once it listens.
func Serve(ctx context.Context, l Listening, handler http.Handler, ready func(url string) error) error {
	if err := l.Check(); err != nil {
		return err
	}
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: headerWithin, ReadTimeout: readWithin, WriteTimeout: writeWithin, IdleTimeout: idleWithin,
		MaxHeaderBytes: maxHeader, ErrorLog: log.New(silence{}, "", 0), // broken handshakes of strangers
	}
	scheme := "http"
	if l.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(l.CertFile, l.KeyFile)
		if err != nil {
			return fault.At(l.CertFile, 0, "expected a PEM certificate that fits the key %s: %w", l.KeyFile, err)
		}
		scheme, server.TLSConfig = "https", &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	}
	var listen net.ListenConfig
	listener, err := listen.Listen(ctx, "tcp", l.Address)
	if err != nil {
		return fault.New(fault.Invalid, "--listen %s: %w", l.Address, err)
	}
	stopped := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
		defer cancel()
		stopped <- server.Shutdown(bounded)
	})
	if err := ready(fmt.Sprintf("%s://%s", scheme, listener.Addr())); err != nil {
		return errors.Join(err, listener.Close())
	}
	if server.TLSConfig != nil {
		err = server.ServeTLS(listener, "", "")
	} else {
		err = server.Serve(listener)
	}
	if errors.Is(err, http.ErrServerClosed) && !stop() {
		return <-stopped
	}
	return err
}

type silence struct{}

func (silence) Write(p []byte) (int, error) { return len(p), nil }
