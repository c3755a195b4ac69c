package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"elara/activities"
	"elara/spec"
)

// Evaluate measures every adapter beside its base on the rows held out for it, all at once as far as the queues
// allow, and writes one report in the order of the plan.
func Evaluate(ctx workflow.Context, in spec.EvaluateInput) (spec.EvaluateResult, error) {
	var a *activities.Control
	var err error
	if len(in.Plan.Choices) > 0 {
		if in.Choices, err = call(ctx, quick("freeze the multiple-choice questions"), a.CollectChoices, in); err != nil {
			return spec.EvaluateResult{}, err
		}
	}
	scores, err := measureAll(ctx, in, func(ctx workflow.Context, scores []spec.AdapterScore) {
		workflow.SetCurrentDetails(ctx, scoreDetails(scores))
	})
	if err != nil {
		return spec.EvaluateResult{}, err
	}

	report, err := call(ctx, quick("write the report"), a.WriteReport,
		spec.ReportInput{Run: in.Run, Plan: in.Plan, Base: in.Base, Scores: scores})
	return spec.EvaluateResult{Scores: scores, Report: report, Choices: in.Choices}, err
}

// measureAll measures every adapter, all at once as far as the queues allow; show is called as each is done.
func measureAll(ctx workflow.Context, in spec.EvaluateInput, show func(workflow.Context, []spec.AdapterScore)) ([]spec.AdapterScore, error) {
	scores := make([]spec.AdapterScore, len(in.Adapters))
	errs := make([]error, len(in.Adapters))
	targets := workflow.NewWaitGroup(ctx)
	for i, target := range in.Adapters {
		targets.Add(1)
		workflow.Go(ctx, func(ctx workflow.Context) {
			defer targets.Done()
			scores[i], errs[i] = measure(ctx, in, target)
			show(ctx, scores)
		})
	}
	targets.Wait(ctx)
	return scores, firstOf("evaluation", names(in.Adapters), errs)
}

// measure takes an earlier score of the same adapter on the same rows when there is one: that costs no device. Where the plan asks
// for them, what the adapter has by heart and a judge's opinion are asked too.
func measure(ctx workflow.Context, in spec.EvaluateInput, target spec.EvaluatedTarget) (spec.AdapterScore, error) {
	var control *activities.Control
	var onDevice *activities.Device
	job := spec.EvaluateTargetInput{Run: in.Run, Plan: in.Plan, Base: in.Base, Target: target, Choices: in.Choices}
	queue := DeviceQueue(in.TrainQueue, target.Device)

	score, err := call(ctx, quick(fmt.Sprintf("is there an unchanged score of %s", target.Name)), control.FindScore, job)
	if err == nil && score.Unchanged == "" {
		score, err = call(ctx, device(queue, fmt.Sprintf("evaluate %s", target.Name)), onDevice.EvaluateTarget, job)
	}
	if err == nil && !in.Plan.Memory.IsZero() {
		err = recall(ctx, queue, job, &score)
	}
	if err != nil || in.Plan.Judge.IsZero() {
		return score, err
	}
	opinion, err := call(ctx, bulk(fmt.Sprintf("ask judge %s about the answers of %s", in.Plan.Judge.Model, target.Name)), control.AskJudge,
		spec.JudgeInput{Run: in.Run, Plan: in.Plan.Judge, Target: target.Name, Report: score.Report})
	score.Judge = &opinion
	return score, err
}

// recall asks what the adapter has by heart, unless it was asked before.
func recall(ctx workflow.Context, queue string, job spec.EvaluateTargetInput, score *spec.AdapterScore) error {
	var control *activities.Control
	var onDevice *activities.Device
	target := job.Target
	memory, err := call(ctx, quick(fmt.Sprintf("is it known what %s has by heart", target.Name)), control.FindMemory, job)
	if err == nil && memory.Unchanged == "" {
		score.Unchanged = ""
		memory, err = call(ctx, device(queue, fmt.Sprintf("ask %s what it has by heart", target.Name)), onDevice.AskMemory, job)
	}
	score.Memory = &memory
	return err
}

func names(targets []spec.EvaluatedTarget) []spec.AdapterName {
	list := make([]spec.AdapterName, len(targets))
	for i, target := range targets {
		list[i] = target.Name
	}
	return list
}
