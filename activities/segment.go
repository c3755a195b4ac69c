package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/activity"

	"elara/spec"
	"elara/spec/fault"
	"elara/storage/checkpoint"
)

// segment is what a training is to the store and to Temporal, whatever it trains: it goes on from the newest checkpoint under
// a lease of its own, commits behind the steps, and tells why it stopped.
type segment struct {
	stage string
	run   spec.RunID
	name  spec.AdapterName // under which its checkpoints and its curve lie
	key   spec.Digest      // identity of what is trained: a lease is refused to another
	facts checkpoint.Facts
	until int64 // step to yield at
	steps int64 // of a segment
	keep  int   // checkpoints that stay; 0: all
	curve any   // what the curve says of the making
}

// String names the training in errors.
func (s segment) String() string {
	if s.stage == string(s.name) {
		return s.stage
	}
	return s.stage + " " + string(s.name)
}

// engine trains from a snapshot, or from the beginning where there is none.
type engine func(ctx context.Context, resume *spec.Snapshot, watch *observer) (spec.TrainOutcome, error)

// segment runs an engine until it is done, or told to yield. publish is called when it is done.
func (d *Device) segment(
	ctx context.Context, work shift, s segment, train engine, publish func(ctx context.Context, watch *observer, outcome spec.TrainOutcome) error,
) (result spec.SegmentResult, err error) {
	live, store := work.ctx, work.store
	lease, err := checkpoint.Acquire(live, store, s.run, s.name, holder(ctx), s.key)
	if err != nil {
		return spec.SegmentResult{}, err
	}
	newest, found, skipped, err := lease.Newest(live)
	if err != nil {
		return spec.SegmentResult{}, err
	}
	result = spec.SegmentResult{Token: lease.Token()}
	for _, checkpoint := range skipped {
		result.Skipped = append(result.Skipped, checkpoint.String())
	}
	var resume *spec.Snapshot
	if found {
		resume = &newest
		result.ResumedFrom = newest.Step
	}
	activity.GetLogger(ctx).Info("training segment begins", "training", s.String(),
		"resumed_from", result.ResumedFrom, "until", s.until, "token", result.Token, "skipped", result.Skipped)

	watch := &observer{
		stage: s.stage, adapter: s.name, pulse: work.pulse, live: live, until: s.until, resumedFrom: result.ResumedFrom,
	}
	if result.ResumedFrom >= s.until { // an attempt before got there and could not say so
		watch.until = result.ResumedFrom + s.steps
	}
	watch.saver.commit = func(ctx context.Context, snapshot spec.Snapshot) error {
		began := time.Now()
		err := patiently(ctx, func() error {
			_, err := lease.Commit(ctx, snapshot, s.facts)
			return err
		})
		if d.Instruments != nil {
			d.Instruments.CheckpointCommit(ctx, s.name, snapshot.Step, sizeOf(snapshot), began, time.Now(), err)
		}
		if err == nil {
			watch.committed.Store(snapshot.Step)
		}
		return err
	}

	// From here on nothing but the observer stops the training: what it has is saved before it ends.
	unbroken := context.WithoutCancel(ctx)
	watch.measure = func(progress spec.Progress, began, ended time.Time) {
		if d.Instruments != nil {
			d.Instruments.TrainStep(unbroken, progress, began, ended)
		}
	}
	watch.curve = d.curve(ctx, s.run, s.name, s.curve, resume)
	work.pulse.loading()
	result.Outcome, err = train(unbroken, resume, watch)
	err = errors.Join(err, watch.saver.wait())
	watch.curve.Close(err == nil && result.Outcome.Done)
	if err == nil {
		err = checkOutcome(result.Outcome, watch)
	}
	if err != nil {
		return spec.SegmentResult{}, fmt.Errorf("%s: %w", s, err)
	}
	result.TokensPerSecond = watch.tokensPerSecond
	if result.Outcome.Done {
		if err := publish(unbroken, watch, result.Outcome); err != nil {
			return spec.SegmentResult{}, fmt.Errorf("%s: %w", s, err)
		}
	}
	s.prune(unbroken, work)
	return result, nil
}

// pruneGrace keeps a commit that is under way elsewhere out of reach.
const pruneGrace = 10 * time.Minute

// prune keeps save_total_limit checkpoints, where one is set. A failure leaves more than were asked for; the training is
// worth more than the room they take, and the next segment tries again.
func (s segment) prune(ctx context.Context, work shift) {
	if s.keep < 1 {
		return
	}
	if _, err := checkpoint.Sweep(ctx, work.store, s.run, s.name, s.keep, pruneGrace); err != nil {
		activity.GetLogger(ctx).Warn("old checkpoints stay", "training", s.String(), "kind", fault.KindOf(err))
	}
}
