package workflows

import (
	"fmt"
	"strings"

	"go.temporal.io/sdk/workflow"

	"elara/activities"
	"elara/spec"
)

// Merge makes one model of several adapters, in one or several ways, and names the best. An earlier merge of the same is taken:
// that costs no device.
func Merge(ctx workflow.Context, in spec.MergeInput) (spec.MergeResult, error) {
	var control *activities.Control
	found, err := call(ctx, quick("is there an unchanged merge"), control.FindMerged, in)
	if err != nil || found.Unchanged != "" {
		return found, err
	}
	var onDevice *activities.Device
	merged, err := call(ctx, device(DeviceQueue(in.TrainQueue, in.Plan.Device), fmt.Sprintf("merge %d adapters in %d ways", len(in.Adapters), len(in.Plan.Candidates))),
		onDevice.MergeAdapters, in)
	if err == nil {
		workflow.SetCurrentDetails(ctx, mergeDetails(merged.Candidates))
	}
	return merged, err
}

// mergeDetails lists candidates for the Temporal UI, the best first.
func mergeDetails(candidates []spec.MergedCandidate) string {
	var b strings.Builder
	b.WriteString("| merge | method | held-out loss | artifact |\n|---|---|---|---|\n")
	for _, c := range candidates {
		fmt.Fprintf(&b, "| %s | %s | %.4f | %s |\n", c.Method.Name, c.Method.CombinationType, c.Loss, c.Ref.Digest.Short())
	}
	return b.String()
}

// merge makes one model of the adapters, where the pipeline has that stage.
func (p *pipeline) merge(ctx workflow.Context) error {
	plan := p.in.Merge
	if plan.IsZero() {
		return nil
	}
	p.merging = &spec.MergeStatus{WorkflowID: MergeID(p.in.Run), Into: plan.Into}
	if err := p.enter(ctx, spec.StageMerge); err != nil {
		return err
	}
	in := spec.MergeInput{Run: p.in.Run, Plan: plan, Base: p.result.Base, TrainQueue: p.in.TrainQueue}
	for _, name := range plan.Adapters {
		i := p.place(name)
		adapter := p.in.Adapters[i]
		in.MaxLength, in.AppendEOS, in.CompletionOnlyLoss = adapter.MaxLength, adapter.AppendEOS, adapter.CompletionOnlyLoss
		in.Adapters = append(in.Adapters, spec.MergeTarget{
			Name: name, Adapter: p.result.Adapters[i].Ref, Dataset: p.result.Prepare.Datasets[i].Dataset,
		})
	}
	merged, err := start(ctx, part(p.merging.WorkflowID,
		fmt.Sprintf("%s: merge %d adapters in %d ways", p.in.Name, len(in.Adapters), len(plan.Candidates)), "",
		ElaraStage.ValueSet(spec.StageMerge), ElaraBaseModel.ValueSet(baseName(p.in.Base)),
	), Merge, in).result(ctx)
	if err != nil {
		return err
	}
	p.result.Merge = &merged
	p.merging.Best, p.merging.Candidates = merged.Best, merged.Candidates
	p.skipped(spec.StageMerge, merged.Unchanged)
	return nil
}
