package connect

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"elara/spec/fault"
)

// Workflow is one that is asked and told: the run, or the newest of its ID where Run is empty.
type Workflow struct {
	Server  client.Client
	ID, Run string
	Within  time.Duration // bounds the wait: a worker answers in milliseconds, and without one there is no answer
}

// Query puts a query to a workflow. It needs a live worker, also for a workflow that is over. What the workflow refuses is
// Invalid, in its own words; other errors are as Fault says.
func Query[Out any](ctx context.Context, of Workflow, query string, args ...any) (Out, error) {
	var out Out
	ctx, cancel := context.WithTimeout(ctx, of.Within)
	defer cancel()
	answer, err := of.Server.QueryWorkflow(ctx, of.ID, of.Run, query, args...)
	var refused *serviceerror.QueryFailed
	if errors.As(err, &refused) {
		return out, fault.New(fault.Invalid, "%s", refused.Message)
	}
	if err != nil {
		return out, Fault(err)
	}
	return out, answer.Get(&out)
}

// Update tells a workflow something, and waits until that is done. Errors are as Fault says: a refusal has the workflow's
// kind and words.
func Update[Out any](ctx context.Context, of Workflow, update string, argument any) (Out, error) {
	var out Out
	ctx, cancel := context.WithTimeout(ctx, of.Within)
	defer cancel()
	handle, err := of.Server.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: of.ID, RunID: of.Run, UpdateName: update, Args: []any{argument}, WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err == nil {
		err = handle.Get(ctx, &out)
	}
	return out, Fault(err)
}
