package devstack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"go.temporal.io/sdk/client"

	"elara/internal/connect"
	"elara/internal/setup"
	"elara/spec/fault"
	"elara/workflows"
)

// What ports are called in messages.
const (
	metricsName = "the worker's metrics"
	deskName    = "the desk"
)

const (
	// Region and Bucket of the stack's gateway. A region is part of every S3 signature.
	Region = "us-east-1"
	Bucket = "elara"

	startWithin = 60 * time.Second
	// Temporal's dev server closes its database in well under a second; the gateway ends requests in hand.
	closeWithin = 15 * time.Second
)

// Options say what to run. Ports that are 0 are chosen: those of the last run, then the well-known ones, then any.
type Options struct {
	Folder       string   // holds all state; made when it is not there
	Temporal     string   // Temporal's command line; empty: the one that package setup finds
	Worker       string   // worker binary; empty: no worker is run
	Desk         []string // command of the desk, which is told its address with --listen; empty: no desk is run
	TemporalPort int
	UIPort       int
	S3Port       int
	DeskPort     int
	// Report gets one line for the owner whenever a part starts, dies or does not stop. Calls come from several
	// goroutines. Nil: nobody is told.
	Report func(string)
}

// Stack is a running stack.
type Stack struct {
	folder  string
	unlock  io.Closer
	gateway *objects // nil until it runs; so are the others
	server  *child
	worker  *child // nil when none is run
	desk    *child // nil when none is run

	addresses sync.Mutex // guards record and ports: a restarted worker may get another port for its metrics
	record    Record     // without its parts, whose state Record adds
	ports     ports

	report func(string)

	publishing sync.Mutex // one writer of the record at a time, so that the newest state is the last one written
}

// Start runs the parts and returns when each of them answers. When it fails, nothing is left running.
func Start(ctx context.Context, o Options) (_ *Stack, err error) {
	ctx, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	if o.Report == nil {
		o.Report = func(string) {}
	}
	if o.Temporal == "" {
		if o.Temporal, err = setup.Temporal(ctx); err != nil {
			return nil, err
		}
	}
	if o.Folder, err = filepath.Abs(o.Folder); err != nil {
		return nil, fault.New(fault.Invalid, "state folder: %w", err)
	}
	if err := makeFolder(o.Folder); err != nil {
		return nil, err
	}
	unlock, err := lock(o.Folder)
	if err != nil {
		return nil, err
	}
	s := &Stack{folder: o.Folder, unlock: unlock, report: o.Report}
	defer func() {
		if err != nil {
			expired, cancel := context.WithCancel(context.Background())
			cancel() // nothing has begun that would be worth waiting for
			err = errors.Join(err, s.Stop(expired))
		}
	}()
	credentials, err := keepCredentials(o.Folder)
	if err != nil {
		return nil, err
	}
	if err := s.settle(ctx, o); err != nil {
		return nil, err
	}
	if s.gateway, err = startGateway(ctx, o.Folder, portOf(s.record.S3), credentials, o.Report); err != nil {
		return nil, fmt.Errorf("start the S3 gateway: %w", err)
	}
	if err := s.startTemporal(ctx, o); err != nil {
		return nil, err
	}
	if o.Worker != "" {
		if err := s.startWorker(ctx, o, credentials); err != nil {
			return nil, err
		}
	}
	if len(o.Desk) > 0 {
		if err := s.startDesk(ctx, o, credentials); err != nil {
			return nil, err
		}
	}
	return s, s.publish()
}

