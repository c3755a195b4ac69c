package namespace

import (
	"context"
	"errors"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
)

// nobody names a task queue and a workflow that do not exist.
const nobody = "elara-is-anybody-there"

// Ready passes when the services that workflows need answer: a server's frontend does before those behind it, and before one
// of them can have failed to start and ended them all.
func Ready(ctx context.Context, server client.Client) error {
	if _, err := server.CheckHealth(ctx, &client.CheckHealthRequest{}); err != nil {
		return err
	}
	if _, err := server.DescribeTaskQueue(ctx, nobody, enumspb.TASK_QUEUE_TYPE_WORKFLOW); err != nil { // matching
		return err
	}
	_, err := server.DescribeWorkflowExecution(ctx, nobody, "") // history
	var missing *serviceerror.NotFound
	if errors.As(err, &missing) {
		return nil
	}
	return err
}
