package review

import (
	"context"
	"fmt"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	temporal "go.temporal.io/sdk/client"

	"elara/internal/connect"
	"elara/storage"
)

const (
	// askWithin bounds a query.
	askWithin = 5 * time.Second
	// tellWithin bounds the wait for the worker that takes a judgement or a decision.
	tellWithin = 15 * time.Second
	// listed is how many workflows are listed.
	listed = 100
)

// Client speaks for reviewers.
type Client struct {
	server temporal.Client
	store  storage.Store
	pairs  *pairCache
}

// New makes a client.
func New(server temporal.Client, store storage.Store) *Client {
	return &Client{server: server, store: store, pairs: newPairCache(store)}
}

// ask puts a query to a workflow.
func ask[Out any](ctx context.Context, c *Client, workflow, query string, args ...any) (Out, error) {
	return connect.Query[Out](ctx, connect.Workflow{Server: c.server, ID: workflow, Within: askWithin}, query, args...)
}

// tell sends an Update and waits until it is taken.
func tell[Out any](ctx context.Context, c *Client, workflow, update string, argument any) (Out, error) {
	return connect.Update[Out](ctx, connect.Workflow{Server: c.server, ID: workflow, Within: tellWithin}, update, argument)
}

// running lists the workflows of a type that go on, the newest first.
func (c *Client) running(ctx context.Context, kind, more string) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	answer, err := c.server.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
		PageSize: listed, Query: fmt.Sprintf("WorkflowType = '%s' AND ExecutionStatus = '%s'%s", kind, enums.WORKFLOW_EXECUTION_STATUS_RUNNING, more),
	})
	if err != nil {
		return nil, connect.Fault(err)
	}
	var ids []string
	for _, execution := range answer.GetExecutions() {
		ids = append(ids, execution.GetExecution().GetWorkflowId())
	}
	return ids, nil
}
