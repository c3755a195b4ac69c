package workflows

import (
	"fmt"
	"slices"

	"go.temporal.io/sdk/workflow"

	"elara/activities"
	"elara/spec"
)

// driftWatched marks the runs that keep how well what the channel serves does on the rows that they hold out.
const driftWatched = "drift-watched"

// production is what the channel serves, with the scores of its adapters on this run's held-out rows in the order of the plan.
// A score is zero where the channel serves nothing of that name, or the very adapter of this run.
type production struct {
	served spec.Incumbents
	scores []spec.AdapterScore
}

// measureServed measures what the channel serves, once in a run.
func (p *pipeline) measureServed(ctx workflow.Context) (*production, error) {
	if p.production != nil {
		return p.production, nil
	}
	var a *activities.Control
	served, err := call(ctx, quick(fmt.Sprintf("what does channel %s serve", p.in.Release.Channel)), a.FindIncumbents,
		spec.IncumbentsInput{Run: p.in.Run, Channel: p.in.Release.Channel})
	if err != nil {
		return nil, err
	}
	found := production{served: served, scores: make([]spec.AdapterScore, len(p.in.Adapters))}
	measured := spec.EvaluateInput{Run: p.in.Run, Plan: p.in.Evaluate, Base: served.Base, TrainQueue: p.in.TrainQueue, Choices: p.result.Evaluate.Choices}
	// It answered for its own training rows before it was released.
	measured.Plan.Memory, measured.Plan.Judge = spec.MemoryPlan{}, spec.JudgePlan{}
	var place []int // of the measured among the adapters
	for i, plan := range p.in.Adapters {
		incumbent, isServed := served.Of(plan.Name)
		if isServed && incumbent.Digest != p.result.Adapters[i].Ref.Digest {
			old := p.target(plan, i)
			old.Adapter = incumbent
			measured.Adapters, place = append(measured.Adapters, old), append(place, i)
		}
	}
	scores, err := measureAll(ctx, measured, func(workflow.Context, []spec.AdapterScore) {})
	if err != nil {
		return nil, err
	}
	for n, i := range place {
		found.scores[i] = scores[n]
	}
	p.production = &found
	return p.production, nil
}

// watchDrift keeps how well what the channel serves now does on the rows held out by this run.
func (p *pipeline) watchDrift(ctx workflow.Context) error {
	if !knows(ctx, driftWatched) {
		return nil
	}
	found, err := p.measureServed(ctx)
	if err != nil {
		return err
	}
	var served []spec.ServedScore
	for i, plan := range p.in.Adapters {
		incumbent, isServed := found.served.Of(plan.Name)
		if !isServed {
			continue
		}
		score := found.scores[i]
		if incumbent.Digest == p.result.Adapters[i].Ref.Digest {
			score = p.result.Evaluate.Scores[i]
		}
		served = append(served, p.servedScore(i, incumbent, score))
	}
	return p.recordDrift(ctx, served)
}

// watchReleased keeps how well what was just released did: that is what its later measurements are held against.
func (p *pipeline) watchReleased(ctx workflow.Context) error {
	if !knows(ctx, driftWatched) {
		return nil
	}
	var served []spec.ServedScore
	for i := range p.in.Adapters {
		served = append(served, p.servedScore(i, p.result.Adapters[i].Ref, p.result.Evaluate.Scores[i]))
	}
	return p.recordDrift(ctx, served)
}

func (p *pipeline) servedScore(i int, adapter spec.ArtifactRef, score spec.AdapterScore) spec.ServedScore {
	return spec.ServedScore{Audience: p.in.Adapters[i].Audience, Adapter: adapter, Dataset: p.result.Prepare.Datasets[i].Dataset, Score: score}
}

func (p *pipeline) recordDrift(ctx workflow.Context, served []spec.ServedScore) error {
	if len(served) == 0 {
		return nil
	}
	var a *activities.Control
	drift, err := call(ctx, quick("keep how well what is served does on the new held-out rows"), a.RecordDrift,
		spec.DriftInput{Run: p.in.Run, Channel: p.in.Release.Channel, At: workflow.Now(ctx).UTC(), Served: served})
	if err != nil {
		return err
	}
	if len(drift.Falls) == 0 {
		return nil
	}
	p.result.Drift = append(p.result.Drift, drift.Falls...)
	p.show(ctx)
	notice := spec.Notice{Kind: spec.NoticeDrift}
	for _, fall := range drift.Falls {
		if !slices.Contains(notice.Audiences, fall.Audience) {
			notice.Audiences = append(notice.Audiences, fall.Audience)
		}
	}
	p.tell(ctx, notice)
	return nil
}
