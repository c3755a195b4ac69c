package workflows

import (
	"fmt"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"elara/activities"
	"elara/spec"
)

// SmokeRelease is what follows a flip by hand: the very check that a run makes of what it has released. It waits for a worker
// of each adapter's device as long as that takes; whoever asked may leave meanwhile, and people are told when it was taken back.
func SmokeRelease(ctx workflow.Context, in spec.SmokeReleaseInput) (spec.ReleaseResult, error) {
	taken, err := smoke(ctx, in)
	if err == nil && taken.TakenBack != "" {
		tellPeople(ctx, spec.Notice{Kind: spec.NoticeTakenBack, Run: in.Run, Channel: in.Channel, Digest: in.Candidate.Digest}, tellAtOnce)
	}
	return taken, err
}

// smoke asks every released adapter one question, as whoever serves it would: from the store, on its own device. One that
// does not answer takes the release back, and the result says so; it is zero when all have answered.
func smoke(ctx workflow.Context, in spec.SmokeReleaseInput) (spec.ReleaseResult, error) {
	var d *activities.Device
	for _, target := range in.Smoke.Targets {
		queue := DeviceQueue(in.Smoke.TrainQueue, target.Device)
		_, err := call(ctx, device(queue, fmt.Sprintf("ask the released adapter %s", target.Name)), d.SmokeTest,
			spec.SmokeInput{Run: in.Run, Base: in.Smoke.Base, Question: in.Smoke.Question, Target: target})
		if temporal.IsCanceledError(err) {
			return spec.ReleaseResult{}, err
		}
		if err != nil {
			return takeBack(ctx, in, fmt.Sprintf("adapter %s: %s", target.Name, messageOf(err)))
		}
	}
	return spec.ReleaseResult{}, nil
}

// takeBack undoes the release; that it was undone, and why, is a result.
func takeBack(ctx workflow.Context, in spec.SmokeReleaseInput, reason string) (spec.ReleaseResult, error) {
	var a *activities.Control
	return call(ctx, quick("take the release back: "+reason), a.TakeBack, spec.TakeBackInput{
		Run: in.Run, Channel: in.Channel, Candidate: in.Candidate, Reason: reason, At: workflow.Now(ctx).UTC(),
	})
}
