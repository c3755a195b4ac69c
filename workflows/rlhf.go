package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"elara/activities"
	"elara/spec"
)

// RLHF makes one adapter answer as people prefer: it lets them judge pairs of its answers, or takes judgements that are there, and
// trains on them by DPO, or by PPO against a reward model of them. While people are asked it holds no device.
func RLHF(ctx workflow.Context, in spec.RLHFInput) (spec.RLHFResult, error) {
	r := &alignment{in: in, result: spec.RLHFResult{Adapter: in.Adapter.Name, Method: in.Plan.Method, SFT: in.SFT}}
	err := r.run(ctx)
	return r.result, err
}

// alignment is the stage of one adapter under way.
type alignment struct {
	in     spec.RLHFInput
	part   string // what is done now
	result spec.RLHFResult
}

func (r *alignment) run(ctx workflow.Context) error {
	var a *activities.Control
	if r.in.Plan.NeedsPrompts() {
		prompts, err := call(ctx, bulk("collect the questions"), a.CollectPrompts, r.in)
		if err != nil {
			return err
		}
		r.result.Prompts = prompts.Ref
	}
	if err := r.compare(ctx); err != nil {
		return err
	}
	policy := spec.FeedbackInput{RLHFInput: r.in, Part: spec.StageDPO, Comparisons: r.result.Comparisons.Ref}
	if r.in.Plan.Method == spec.MethodPPO {
		reward := policy
		reward.Part = spec.StageReward
		trained, err := r.train(ctx, reward)
		if err != nil {
			return err
		}
		r.result.Reward = &trained
		policy.Part, policy.Prompts, policy.Reward = spec.StagePPO, r.result.Prompts, trained.Ref
	}
	trained, err := r.train(ctx, policy)
	if err != nil {
		return err
	}
	r.result.Policy = trained
	r.show(ctx, spec.StageDone)
	return nil
}

// compare gets the preferences that are trained on.
func (r *alignment) compare(ctx workflow.Context) (err error) {
	var a *activities.Control
	in := spec.ComparisonsInput{RLHFInput: r.in}
	if r.in.Plan.Preferences == "" {
		if in.Pairs, err = r.sample(ctx); err != nil {
			return err
		}
	}
	if r.result.Comparisons, err = call(ctx, bulk("divide the preferences"), a.SplitComparisons, in); err != nil || !r.result.Comparisons.Ref.IsZero() {
		return err
	}
	collected, err := r.collect(ctx, in.Pairs)
	if err != nil {
		return err
	}
	in.Preferences = collected.Preferences.Ref
	r.result.Comparisons, err = call(ctx, bulk("divide the preferences"), a.SplitComparisons, in)
	return err
}

// sample draws the answers that people are asked about.
func (r *alignment) sample(ctx workflow.Context) (spec.ArtifactRef, error) {
	r.show(ctx, spec.StageSample)
	var control *activities.Control
	var onDevice *activities.Device
	in := spec.SampleInput{RLHFInput: r.in, Prompts: r.result.Prompts}
	pairs, err := call(ctx, quick("are there unchanged pairs"), control.FindPairs, in)
	if err == nil && pairs.Unchanged == "" {
		pairs, err = call(ctx, device(DeviceQueue(r.in.TrainQueue, r.in.Plan.Device), fmt.Sprintf("draw pairs of answers of %s", r.in.Adapter.Name)), onDevice.SamplePairs, in)
	}
	r.result.Pairs = pairs.Ref
	return pairs.Ref, err
}

// collect asks people, for as long as it takes.
func (r *alignment) collect(ctx workflow.Context, pairs spec.ArtifactRef) (spec.PreferencesResult, error) {
	r.show(ctx, spec.StagePreferences)
	plan := r.in.Plan.Collect
	in := spec.PreferencesInput{
		Run: CollectionOf(r.in.Run, r.in.Adapter.Name), Name: fmt.Sprintf("%s of run %s", r.in.Adapter.Name, r.in.Run), Pairs: pairs,
		Plan: spec.PreferencesPlan{PerPair: plan.PerPair, Total: plan.Total, EscalateHours: plan.EscalateHours, Reviewers: plan.Reviewers},
	}
	if plan.DeadlineHours > 0 {
		in.Plan.Deadline = workflow.Now(ctx).UTC().Add(hours(plan.DeadlineHours))
	}
	return start(ctx, part(PreferencesID(in.Run), fmt.Sprintf("ask people about answers of %s", r.in.Adapter.Name), "",
		ElaraStage.ValueSet(spec.StagePreferences), ElaraAdapter.ValueSet(string(r.in.Adapter.Name)),
	), CollectPreferences, PreferencesState{PreferencesInput: in}).result(ctx)
}

