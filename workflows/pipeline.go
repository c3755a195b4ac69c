package workflows

import (
	"fmt"
	"path"
	"slices"

	"go.temporal.io/sdk/workflow"

	"elara/activities"
	"elara/spec"
	"elara/spec/fault"
)

// Pipeline is the whole run: from source files to a released candidate, or to a candidate that was not approved. A
// rejection is a result, not a failure; it releases nothing.
func Pipeline(ctx workflow.Context, in spec.PipelineInput) (spec.PipelineResult, error) {
	p, err := begin(ctx, in)
	if err != nil {
		return spec.PipelineResult{}, err
	}
	if err := p.prepare(ctx); err != nil {
		return p.result, err
	}
	if err := p.importBase(ctx); err != nil {
		return p.result, err
	}
	if err := p.pretrain(ctx); err != nil {
		return p.result, err
	}
	if err := p.train(ctx); err != nil {
		return p.result, err
	}
	if err := p.rlhf(ctx); err != nil {
		return p.result, err
	}
	if err := p.merge(ctx); err != nil {
		return p.result, err
	}
	if err := p.distill(ctx); err != nil {
		return p.result, err
	}
	if err := p.evaluate(ctx); err != nil {
		return p.result, err
	}
	if err := p.propose(ctx); err != nil {
		return p.result, err
	}
	released, err := p.alreadyReleased(ctx)
	if err != nil {
		return p.result, err
	}
	isPassed := false
	if !released {
		if isPassed, err = p.judge(ctx); err != nil {
			return p.result, err
		}
	}
	if err := p.watchDrift(ctx); err != nil {
		return p.result, err
	}
	if isPassed {
		if err := p.decideAndRelease(ctx); err != nil {
			return p.result, err
		}
	}
	if err := p.export(ctx); err != nil {
		return p.result, err
	}
	p.telling.Wait(ctx)
	return p.result, p.enter(ctx, spec.StageDone)
}

// pipeline is a run under way: what it was asked, what it has, and what its queries show.
type pipeline struct {
	in       spec.PipelineInput
	stage    string
	adapters []spec.AdapterStatus // in the order of the plan
	approval approval
	result   spec.PipelineResult

	production *production        // nil until it is measured
	telling    workflow.WaitGroup // of people

	pretraining *spec.PretrainStatus // nil where the pipeline has no such stage, and before it begins
	aligning    []spec.RLHFStatus    // as pretraining
	merging     *spec.MergeStatus    // as pretraining
	distilling  *spec.DistillStatus  // as pretraining
	exporting   *spec.ExportStatus   // as pretraining
}

// begin checks the input and makes the pipeline answer queries and decisions, before anything is done.
func begin(ctx workflow.Context, in spec.PipelineInput) (*pipeline, error) {
	if in.Run == "" {
		in.Run = RunOf(workflow.GetInfo(ctx).WorkflowExecution.ID)
	}
	p := &pipeline{in: in, result: spec.PipelineResult{Run: in.Run}, telling: workflow.NewWaitGroup(ctx)}
	p.approval = approval{run: in.Run, plan: in.Approval, channel: in.Release.Channel}
	for _, plan := range in.Adapters {
		p.adapters = append(p.adapters, spec.AdapterStatus{Adapter: plan.Name})
	}
	if err := workflow.SetQueryHandlerWithOptions(ctx, StatusQuery,
		func() (spec.PipelineStatus, error) { return p.status(), nil },
		workflow.QueryHandlerOptions{Description: "how far the pipeline is, and what a reviewer needs to decide"},
	); err != nil {
		return nil, err
	}
	if err := p.approval.listen(ctx); err != nil {
		return nil, err
	}
	if err := in.Check(); err != nil {
		return nil, refuse(fault.KindOf(err), "%s", err.Error())
	}
	return p, workflow.UpsertTypedSearchAttributes(ctx, ElaraBaseModel.ValueSet(baseName(in.Base)))
}

// enter names the stage that begins, for the list of workflows, the query and the reader of the Temporal UI.
func (p *pipeline) enter(ctx workflow.Context, stage string) error {
	p.stage = stage
	p.show(ctx)
	return workflow.UpsertTypedSearchAttributes(ctx, ElaraStage.ValueSet(stage))
}

func (p *pipeline) show(ctx workflow.Context) {
	workflow.SetCurrentDetails(ctx, pipelineDetails(p.status()))
}

