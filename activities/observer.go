package activities

import (
	"context"
	"math"
	"sync/atomic"
	"time"

	"elara/spec"
	"elara/telemetry/runlog"
)

// observer is the training's link to the activity. Its methods are called from the training's goroutine.
type observer struct {
	stage       string
	adapter     spec.AdapterName
	pulse       *pulse
	live        context.Context // ends when there is a reason to stop
	until       int64
	resumedFrom int64
	saver       saver
	committed   atomic.Int64 // newest step whose checkpoint is committed by this attempt

	cut             []int64            // lines of the training file whose rows are left out
	tokensPerSecond float64            // of the last step
	metrics         map[string]float64 // likewise
	stepped         time.Time          // end of the last step; zero before the first, whose time is mostly loading

	curve   *runlog.Log
	measure func(progress spec.Progress, began, ended time.Time)
}

func (o *observer) Progress(progress spec.Progress) {
	progress.Stage, progress.Adapter = o.stage, o.adapter
	progress.CheckpointStep = max(o.committed.Load(), o.resumedFrom)
	progress.ResumedFrom = o.resumedFrom
	o.tokensPerSecond, o.metrics = finite(progress.TokensPerSecond), progress.Metrics
	o.pulse.step(progress)
	o.curve.Observe(progress)
	now := time.Now()
	if !o.stepped.IsZero() {
		o.measure(showable(progress), o.stepped, now)
	}
	o.stepped = now
}

func (o *observer) Save(ctx context.Context, snapshot spec.Snapshot) error {
	err := o.saver.save(ctx, snapshot)
	o.pulse.move()
	return err
}

// Measured counts as movement.
func (o *observer) Measured(int) { o.pulse.move() }

func (o *observer) Yield(step int64) bool {
	return step >= o.until || o.live.Err() != nil || o.saver.broken()
}

func isFinite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// finite replaces what JSON cannot hold.
func finite(v float64) float64 {
	if isFinite(v) {
		return v
	}
	return 0
}
