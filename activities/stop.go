package activities

import (
	"context"
	"errors"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"

	"elara/spec/fault"
)

// errWorkerStops is the cause of a context that ended because its worker was asked to stop.
var errWorkerStops = fault.New(fault.Preempted, "the worker is stopping")

// untilStopped derives a context that ends, with the cause, when there is a reason to stop. An outage of the server is
// none: the SDK cancels ctx when a heartbeat cannot be delivered, but the work is not lost by it, and what was
// fenced off meanwhile is refused by the store.
func untilStopped(ctx context.Context) (context.Context, context.CancelFunc) {
	live, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	go func() {
		select {
		case <-activity.GetWorkerStopChannel(ctx):
			cancel(errWorkerStops)
			return
		case <-live.Done():
			return
		case <-ctx.Done():
		}
		if cause := context.Cause(ctx); isReason(cause) {
			cancel(cause)
			return
		}
		select {
		case <-activity.GetWorkerStopChannel(ctx):
			cancel(errWorkerStops)
		case <-live.Done():
		}
	}()
	return live, func() { cancel(nil) }
}

// isReason tells why a context was cancelled: because somebody or a time limit wants the attempt to end, or because the
// server could not be reached.
func isReason(cause error) bool {
	var gone *serviceerror.NotFound // the server has given the attempt up
	return temporal.IsCanceledError(cause) ||
		errors.Is(cause, activity.ErrActivityPaused) || errors.Is(cause, activity.ErrActivityReset) ||
		errors.Is(cause, worker.ErrWorkerShutdown) || errors.Is(cause, context.DeadlineExceeded) ||
		errors.Is(cause, context.Canceled) || errors.As(cause, &gone)
}
