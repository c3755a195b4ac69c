package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"elara/activities"
	"elara/spec"
)

// verdictInMemo marks the runs that put the verdict of their gates into the memo.
const verdictInMemo = "verdict-in-memo"

// judge holds the candidate against what the channel serves, and reports whether a reviewer is to be asked. A pipeline without
// gates, as all were before there were any, always asks.
func (p *pipeline) judge(ctx workflow.Context) (isPassed bool, err error) {
	if p.in.Gates.IsZero() {
		return true, nil
	}
	var a *activities.Control
	var served spec.Incumbents
	if p.in.Gates.CompareWith == spec.CompareProduction {
		if served, err = call(ctx, quick(fmt.Sprintf("what does channel %s serve", p.in.Release.Channel)), a.FindIncumbents,
			spec.IncumbentsInput{Run: p.in.Run, Channel: p.in.Release.Channel}); err != nil {
			return false, err
		}
	}
	in := spec.GateInput{Run: p.in.Run, Channel: p.in.Release.Channel, Base: p.result.Base, Candidate: p.result.Candidate}
	measured := spec.EvaluateInput{Run: p.in.Run, Plan: p.in.Evaluate, Base: served.Base, TrainQueue: p.in.TrainQueue}
	// An incumbent answered for its own training rows before it was released.
	measured.Plan.Memory, measured.Plan.Judge = spec.MemoryPlan{}, spec.JudgePlan{}
	var place []int // of the measured incumbents among the targets
	for i, plan := range p.in.Adapters {
		target := spec.GateTarget{
			Audience: plan.Audience, Adapter: p.result.Adapters[i].Ref, Rules: plan.Gates,
			Score: p.result.Evaluate.Scores[i], Dataset: p.result.Prepare.Datasets[i],
			Training: spec.TrainingSummary{
				LoRA: plan.LoRA, Args: plan.Args, MaxLength: plan.MaxLength, BaseName: baseName(p.in.Base),
				Steps: p.result.Adapters[i].Outcome.Step, Loss: p.result.Adapters[i].Outcome.Loss, Aligned: p.aligned(plan.Name),
			},
		}
		incumbent, isServed := served.Of(plan.Name)
		target.Incumbent = incumbent
		if isServed && incumbent.Digest != target.Adapter.Digest {
			old := p.target(plan, i)
			old.Adapter = incumbent
			measured.Adapters, place = append(measured.Adapters, old), append(place, i)
		}
		in.Targets = append(in.Targets, target)
	}
	scores, err := measureAll(ctx, measured, func(workflow.Context, []spec.AdapterScore) {})
	if err != nil {
		return false, err
	}
	for n, i := range place {
		in.Targets[i].IncumbentScore = scores[n]
	}
	result, err := call(ctx, quick("judge the candidate"), a.JudgeCandidate, in)
	if err != nil {
		return false, err
	}
	p.result.Gates = &result
	if workflow.GetVersion(ctx, verdictInMemo, workflow.DefaultVersion, 1) != workflow.DefaultVersion {
		if err := workflow.UpsertMemo(ctx, map[string]any{VerdictMemo: verdictSummary(result)}); err != nil {
			return false, err
		}
	}
	p.show(ctx)
	return result.Passes(p.in.Gates), nil
}
