package gateway

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/versity/versitygw/auth"
	"github.com/versity/versitygw/embedgw"
	"github.com/versity/versitygw/s3api"

	"elara/spec/fault"
)

const (
	maxConnections = 4096
	maxRequests    = 1024
	maxParts       = 10000 // S3's limit
)

// Gateway is a server that runs until Close.
type Gateway struct {
	front   *front
	stop    context.CancelFunc
	done    chan struct{} // closed when the server has ended
	failure error         // how it ended; valid after done
	release func() error  // gives up the folder
	once    sync.Once
}

// Start serves the folder and returns when requests are answered. ctx bounds the start only: the server runs until
// Close, so that work which outlives a cancellation can still save.
func Start(ctx context.Context, options Options) (*Gateway, error) {
	if err := options.Validate(); err != nil {
		return nil, err
	}
	folder, err := filepath.Abs(options.Folder)
	if err != nil {
		return nil, fault.New(fault.Invalid, "gateway: folder %q: %w", options.Folder, err)
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fault.New(fault.Invalid, "gateway: create folder: %w", err)
	}
	release, err := lockFolder(folder)
	if err != nil {
		return nil, err
	}
	g, err := serve(ctx, options, folder)
	if err != nil {
		return nil, errors.Join(err, release())
	}
	g.release = release
	return g, nil
}

func serve(ctx context.Context, options Options, folder string) (*Gateway, error) {
	objects, err := openBackend(folder)
	if err != nil {
		return nil, err
	}
	if err := objects.createBuckets(ctx, options.AccessKey, options.Buckets); err != nil {
		objects.Shutdown()
		return nil, err
	}
	socket := "@elara-gateway-" + rand.Text() // in Linux's abstract namespace: nothing to remove after a crash
	front, err := newFront(ctx, options.Address, socket)
	if err != nil {
		objects.Shutdown()
		return nil, fault.New(fault.Invalid, "gateway: listen on %s: %w", options.Address, err)
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	g := &Gateway{front: front, stop: stop, done: make(chan struct{})}
	ready := make(chan struct{})
	go func() {
		defer close(g.done)
		g.failure = embedgw.RunVersityGW(running, objects, config(options, socket, func() { close(ready) }))
	}()
	select {
	case <-ready:
		g.front.work.Go(g.front.serve)
		return g, nil
	case <-g.done:
		err = fault.New(fault.Invalid, "gateway: serve %q: %w", folder, g.failure)
		g.failure = nil // told
	case <-ctx.Done():
		err = fmt.Errorf("gateway: start: %w", ctx.Err())
	}
	return nil, errors.Join(err, g.Close())
}

// config is that of the server; it shuts the backend down when it ends.
func config(options Options, socket string, ready func()) *embedgw.Config {
	return &embedgw.Config{
		RootUserAccess:    options.AccessKey,
		RootUserSecret:    options.SecretKey,
		Region:            options.Region,
		Ports:             []string{socket},
		MaxConnections:    maxConnections,
		MaxRequests:       maxRequests,
		MultipartMaxParts: maxParts,
		Quiet:             true,
		KeepAlive:         true,
		IAMService: auth.NewIAMServiceSingle(auth.Account{
			Access: options.AccessKey, Secret: options.SecretKey, Role: auth.RoleAdmin,
		}),
		S3Options: []s3api.Option{s3api.WithOnListen(ready)},
	}
}

// Endpoint gives the URL to connect to.
func (g *Gateway) Endpoint() string { return "http://" + g.front.listener.Addr().String() }

// Done is closed when the server has ended, by Close or by itself.
func (g *Gateway) Done() <-chan struct{} { return g.done }

// Close lets requests under way finish, for up to ten seconds, and ends the server. It may be called twice.
func (g *Gateway) Close() error {
	var err error
	g.once.Do(func() {
		err = g.front.close()
		g.stop()
		<-g.done
		g.front.work.Wait()
		err = errors.Join(err, g.failure)
		if g.release != nil {
			err = errors.Join(err, g.release())
		}
	})
	return err
}
