package ground

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Await asks every poll until ready passes or ctx ends; what names in the error what was waited for.
func Await(ctx context.Context, poll time.Duration, what string, ready func() error) error {
	again := time.NewTicker(poll)
	defer again.Stop()
	for {
		last := ready()
		if last == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", what, errors.Join(context.Cause(ctx), last))
		case <-again.C:
		}
	}
}