func (p *pipeline) prepare(ctx workflow.Context) error {
	if err := p.enter(ctx, spec.StagePrepare); err != nil {
		return err
	}
	in := spec.PrepareInput{Run: p.in.Run, Config: p.in.Prepare, Adapters: p.in.Adapters, Canaries: p.in.Evaluate.Memory.Planting()}
	prepared, err := start(ctx, part(PrepareID(p.in.Run),
		fmt.Sprintf("%s: prepare the data of %d adapters", p.in.Name, len(p.in.Adapters)), "",
		ElaraStage.ValueSet(spec.StagePrepare)), Prepare, in).result(ctx)
	if err != nil {
		return err
	}
	p.result.Prepare = prepared
	p.skipped("prepare/clean", prepared.Unchanged)
	for i, dataset := range prepared.Datasets {
		p.skipped(fmt.Sprintf("prepare/%s", dataset.Adapter), dataset.Unchanged)
		p.adapters[i].TrainRows, p.adapters[i].EvalRows = dataset.TrainRows, dataset.EvalRows
	}
	return nil
}

func (p *pipeline) importBase(ctx workflow.Context) error {
	if err := p.enter(ctx, spec.StageBase); err != nil {
		return err
	}
	var a *activities.Control
	base, err := call(ctx, bulk(fmt.Sprintf("import base model %s", baseName(p.in.Base))), a.ImportBase, p.in.Base)
	p.result.Base = base
	return err
}

// train starts one child workflow per adapter, in the order of the plan, all at once or one after the other; the queue of
// their device decides how many of them run at once. All come to their end before one that failed ends the pipeline: what they made is found by the next run.
func (p *pipeline) train(ctx workflow.Context) error {
	if err := p.enter(ctx, spec.StageTrain); err != nil {
		return err
	}
	children := make([]child[spec.AdapterResult], len(p.in.Adapters))
	begin := func(i int) {
		plan, dataset := p.in.Adapters[i], p.result.Prepare.Datasets[i]
		p.adapters[i].WorkflowID = TrainID(p.in.Run, plan.Name)
		children[i] = start(ctx, part(p.adapters[i].WorkflowID,
			fmt.Sprintf("train %s for the audience %s", plan.Name, plan.Audience),
			fmt.Sprintf("%d rows, rank %d, learning rate %g", dataset.TrainRows, plan.LoRA.R, plan.Args.LearningRate),
			ElaraStage.ValueSet(spec.StageTrain),
			ElaraAdapter.ValueSet(string(plan.Name)),
			ElaraBaseModel.ValueSet(baseName(p.in.Base)),
			ElaraDataset.ValueSet(dataset.Dataset.Digest.Short()),
		), TrainAdapter, TrainState{
			AdapterInput: spec.AdapterInput{Run: p.in.Run, Plan: plan, Base: p.result.Base, Dataset: dataset.Dataset},
			Queue:        DeviceQueue(p.in.TrainQueue, plan.Device),
		})
		p.show(ctx)
	}
	joint := p.in.Joint != spec.JointOff
	for i := range children {
		if joint {
			begin(i)
		}
	}

	names := make([]spec.AdapterName, len(children))
	errs := make([]error, len(children))
	for i := range children {
		if !joint {
			begin(i)
		}
		var trained spec.AdapterResult
		names[i] = p.in.Adapters[i].Name
		trained, errs[i] = children[i].result(ctx)
		if errs[i] != nil {
			continue
		}
		p.result.Adapters = append(p.result.Adapters, trained)
		p.adapters[i].Ref = trained.Ref
		p.skipped(fmt.Sprintf("train/%s", trained.Adapter), trained.Unchanged)
		p.show(ctx)
	}
	return firstOf("training", names, errs)
}

func (p *pipeline) evaluate(ctx workflow.Context) error {
	if err := p.enter(ctx, spec.StageEvaluate); err != nil {
		return err
	}
	in := spec.EvaluateInput{Run: p.in.Run, Plan: p.in.Evaluate, Base: p.result.Base, TrainQueue: p.in.TrainQueue}
	for i, plan := range p.in.Adapters {
		in.Adapters = append(in.Adapters, p.target(plan, i))
	}
	for _, m := range p.in.MeasuredModels() {
		in.Adapters = append(in.Adapters, p.modelTarget(m))
	}
	evaluated, err := start(ctx, part(EvaluateID(p.in.Run),
		fmt.Sprintf("%s: evaluate %d adapters on held-out rows", p.in.Name, len(in.Adapters)), "",
		ElaraStage.ValueSet(spec.StageEvaluate), ElaraBaseModel.ValueSet(baseName(p.in.Base))), Evaluate, in).result(ctx)
	if err != nil {
		return err
	}
	p.result.Evaluate = evaluated
	for _, score := range evaluated.Scores {
		p.skipped(fmt.Sprintf("evaluate/%s", score.Adapter), score.Unchanged)
	}
	return nil
}

