package devstack

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"

	"elara/spec/fault"
)

// Well-known ports, taken when they are free and nobody asked for others.
const (
	temporalPort = 7233
	uiPort       = 8233
	s3Port       = 7480
	metricsPort  = 9464
)

const loopback = "127.0.0.1"

// portsName is an abstract socket: like the ports it guards it belongs to the network namespace, it leaves no file, and
// the system frees it with its process.
const portsName = "@elara-ports"

// holdPorts waits for its turn to choose ports. A port that was found free is taken only when its part listens, so two
// stacks that start at once would choose the same; whoever starts holds the turn until its parts answer.
func holdPorts(ctx context.Context) (release func() error, err error) {
	var turn net.Listener
	err = await(ctx, "other stacks to start", func(ctx context.Context) error {
		var listen net.ListenConfig
		var err error
		turn, err = listen.Listen(ctx, "unix", fmt.Sprintf("%s-%d", portsName, os.Getuid()))
		return err
	})
	if err != nil {
		return nil, err
	}
	return turn.Close, nil
}

// choosePort settles on a port of 127.0.0.1: the one asked for, which must be free; else the first free one among the
// wishes (that of the last run, so that addresses in browsers stay good, then the well-known one); else any.
func choosePort(ctx context.Context, what string, asked int, wishes ...int) (int, error) {
	if asked != 0 {
		if _, err := tryPort(ctx, asked); err != nil {
			return 0, fault.WithHint(fault.New(fault.Invalid, "port %d for %s is not free: %w", asked, what, err), "give another, or none to have one chosen")
		}
		return asked, nil
	}
	for _, wish := range wishes {
		if wish == 0 {
			continue
		}
		if port, err := tryPort(ctx, wish); err == nil {
			return port, nil
		}
	}
	return tryPort(ctx, 0)
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
