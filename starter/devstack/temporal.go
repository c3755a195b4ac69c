package devstack

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"go.temporal.io/api/enums/v1"
	namespacepb "go.temporal.io/api/namespace/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/types/known/durationpb"

	"elara/spec/fault"
	"elara/workflows/namespace"
)

// Namespace is where the stack's workflows live.
const Namespace = "elara"

// retention is how long finished runs stay readable. The development server's own is one day, too short for a record
// of who approved what.
const retention = 365 * 24 * time.Hour

// serverPardons is how often the server may die while it starts. It chooses the ports of its own services (history,
// matching, HTTP), and another process may take one of them before it is bound: one start in some hundreds on a busy machine.
const serverPardons = 2

// temporalCommand starts the development server on the folder's database.
func temporalCommand(binary, folder string, port, uiPort int) []string {
	return []string{
		binary, "server", "start-dev",
		"--db-filename", filepath.Join(folder, historyFile),
		"--ip", loopback,
		"--port", strconv.Itoa(port),
		"--ui-port", strconv.Itoa(uiPort),
		"--namespace", Namespace,
		"--ui-disable-news-fetch",
		"--log-level", "warn",
	}
}

// temporalEnv is ours without proxies and with the version check off: the server talks to nobody.
func temporalEnv() []string { return append(os.Environ(), "TEMPORAL_VERSION_CHECK_DISABLED=1") }

// prepareNamespace brings the namespace to what the workflows need: the retention and the search attributes. A database of an
// earlier version gains what it lacks. It passes once the server can take workflows.
func prepareNamespace(ctx context.Context, server client.Client) error {
	ask := &workflowservice.DescribeNamespaceRequest{Namespace: Namespace}
	described, err := server.WorkflowService().DescribeNamespace(ctx, ask)
	if err != nil {
		return err
	}
	if described.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration() != retention {
		_, err := server.WorkflowService().UpdateNamespace(ctx, &workflowservice.UpdateNamespaceRequest{
			Namespace: Namespace,
			Config:    &namespacepb.NamespaceConfig{WorkflowExecutionRetentionTtl: durationpb.New(retention)},
		})
		if err != nil {
			return fmt.Errorf("set the retention: %w", err)
		}
	}
	if err := namespace.Prepare(ctx, server, Namespace); err != nil {
		return err
	}
	return namespace.Ready(ctx, server)
}

// hasPoller passes when a worker that was seen after the given time polls the queue.
func hasPoller(ctx context.Context, server client.Client, queue string, since time.Time) error {
	described, err := server.DescribeTaskQueue(ctx, queue, enums.TASK_QUEUE_TYPE_WORKFLOW)
	if err != nil {
		return err
	}
	for _, poller := range described.GetPollers() {
		if poller.GetLastAccessTime().AsTime().After(since) {
			return nil
		}
	}
	return fault.New(fault.Transient, "no worker polls the task queue %s", queue)
}