// place is that of a named adapter in the plan; whoever names one is checked to name one of these.
func (p *pipeline) place(name spec.AdapterName) int {
	return slices.IndexFunc(p.in.Adapters, func(plan spec.AdapterPlan) bool { return plan.Name == name })
}

// target is the i-th adapter with the rows held out for it.
func (p *pipeline) target(plan spec.AdapterPlan, i int) spec.EvaluatedTarget {
	return spec.EvaluatedTarget{
		Name: plan.Name, Audience: plan.Audience, Device: plan.Device,
		Adapter: p.result.Adapters[i].Ref, Dataset: p.result.Prepare.Datasets[i].Dataset,
		MaxLength: plan.MaxLength, AppendEOS: plan.AppendEOS, AddPadToken: plan.AddPadToken,
		CompletionOnlyLoss: plan.CompletionOnlyLoss,
		BF16:               plan.Args.BF16,
		FP16:               plan.Args.FP16,
	}
}

// modelTarget is a model that was made of adapters, measured as one of them is.
func (p *pipeline) modelTarget(m spec.MeasuredModel) spec.EvaluatedTarget {
	i := p.place(m.Adapter)
	target := p.target(p.in.Adapters[i], i)
	made, base := p.made(m.Made)
	target.Name, target.Adapter, target.IsModel = m.Name(), made, base.IsZero()
	target.AddPadToken = false // what is made of adapters has no such token
	return target
}

// propose puts the adapters and their evaluation under the one digest that a reviewer decides on.
func (p *pipeline) propose(ctx workflow.Context) error {
	var a *activities.Control
	in := spec.CandidateInput{Run: p.in.Run, Base: p.result.Base, Adapters: p.result.Adapters, Report: p.result.Evaluate.Report}
	for _, plan := range p.in.Adapters {
		in.Audiences = append(in.Audiences, plan.Audience)
	}
	if p.result.Merge != nil {
		in.Merged = p.result.Merge.Best
	}
	if p.result.Distill != nil {
		in.Student = p.result.Distill.Student
	}
	candidate, err := call(ctx, quick("put adapters and report under one digest"), a.BuildCandidate, in)
	p.result.Candidate = candidate
	return err
}

// skipped notes a stage that had nothing to do; an empty reason means that it had.
func (p *pipeline) skipped(stage, reason string) {
	if reason != "" {
		p.result.Skipped = append(p.result.Skipped, spec.SkippedStage{Stage: stage, Reason: reason})
	}
}

func (p *pipeline) status() spec.PipelineStatus {
	return spec.PipelineStatus{
		Run: p.in.Run, Name: p.in.Name, Stage: p.stage,
		Base: p.result.Base, Pretrain: p.pretraining, Adapters: append([]spec.AdapterStatus(nil), p.adapters...),
		RLHF: slices.Clone(p.aligning), Merge: p.merging, Distill: p.distilling, Export: p.exporting,
		Scores: p.result.Evaluate.Scores, Report: p.result.Evaluate.Report,
		Candidate: p.result.Candidate, Gates: p.result.Gates, Decision: p.approval.decision,
		Channel: p.in.Release.Channel, Replaces: p.approval.replaces, Approval: p.in.Approval, Signed: slices.Clone(p.approval.signed),
		Drift: p.result.Drift, Release: p.result.Release, Skipped: p.result.Skipped,
	}
}

// baseName is what people call the base model.
func baseName(base spec.BaseSource) string {
	switch {
	case base.Name != "":
		return base.Name
	case base.Path != "":
		return path.Base(base.Path)
	}
	return base.Artifact.Digest.Short()
}

// knows reports whether a run makes the commands of a change: a run that was past that place before there was such a change does not.
func knows(ctx workflow.Context, change string) bool {
	return workflow.GetVersion(ctx, change, workflow.DefaultVersion, 1) != workflow.DefaultVersion
}
