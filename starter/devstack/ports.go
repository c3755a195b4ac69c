package devstack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"

	"elara/spec/fault"
)

// Well-known ports, taken when they are free and nobody asked for others.
const (
	temporalPort = 7233
	uiPort       = 8233
	s3Port       = 7480
	deskPort     = 7450
	metricsPort  = 9464
)

const loopback = "127.0.0.1"

// claim takes a port for as long as this process lives, for one stack among all stacks of the machine. A port that was
// found free is bound only when its part listens, and is free again while a part that died is started anew; another
// stack that looks then would take it. The claim is an abstract socket: like the port it belongs to the network namespace,
// it leaves no file, and the system drops it with its process, however that ends.
func claim(ctx context.Context, port int) (io.Closer, error) {
	var listen net.ListenConfig
	return listen.Listen(ctx, "unix", fmt.Sprintf("@elara-port-%d", port))
}

// anyTries bounds how often the system is asked for a free port: it may offer one that another stack has claimed.
const anyTries = 100

// ports are those that a stack has claimed.
type ports struct {
	claims []io.Closer
}

// choose settles on a port of 127.0.0.1 and claims it: the one asked for, which must be free; else the first free one among
// the wishes (that of the last run, so that addresses in browsers stay good, then the well-known one); else any.
func (p *ports) choose(ctx context.Context, what string, asked int, wishes ...int) (int, error) {
	if asked != 0 {
		if _, err := p.take(ctx, asked); err != nil {
			return 0, fault.WithHint(fault.New(fault.Invalid, "port %d for %s is not free: %w", asked, what, err), "give another, or none to have one chosen")
		}
		return asked, nil
	}
	for _, wish := range wishes {
		if wish == 0 {
			continue
		}
		if port, err := p.take(ctx, wish); err == nil {
			return port, nil
		}
	}
	var err error
	for range anyTries {
		var port int
		if port, err = p.take(ctx, 0); err == nil {
			return port, nil
		}
	}
	return 0, fmt.Errorf("find a port for %s: %w", what, err)
}

// take claims a port that is free; 0 stands for one that the system picks.
func (p *ports) take(ctx context.Context, port int) (int, error) {
	port, err := tryPort(ctx, port)
	if err != nil {
		return 0, err
	}
	held, err := claim(ctx, port)
	if err != nil {
		return 0, fmt.Errorf("another stack has it: %w", err)
	}
	p.claims = append(p.claims, held)
	return port, nil
}

// Close gives the ports up.
func (p *ports) Close() error {
	var errs []error
	for _, held := range p.claims {
		errs = append(errs, held.Close())
	}
	p.claims = nil
	return errors.Join(errs...)
}

func tryPort(ctx context.Context, port int) (int, error) {
	var listen net.ListenConfig
	listener, err := listen.Listen(ctx, "tcp", address(port))
	if err != nil {
		return 0, err
	}
	port = listener.Addr().(*net.TCPAddr).Port
	return port, listener.Close()
}

func address(port int) string { return net.JoinHostPort(loopback, strconv.Itoa(port)) }

func httpURL(port int) string { return fmt.Sprintf("http://%s", address(port)) }

// portOf reads the port of "host:port" or of a URL; 0 when there is none.
func portOf(text string) int {
	if u, err := url.Parse(text); err == nil && u.Host != "" {
		text = u.Host
	}
	_, port, err := net.SplitHostPort(text)
	if err != nil {
		return 0
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return 0
	}
	return n
}
