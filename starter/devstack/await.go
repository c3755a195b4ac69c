package devstack

import (
	"context"
	"errors"
	"fmt"
	"time"

	"elara/spec/fault"
)

const pollEvery = 100 * time.Millisecond

// await polls until the check passes. It gives up when ctx ends, and names the check's last error when it was time that ran out.
func await(ctx context.Context, what string, check func(context.Context) error) error {
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for {
		err := check(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			cause := context.Cause(ctx)
			if errors.Is(cause, context.DeadlineExceeded) {
				cause = fault.New(fault.Transient, "%w; last: %v", cause, err)
			}
			return fmt.Errorf("wait for %s: %w", what, cause)
		case <-ticker.C:
		}
	}
}

// awaitChild is await for something a child serves: a child that dies before it was ready, more often than is pardoned, ends the wait.
func awaitChild(ctx context.Context, c *child, check func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	finished := make(chan struct{})
	defer close(finished)
	go func() {
		select {
		case err := <-c.failed:
			cancel(c.obituary(err))
		case <-finished:
		}
	}()
	return await(ctx, c.name, check)
}
