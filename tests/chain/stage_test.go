package chain

import (
	"context"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"

	"elara/activities"
	"elara/data/hub"
	"elara/internal/setup"
	"elara/spec"
	"elara/spec/fault"
	"elara/storage"
	"elara/storage/gateway"
	"elara/storage/s3"
	"elara/telemetry/runlog"
	"elara/worker/serve"
	"elara/workflows/namespace"
)

const (
	temporalNamespace = "elara"
	accessKey         = "chain"
	secretKey         = "chain-secret"
	patience          = 4 * time.Minute // for what takes a heartbeat timeout and a retry
)

// theatre is a server, a gateway and a client; workers come and go.
type theatre struct {
	client   client.Client
	address  string
	endpoint string
	server   *process
	command  func() *exec.Cmd // makes the command that starts the server, on its old port and database
}

// open starts both servers; everything listens on 127.0.0.1 and lies in the test's folder.
func open(t *testing.T, buckets ...string) *theatre {
	t.Helper()
	binary, err := setup.Temporal(t.Context())
	if fault.Is(err, fault.NotFound) {
		t.Skipf("no Temporal command line: %v", err)
	}
	require.NoError(t, err)
	folder := t.TempDir()
	g, err := gateway.Start(t.Context(), gateway.Options{
		Folder: filepath.Join(folder, "s3"), Address: "127.0.0.1:0", AccessKey: accessKey, SecretKey: secretKey, Buckets: buckets,
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, g.Close()) })

	address := "127.0.0.1:" + strconv.Itoa(freePort(t))
	command := func() *exec.Cmd {
		return exec.Command(binary, "server", "start-dev", "--headless", "--ip", "127.0.0.1",
			"--port", address[len("127.0.0.1:"):], "--db-filename", filepath.Join(folder, "temporal.db"),
			"--namespace", temporalNamespace, "--log-level", "error")
	}
	c, err := client.NewLazyClient(client.Options{
		HostPort: address, Namespace: temporalNamespace, Identity: "chain-test",
		Logger: sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)),
	})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	th := &theatre{client: c, address: address, endpoint: g.Endpoint(), command: command}
	th.play(t)
	return th
}

// play starts the server, again where it ended: of the ports that it chooses for its own services another process may take
// one before it is bound. It returns when it can take workflows.
func (th *theatre) play(t *testing.T) {
	t.Helper()
	th.server = begin(t, th.command())
	eventually(t, time.Minute, func(ctx context.Context) error {
		if th.server.hasEnded() {
			th.server = begin(t, th.command())
		}
		if err := namespace.Prepare(ctx, th.client, temporalNamespace); err != nil {
			return err
		}
		return namespace.Ready(ctx, th.client)
	})
}

// begin starts a process that does not outlive the test.
func begin(t *testing.T, command *exec.Cmd) *process {
	t.Helper()
	command.Stderr = os.Stderr
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	p := &process{command: command, ended: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		// The system kills the child when the thread that forked it ends, and an engine of the test may end the thread that any
		// goroutine ran on before: this one keeps its own.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(p.ended)
		err := command.Start()
		started <- err
		if err == nil {
			p.err = command.Wait()
		}
	}()
	require.NoError(t, <-started)
	t.Cleanup(func() {
		_ = command.Process.Kill() // it may have ended
		<-p.ended
	})
	return p
}

// process is a child whose end can be waited for.
type process struct {
	command *exec.Cmd
	ended   chan struct{}
	err     error // valid after ended
}

func (p *process) hasEnded() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// kill ends the process as a power cut would.
func (p *process) kill(t *testing.T) {
	t.Helper()
	require.NoError(t, p.command.Process.Kill())
	<-p.ended
}

func freePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, listener.Close()) }()
	return listener.Addr().(*net.TCPAddr).Port
}

// eventually asks until the answer is no error.
func eventually(t *testing.T, within time.Duration, ask func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		err := ask(ctx)
		if err == nil {
			return
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			require.NoError(t, err, "after %v", within)
		}
	}
}

func openStore(ctx context.Context, endpoint, bucket, prefix string) (storage.Store, error) {
	return s3.Open(ctx, s3.Options{
		Endpoint: endpoint, Bucket: bucket, Prefix: prefix, PathStyle: true, AccessKey: accessKey, SecretKey: secretKey,
	})
}

