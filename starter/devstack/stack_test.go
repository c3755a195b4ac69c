package devstack

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"elara/internal/connect"
	"elara/internal/setup"
	"elara/spec/fault"
	"elara/storage"
	"elara/storage/s3"
	"elara/workflows"
)

// within bounds every wait of these tests.
const within = 60 * time.Second

// startTestStack runs a stack in the folder whose worker is this test binary.
func startTestStack(t *testing.T, folder, role string) (*Stack, error) {
	t.Helper()
	needTemporal(t)
	t.Setenv(roleVariable, role)
	t.Setenv(folderVariable, folder)
	self, err := os.Executable()
	require.NoError(t, err)
	return Start(t.Context(), Options{Folder: folder, Worker: self, Report: func(line string) { t.Log(line) }})
}

func needTemporal(t *testing.T) string {
	t.Helper()
	binary, err := setup.Temporal(t.Context())
	if err != nil {
		t.Skipf("needs Temporal's command line: %v", err)
	}
	return binary
}

func startStack(t *testing.T, folder string) *Stack {
	t.Helper()
	stack, err := startTestStack(t, folder, workerRole)
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), within)
		defer cancel()
		if err := stack.Stop(ctx); err != nil && !errors.Is(err, os.ErrClosed) {
			t.Errorf("stop the stack: %v", err)
		}
	})
	return stack
}

func dial(t *testing.T, record Record) client.Client {
	t.Helper()
	server, err := client.NewLazyClient(client.Options{HostPort: record.Temporal, Namespace: record.Namespace, Logger: connect.Quiet{}})
	require.NoError(t, err)
	t.Cleanup(server.Close)
	return server
}

func begin(t *testing.T, server client.Client) client.WorkflowRun {
	t.Helper()
	run, err := server.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: "waiting", TaskQueue: workflows.ControlQueue}, "waitForWord")
	require.NoError(t, err)
	return run
}

// finish sends the word and expects the workflow to end with it.
func finish(t *testing.T, server client.Client, run client.WorkflowRun) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	require.NoError(t, server.SignalWorkflow(ctx, run.GetID(), run.GetRunID(), "word", "onwards"))
	var word string
	require.NoError(t, run.Get(ctx, &word))
	require.Equal(t, "onwards", word)
}

func partOf(t *testing.T, record Record, name string) Part {
	t.Helper()
	for _, part := range record.Parts {
		if part.Name == name {
			return part
		}
	}
	t.Fatalf("the record names no %s: %+v", name, record.Parts)
	return Part{}
}

// kill ends a part as a power cut would, and waits for the stack to say that it runs again.
func kill(t *testing.T, stack *Stack, name string) {
	t.Helper()
	before := partOf(t, stack.Record(), name)
	require.NotZero(t, before.PID)
	require.NoError(t, syscall.Kill(before.PID, syscall.SIGKILL))
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	require.NoError(t, await(ctx, name, func(context.Context) error {
		found, err := Find(stack.folder)
		if err != nil {
			return err
		}
		if part := partOf(t, found, name); part.PID == 0 || part.PID == before.PID || part.Restarts != before.Restarts+1 {
			return fmt.Errorf("still %+v", part)
		}
		return nil
	}))
}

func TestKilledTemporalComesBackWithItsHistories(t *testing.T) {
	stack := startStack(t, t.TempDir())
	server := dial(t, stack.Record())
	run := begin(t, server)

	kill(t, stack, "temporal")

	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	require.NoError(t, await(ctx, "the history", func(ctx context.Context) error {
		described, err := server.DescribeWorkflowExecution(ctx, run.GetID(), "")
		if err != nil {
			return err
		}
		require.Equal(t, run.GetRunID(), described.GetWorkflowExecutionInfo().GetExecution().GetRunId())
		return nil
	}))
	finish(t, server, run)
}

func TestKilledWorkerIsStartedAgain(t *testing.T) {
	stack := startStack(t, t.TempDir())
	server := dial(t, stack.Record())
	run := begin(t, server)

	kill(t, stack, "worker")

	finish(t, server, run)
}

// The worker of these tests serves no metrics, so its port is free, as it is for a moment whenever a worker dies.
func TestMetricsPortTakenByAStrangerIsReplacedAndTold(t *testing.T) {
	stack := startStack(t, t.TempDir())
	before := stack.Record().Metrics
	kill(t, stack, "worker")
	require.Equal(t, before, stack.Record().Metrics, "it was free, so it stays")

	stranger, err := net.Listen("tcp", before)
	require.NoError(t, err)
	defer func() { require.NoError(t, stranger.Close()) }()
	kill(t, stack, "worker")
	after, err := Find(stack.folder)
	require.NoError(t, err)
	require.NotEqual(t, before, after.Metrics)
	require.NotZero(t, portOf(after.Metrics))
	require.Equal(t, stack.Record().Metrics, after.Metrics)

	server := dial(t, after)
	finish(t, server, begin(t, server))
}

func TestKilledStackTakesItsPartsAlongAndGoesOnFromItsFolder(t *testing.T) {
	folder := t.TempDir()
	record := detach(t, folder)
	server := dial(t, record)
	run := begin(t, server)
	_, err := open(t, folder, record).Put(t.Context(), "kept", newBody("bytes"), storage.IfAbsent())
	require.NoError(t, err)

	require.NoError(t, syscall.Kill(record.PID, syscall.SIGKILL))

	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	for _, part := range record.Parts {
		require.NoError(t, await(ctx, part.Name+" to end", func(context.Context) error {
			if err := syscall.Kill(part.PID, 0); !errors.Is(err, syscall.ESRCH) {
				return fmt.Errorf("process %d is still there", part.PID)
			}
			return nil
		}))
	}
	_, err = Find(folder)
	require.True(t, fault.Is(err, fault.NotFound), "a dead stack's record must not count: %v", err)

	next := startStack(t, folder)
	require.Equal(t, record.Temporal, next.Record().Temporal, "addresses stay")
	require.Equal(t, record.UI, next.Record().UI)
	finish(t, dial(t, next.Record()), run)
	body, _, err := open(t, folder, next.Record()).Get(t.Context(), "kept")
	require.NoError(t, err)
	require.NoError(t, body.Close())
}

