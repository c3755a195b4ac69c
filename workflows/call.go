package workflows

import (
	"context"

	"go.temporal.io/sdk/workflow"
)

// call runs an activity and waits for it. The compiler checks the argument: a value of another type would decode to
// empty fields on the other side, without an error.
func call[In, Out any](
	ctx workflow.Context, options workflow.ActivityOptions,
	activity func(context.Context, In) (Out, error), in In,
) (Out, error) {
	var out Out
	err := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, options), activity, in).Get(ctx, &out)
	return out, err
}

// child is a child workflow that has been asked to start.
type child[Out any] struct{ future workflow.ChildWorkflowFuture }

// start asks for a child workflow, with the same check of its argument as call.
func start[In, Out any](
	ctx workflow.Context, options workflow.ChildWorkflowOptions,
	run func(workflow.Context, In) (Out, error), in In,
) child[Out] {
	return child[Out]{workflow.ExecuteChildWorkflow(workflow.WithChildOptions(ctx, options), run, in)}
}

// result waits for the end of the child.
func (c child[Out]) result(ctx workflow.Context) (Out, error) {
	var out Out
	err := c.future.Get(ctx, &out)
	return out, err
}
