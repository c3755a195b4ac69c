package workflows

import (
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
	against := &production{scores: make([]spec.AdapterScore, len(p.in.Adapters))} // nothing: the base
	if p.in.Gates.CompareWith == spec.CompareProduction {
		if against, err = p.measureServed(ctx); err != nil {
			return false, err
		}
	}
	in := spec.GateInput{Run: p.in.Run, Channel: p.in.Release.Channel, Base: p.result.Base, Candidate: p.result.Candidate}
	for i, plan := range p.in.Adapters {
		target := spec.GateTarget{
			Audience: plan.Audience, Adapter: p.result.Adapters[i].Ref, Rules: plan.Gates,
			Score: p.result.Evaluate.Scores[i], Dataset: p.result.Prepare.Datasets[i],
			Training: &spec.TrainingSummary{
				LoRA: plan.LoRA, Args: plan.Args, MaxLength: plan.MaxLength, BaseName: baseName(p.in.Base),
				Steps: p.result.Adapters[i].Outcome.Step, Loss: p.result.Adapters[i].Outcome.Loss, Aligned: p.aligned(plan.Name),
			},
			IncumbentScore: against.scores[i],
		}
		target.Incumbent, _ = against.served.Of(plan.Name)
		in.Targets = append(in.Targets, target)
	}
	for n, m := range p.in.MeasuredModels() { // beside the base: a channel serves adapters
		made, _ := p.made(m.Made)
		i := p.place(m.Adapter)
		in.Targets = append(in.Targets, spec.GateTarget{
			Audience: p.in.Adapters[i].Audience, Adapter: made, Rules: m.Rules,
			Score: p.result.Evaluate.Scores[len(p.in.Adapters)+n], Dataset: p.result.Prepare.Datasets[i],
		})
	}
	result, err := call(ctx, quick("judge the candidate"), a.JudgeCandidate, in)
	if err != nil {
		return false, err
	}
	p.result.Gates = &result
	if knows(ctx, verdictInMemo) {
		if err := workflow.UpsertMemo(ctx, map[string]any{VerdictMemo: verdictSummary(result)}); err != nil {
			return false, err
		}
	}
	p.show(ctx)
	isPassed = result.Passes(p.in.Gates)
	if !isPassed {
		p.tell(ctx, spec.Notice{Kind: spec.NoticeVerdict, Digest: result.Report.Digest})
	}
	return isPassed, nil
}