// detach starts a stack in a process of its own, which does not outlive the test.
func detach(t *testing.T, folder string) Record {
	t.Helper()
	needTemporal(t)
	t.Setenv(roleVariable, ownerRole)
	t.Setenv(folderVariable, folder)
	self, err := os.Executable()
	require.NoError(t, err)
	record, err := Detach(t.Context(), folder, []string{self})
	require.NoError(t, err)
	t.Cleanup(func() {
		if _, err := Find(folder); err == nil {
			_ = syscall.Kill(record.PID, syscall.SIGKILL) // it may have ended since; the test has said what it thinks of that
		}
	})
	return record
}

func TestDownStopsADetachedStackInOrder(t *testing.T) {
	folder := t.TempDir()
	detach(t, folder)

	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	require.NoError(t, Down(ctx, folder))

	require.FileExists(t, filepath.Join(folder, "saved"), "the worker had Temporal for as long as it saved")
	require.True(t, fault.Is(Down(ctx, folder), fault.NotFound))
}

func TestStackListensOnLoopbackOnly(t *testing.T) {
	stack := startStack(t, t.TempDir())
	addresses, err := net.InterfaceAddrs()
	require.NoError(t, err)
	record := stack.Record()
	reached := 0
	for _, found := range addresses {
		network, isIP := found.(*net.IPNet)
		if !isIP || network.IP.To4() == nil || network.IP.IsLoopback() {
			continue
		}
		for _, port := range []int{portOf(record.Temporal), portOf(record.UI), portOf(record.S3)} {
			reached++
			connection, err := net.DialTimeout("tcp", net.JoinHostPort(network.IP.String(), fmt.Sprint(port)), time.Second)
			if err == nil {
				_ = connection.Close()
				t.Errorf("port %d answers on %s", port, network.IP)
			}
		}
	}
	if reached == 0 {
		t.Skip("this machine has no address but loopback to try from")
	}
}

func TestWorkerThatCannotStartIsNamedWithItsLog(t *testing.T) {
	folder := t.TempDir()
	_, err := startTestStack(t, folder, failingRole)
	require.ErrorContains(t, err, "wait for worker: it ended at once: exit status 1: no libtorch here")
	require.ErrorContains(t, err, LogPath(folder, "worker"))
	held, err := locked(folder)
	require.NoError(t, err)
	require.False(t, held, "a stack that did not start holds nothing")
}

// A port that Temporal chose for one of its services may be taken before it binds it.
func TestTemporalThatDiesWhileItStartsIsStartedAgain(t *testing.T) {
	temporal := needTemporal(t)
	folder := t.TempDir()
	dies := func(times int) string {
		script := filepath.Join(folder, fmt.Sprintf("temporal-%d", times))
		require.NoError(t, os.WriteFile(script, fmt.Appendf(nil,
			"#!/bin/sh\necho >> %[1]s.starts\nif [ $(wc -l < %[1]s.starts) -le %[2]d ]; then echo address already in use >&2; exit 1; fi\nexec %[3]s \"$@\"\n",
			script, times, temporal), 0o700))
		return script
	}
	stack, err := Start(t.Context(), Options{Folder: filepath.Join(folder, "state"), Temporal: dies(serverPardons)})
	require.NoError(t, err)
	parts := stack.Record().Parts
	require.NoError(t, stack.Stop(t.Context()))
	require.Equal(t, serverPardons, parts[0].Restarts)

	_, err = Start(t.Context(), Options{Folder: filepath.Join(folder, "state"), Temporal: dies(serverPardons + 1)})
	require.ErrorContains(t, err, "wait for temporal: it ended at once: exit status 1: address already in use")
}

func TestNamespaceHasWhatTheWorkflowsNeed(t *testing.T) {
	stack := startStack(t, t.TempDir())
	server := dial(t, stack.Record())
	require.NoError(t, prepareNamespace(t.Context(), server), "twice is as good as once")
	run, err := server.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{
		TaskQueue: workflows.ControlQueue, TypedSearchAttributes: allAttributes(),
	}, "waitForWord")
	require.NoError(t, err)
	finish(t, server, run)
}

func open(t *testing.T, folder string, record Record) storage.Store {
	t.Helper()
	credentials, err := LoadCredentials(folder)
	require.NoError(t, err)
	store, err := s3.Open(t.Context(), s3.Options{
		Endpoint: record.S3, Region: record.Region, Bucket: record.Bucket, PathStyle: true,
		AccessKey: credentials.AccessKey, SecretKey: s3.Secret(credentials.SecretKey),
	})
	require.NoError(t, err)
	return store
}

func TestDetachedOwnerThatFailsIsQuoted(t *testing.T) {
	t.Setenv(roleVariable, failingRole)
	self, err := os.Executable()
	require.NoError(t, err)
	_, err = Detach(t.Context(), t.TempDir(), []string{self})
	require.EqualError(t, err, "start the stack: no libtorch here")
	require.Equal(t, fault.Transient, fault.KindOf(err))
}