// settle chooses the addresses.
func (s *Stack) settle(ctx context.Context, o Options) error {
	var last Record // of the stack that ran here before, if any; what cannot be read is no wish
	_ = readJSON(filepath.Join(o.Folder, recordFile), &last)
	if err := os.Remove(filepath.Join(o.Folder, recordFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	temporal, err := s.ports.choose(ctx, "Temporal", o.TemporalPort, portOf(last.Temporal), temporalPort)
	if err != nil {
		return err
	}
	ui, err := s.ports.choose(ctx, "Temporal's Web UI", o.UIPort, portOf(last.UI), uiPort)
	if err != nil {
		return err
	}
	s3, err := s.ports.choose(ctx, "the S3 gateway", o.S3Port, portOf(last.S3), s3Port)
	if err != nil {
		return err
	}
	metrics, err := s.ports.choose(ctx, metricsName, 0, portOf(last.Metrics), metricsPort)
	if err != nil {
		return err
	}
	desk := 0
	if len(o.Desk) > 0 {
		if desk, err = s.ports.choose(ctx, deskName, o.DeskPort, portOf(last.Desk), deskPort); err != nil {
			return err
		}
	}
	curves, err := curvesFolder(o.Folder)
	if err != nil {
		return err
	}
	s.record = Record{
		PID: os.Getpid(), StartedAt: time.Now().UTC().Truncate(time.Second),
		Temporal: address(temporal), Namespace: Namespace, UI: httpURL(ui),
		S3: httpURL(s3), Region: Region, Bucket: Bucket,
		Metrics: address(metrics), Curves: curves,
	}
	if desk != 0 {
		s.record.Desk = httpURL(desk)
	}
	return nil
}

func (s *Stack) startTemporal(ctx context.Context, o Options) error {
	command := temporalCommand(o.Temporal, o.Folder, portOf(s.record.Temporal), portOf(s.record.UI))
	s.server = newChild("temporal", command, temporalEnv, LogPath(o.Folder, "temporal"), o.Report, s.changed)
	s.server.pardons = serverPardons
	go s.server.run()
	return s.withClient(func(server client.Client) error {
		return awaitChild(ctx, s.server, func(ctx context.Context) error { return prepareNamespace(ctx, server) })
	})
}

func (s *Stack) startWorker(ctx context.Context, o Options, credentials Credentials) error {
	begun := time.Now()
	env := func() []string { return workerEnv(s.withFreeMetrics(), credentials) }
	s.worker = newChild("worker", []string{o.Worker}, env, LogPath(o.Folder, "worker"), o.Report, s.changed)
	go s.worker.run()
	return s.withClient(func(server client.Client) error {
		return awaitChild(ctx, s.worker, func(ctx context.Context) error { return hasPoller(ctx, server, workflows.ControlQueue, begun) })
	})
}

// startDesk runs the web pages. They reach the stack as the worker does, whatever cluster the environment names.
func (s *Stack) startDesk(ctx context.Context, o Options, credentials Credentials) error {
	env := func() []string { return workerEnv(s.Record(), credentials) }
	command := append(slices.Clone(o.Desk), "--listen", address(portOf(s.record.Desk)))
	s.desk = newChild("desk", command, env, LogPath(o.Folder, "desk"), o.Report, s.changed)
	go s.desk.run()
	return awaitChild(ctx, s.desk, func(ctx context.Context) error { return answers(ctx, s.record.Desk+"/healthz") })
}

// answers reports whether an address of this machine answers with success.
func answers(ctx context.Context, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s answers %s", url, answer.Status)
	}
	return errors.Join(err, answer.Body.Close())
}

// withFreeMetrics gives the record for a worker that is about to start. Its port for metrics stays what it was when it is
// still free. Something that is no stack of ours may have taken it while the worker was down: a worker that cannot serve
// its metrics does not start, so it gets another port, which the published record tells.
func (s *Stack) withFreeMetrics() Record {
	s.addresses.Lock()
	defer s.addresses.Unlock()
	ctx := context.Background() // a look at ports of this machine
	taken := portOf(s.record.Metrics)
	_, err := tryPort(ctx, taken)
	if err == nil {
		return s.record
	}
	port, chooseErr := s.ports.choose(ctx, metricsName, 0)
	if chooseErr != nil {
		s.report(fmt.Sprintf("port %d for %s is not free (%v), and no other was found: %v", taken, metricsName, err, chooseErr))
		return s.record
	}
	s.report(fmt.Sprintf("port %d for %s is not free (%v), taking %d instead", taken, metricsName, err, port))
	s.record.Metrics = address(port)
	return s.record
}

func (s *Stack) withClient(use func(client.Client) error) error {
	server, err := client.NewLazyClient(client.Options{HostPort: s.record.Temporal, Namespace: Namespace, Logger: connect.Quiet{}})
	if err != nil {
		return err
	}
	defer server.Close()
	return use(server)
}

// Record says where the parts are.
func (s *Stack) Record() Record {
	s.addresses.Lock()
	record := s.record
	s.addresses.Unlock()
	for _, c := range []*child{s.server, s.worker, s.desk} {
		if c != nil {
			record.Parts = append(record.Parts, c.part())
		}
	}
	return record
}

// publish writes the record for Find. Before it, the stack counts as starting.
func (s *Stack) publish() error {
	s.publishing.Lock()
	defer s.publishing.Unlock()
	return writeJSON(filepath.Join(s.folder, recordFile), s.Record())
}

// changed keeps a published record true when a part has died or is back.
func (s *Stack) changed() {
	if _, err := os.Stat(filepath.Join(s.folder, recordFile)); err != nil {
		return // not published yet
	}
	if err := s.publish(); err != nil {
		s.report(fmt.Sprintf("could not keep %s up to date: %v", recordFile, err))
	}
}

// Stop ends the parts in the order in which they need each other: the desk, the worker, which saves what it has, then
// Temporal, then the gateway. When ctx ends, what still runs is killed; the next start goes on from the folder all the same.
func (s *Stack) Stop(ctx context.Context) error {
	if s.desk != nil {
		closing, cancel := context.WithTimeout(ctx, closeWithin)
		s.desk.shut(closing)
		cancel()
	}
	if s.worker != nil {
		s.worker.shut(ctx)
	}
	if s.server != nil {
		closing, cancel := context.WithTimeout(ctx, closeWithin)
		s.server.shut(closing)
		cancel()
	}
	var err error
	if s.gateway != nil {
		err = s.gateway.Close()
	}
	s.addresses.Lock()
	defer s.addresses.Unlock()
	return errors.Join(err, s.ports.Close(), s.unlock.Close())
}
