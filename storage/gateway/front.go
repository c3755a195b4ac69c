package gateway

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
)

// front owns the TCP side of the server: it accepts connections and passes their bytes to the server, which listens on
// a local socket. So the port is known, and bound once, before the server runs; and at the end the connections that
// clients hold in reserve, on which no request ever came and which the server would wait for, can be closed.
type front struct {
	listener net.Listener
	socket   string // address of the server's socket

	mu     sync.Mutex
	unused map[net.Conn]bool // guarded by mu; connections that carried nothing yet
	closed bool              // guarded by mu
	work   sync.WaitGroup
}

func newFront(ctx context.Context, address, socket string) (*front, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return &front{listener: listener, socket: socket, unused: make(map[net.Conn]bool)}, nil
}

// serve accepts connections until close.
func (f *front) serve() {
	for {
		client, err := f.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // one connection that broke off, or too many open files for a moment
		}
		if !f.add(client) {
			_ = client.Close()
			return
		}
		f.work.Go(func() { f.pass(client) })
	}
}

func (f *front) add(client net.Conn) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.closed {
		f.unused[client] = true
	}
	return !f.closed
}

func (f *front) use(client net.Conn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.unused, client)
}

// pass copies both ways until both sides have ended. It drops every error: what broke is seen by the client and the
// server on their own ends, and there is nobody else to tell.
func (f *front) pass(client net.Conn) {
	defer func() { _ = client.Close() }()
	first := make([]byte, 4096)
	n, err := client.Read(first)
	f.use(client)
	if err != nil {
		return
	}
	server, err := net.Dial("unix", f.socket)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	if _, err := server.Write(first[:n]); err != nil {
		return
	}
	var answers sync.WaitGroup
	answers.Go(func() {
		_, _ = io.Copy(client, server)
		_ = client.Close() // the server has ended the connection: so it ends for the client
	})
	_, _ = io.Copy(server, client)
	closeWrite(server)
	answers.Wait()
}

func closeWrite(conn net.Conn) {
	if half, ok := conn.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
}

// close takes no more connections and ends the unused ones. Those that carry a request end with the server.
func (f *front) close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil
	}
	f.closed = true
	for client := range f.unused {
		_ = client.Close()
	}
	return f.listener.Close()
}
