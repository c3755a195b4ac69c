package activities

import (
	"context"

	"go.temporal.io/sdk/activity"

	"elara/spec"
)

// Notifier tells people that something asks for one of them, every way but those that have told it already, and gives all that
// have. It may be called twice for one notice.
type Notifier interface {
	Notify(ctx context.Context, notice spec.Notice, told []string) (nowTold []string, err error)
}

// Notify tells people through the notifier of this worker; where there is none the log is told.
func (c *Control) Notify(ctx context.Context, in spec.Notice) (spec.Notice, error) {
	return run(ctx, c.Instruments, spec.StageApproval, in, func(ctx context.Context, in spec.Notice) (spec.Notice, error) {
		activity.GetLogger(ctx).Info("something asks for a person", "kind", in.Kind, "notice", in.Text())
		return in, c.tell(ctx, in)
	})
}

// tell remembers between attempts, by the heartbeat, which ways have told it.
func (c *Control) tell(ctx context.Context, notice spec.Notice) error {
	if c.Notifier == nil {
		return nil
	}
	var told []string
	if activity.HasHeartbeatDetails(ctx) {
		if err := activity.GetHeartbeatDetails(ctx, &told); err != nil {
			return err
		}
	}
	told, err := c.Notifier.Notify(ctx, notice, told)
	if err != nil {
		activity.RecordHeartbeat(ctx, told)
	}
	return err
}