// train starts the child workflow of one training.
func (r *alignment) train(ctx workflow.Context, in spec.FeedbackInput) (spec.FeedbackResult, error) {
	r.show(ctx, in.Part)
	return start(ctx, part(FeedbackID(r.in.Run, r.in.Adapter.Name, in.Part),
		fmt.Sprintf("%s: %s", r.in.Adapter.Name, partNames[in.Part]), fmt.Sprintf("%d preferences, %d held out", r.result.Comparisons.Train, r.result.Comparisons.Held),
		ElaraStage.ValueSet(in.Part), ElaraAdapter.ValueSet(string(r.in.Adapter.Name)), ElaraDataset.ValueSet(in.Comparisons.Digest.Short()),
	), TrainFromFeedback, FeedbackState{FeedbackInput: in}).result(ctx)
}

// partNames are the trainings for people.
var partNames = map[string]string{
	spec.StageReward: "train a reward model", spec.StageDPO: "direct preference optimisation", spec.StagePPO: "proximal policy optimisation",
}

// show names what begins, for the reader of the Temporal UI.
func (r *alignment) show(ctx workflow.Context, part string) {
	r.part = part
	workflow.SetCurrentDetails(ctx, r.details())
}

// rlhf aligns the adapters of the plan, where the pipeline has that stage. What comes out takes their place: it is evaluated,
// proposed and released. All come to their end before one that failed ends the pipeline.
func (p *pipeline) rlhf(ctx workflow.Context) error {
	plan := p.in.RLHF
	if plan.IsZero() {
		return nil
	}
	at := make([]int, len(plan.Adapters)) // in the plan of the pipeline
	for i, name := range plan.Adapters {
		status := spec.RLHFStatus{Adapter: name, Method: plan.Method, WorkflowID: RLHFID(p.in.Run, name)}
		if plan.Preferences == "" {
			status.Collection = CollectionOf(p.in.Run, name)
		}
		p.aligning = append(p.aligning, status)
		at[i] = p.place(name)
	}
	if err := p.enter(ctx, spec.StageRLHF); err != nil {
		return err
	}
	children := make([]child[spec.RLHFResult], len(at))
	for i, j := range at {
		adapter := p.in.Adapters[j]
		children[i] = start(ctx, part(p.aligning[i].WorkflowID, fmt.Sprintf("align %s with people's preferences, by %s", adapter.Name, plan.Method), "",
			ElaraStage.ValueSet(spec.StageRLHF), ElaraAdapter.ValueSet(string(adapter.Name)), ElaraBaseModel.ValueSet(baseName(p.in.Base)),
		), RLHF, spec.RLHFInput{
			Run: p.in.Run, Plan: plan, Adapter: adapter, Base: p.result.Base,
			Dataset: p.result.Prepare.Datasets[j].Dataset, SFT: p.result.Adapters[j].Ref, TrainQueue: p.in.TrainQueue,
		})
	}
	errs := make([]error, len(at))
	for i, j := range at {
		var aligned spec.RLHFResult
		if aligned, errs[i] = children[i].result(ctx); errs[i] != nil {
			continue
		}
		p.result.RLHF = append(p.result.RLHF, aligned)
		p.result.Adapters[j].Ref, p.adapters[j].Ref = aligned.Policy.Ref, aligned.Policy.Ref
		status := &p.aligning[i]
		status.Policy, status.Alarms, status.Report = aligned.Policy.Ref, aligned.Policy.Alarms, aligned.Policy.Report
		if aligned.Reward != nil {
			status.RewardReport = aligned.Reward.Report
		}
		p.skipped(fmt.Sprintf("rlhf/%s", aligned.Adapter), aligned.Policy.Unchanged)
		p.show(ctx)
	}
	return firstOf("rlhf", plan.Adapters, errs)
}

// aligned is what a model card tells of the alignment of an adapter; nil: it was not aligned.
func (p *pipeline) aligned(name spec.AdapterName) *spec.AlignmentSummary {
	for _, r := range p.result.RLHF {
		if r.Adapter == name {
			return &spec.AlignmentSummary{Method: r.Method, From: r.SFT, Comparisons: r.Comparisons, Outcome: r.Policy.Outcome, Alarms: r.Policy.Alarms}
		}
	}
	return nil
}