func (th *theatre) store(t *testing.T, bucket string) storage.Store {
	t.Helper()
	store, err := openStore(t.Context(), th.endpoint, bucket, "")
	require.NoError(t, err)
	return store
}

// Variables of a worker that runs as a process of its own; the test binary serves when the first one is set.
const (
	workerVariable = "ELARA_CHAIN_WORKER" // address of the server
	endpointVar    = "ELARA_CHAIN_ENDPOINT"
	bucketVar      = "ELARA_CHAIN_BUCKET"
	cacheVar       = "ELARA_CHAIN_CACHE"
	killAtVar      = "ELARA_CHAIN_KILL_AT" // step at which the worker kills itself; empty: never
	phaseVar       = "ELARA_CHAIN_PHASE"   // of PPO, in which the real engine kills its worker; empty: the toy works
	curvesVar      = "ELARA_CHAIN_CURVES"  // folder; empty: none are kept
	queueSuffixVar = "ELARA_CHAIN_QUEUE"
)

func TestMain(m *testing.M) {
	if os.Getenv(workerVariable) == "" {
		m.Run()
		return
	}
	if err := workerMain(context.Background()); err != nil {
		panic(err)
	}
}

// worker starts a worker process for a bucket, on queues of that name. killAt 0 lets it live.
func (th *theatre) worker(t *testing.T, bucket string, killAt int64) *process {
	t.Helper()
	if killAt > 0 {
		return th.workerWith(t, bucket, killAtVar+"="+strconv.FormatInt(killAt, 10))
	}
	return th.workerWith(t, bucket)
}

// workerWith is worker with more variables.
func (th *theatre) workerWith(t *testing.T, bucket string, variables ...string) *process {
	t.Helper()
	binary, err := os.Executable()
	require.NoError(t, err)
	command := exec.Command(binary)
	command.Env = append(os.Environ(), workerVariable+"="+th.address, endpointVar+"="+th.endpoint,
		bucketVar+"="+bucket, cacheVar+"="+cacheFolder(t), queueSuffixVar+"="+bucket)
	command.Env = append(command.Env, variables...)
	return begin(t, command)
}

// cacheFolder is a folder whose read-only files the test can remove.
func cacheFolder(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	t.Cleanup(func() {
		require.NoError(t, filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			return os.Chmod(path, 0o700)
		}))
	})
	return folder
}

func controlQueue(bucket string) string { return "control-" + bucket }
func trainQueue(bucket string) string   { return "train-" + bucket }

// workerMain is the worker process.
func workerMain(ctx context.Context) error {
	logger := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	c, err := client.DialContext(ctx, client.Options{
		HostPort: os.Getenv(workerVariable), Namespace: temporalNamespace, Identity: "chain-worker",
		Logger: sdklog.NewStructuredLogger(logger),
	})
	if err != nil {
		return err
	}
	defer c.Close()
	store, err := openStore(ctx, os.Getenv(endpointVar), os.Getenv(bucketVar), "")
	if err != nil {
		return err
	}
	if err := storage.Probe(ctx, store); err != nil {
		return err
	}
	engine, store, err := engineOf(store)
	if err != nil {
		return err
	}
	where, err := hub.FromEnvironment(os.Getenv)
	if err != nil {
		return err
	}
	models, err := hub.New(where)
	if err != nil {
		return err
	}
	return serve.Run(ctx, serve.Options{
		Client: c, Store: store, CacheDir: os.Getenv(cacheVar), Logger: logger,
		ControlQueue: controlQueue(os.Getenv(queueSuffixVar)), TrainQueue: trainQueue(os.Getenv(queueSuffixVar)),
		Hub: models,
		Buckets: func(ctx context.Context, bucket, prefix string) (storage.Store, error) {
			return openStore(ctx, os.Getenv(endpointVar), bucket, prefix)
		},
		Curves: keepCurves(os.Getenv(curvesVar)),
		Engine: engine,
	})
}

// keepCurves is what elara-worker makes of its settings.
func keepCurves(folder string) activities.Curves {
	if folder == "" {
		return nil
	}
	return func(run spec.RunID, adapter spec.AdapterName, config any, state []byte) (*runlog.Log, error) {
		return runlog.Open(runlog.Options{Dir: folder, Run: string(run), Adapter: string(adapter), Config: config, State: state})
	}
}
