package activities

import (
	"context"
	"time"

	"elara/spec"
	"elara/storage"
)

// shift is what an activity that takes time works with: a context that ends when there is a reason to stop, a store
// whose transfers count as movement, and the pulse that tells the server of both.
type shift struct {
	ctx   context.Context
	store storage.Store
	pulse *pulse
	end   func()
}

// begin starts a shift; the caller defers its end.
func begin(ctx context.Context, store storage.Store, at spec.Progress, patience time.Duration) shift {
	pulse := startPulse(ctx, at, patience)
	live, release := untilStopped(ctx)
	return shift{ctx: live, store: pulse.watch(store), pulse: pulse, end: func() {
		release()
		pulse.stop()
	}}
}
