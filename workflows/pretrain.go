package workflows

import (
	"fmt"
	"strings"

	"go.temporal.io/sdk/workflow"

	"elara/activities"
	"elara/spec"
)

// PretrainState is the input of the workflow of a continued pre-training and all that it carries from one of its runs to the
// next.
type PretrainState struct {
	spec.PretrainInput
	Segmented
	Queue  string            `json:"queue"`           // task queue of the device class
	Corpus spec.CorpusResult `json:"corpus,omitzero"` // set before the first segment
}

// Pretrain trains all weights of the base model on running text, in segments as TrainAdapter does, and gives another base
// model.
func Pretrain(ctx workflow.Context, state PretrainState) (spec.PretrainResult, error) {
	if err := state.answer(ctx, spec.StagePretrain, spec.PretrainName); err != nil {
		return spec.PretrainResult{}, err
	}
	if state.Segments == 0 {
		found, err := state.collect(ctx)
		if err != nil || found.Unchanged != "" {
			return found, err
		}
	}
	last, err := inSegments(ctx, &state.Segmented, state.train)
	if err != nil {
		return spec.PretrainResult{}, err
	}
	if !state.Outcome.Done {
		return spec.PretrainResult{}, workflow.NewContinueAsNewError(ctx, Pretrain, state)
	}
	return spec.PretrainResult{Model: last.Model, Base: state.Base, Corpus: state.Corpus, Outcome: last.Outcome}, nil
}

// collect freezes the documents and looks for a model that was made of them before.
func (s *PretrainState) collect(ctx workflow.Context) (spec.PretrainResult, error) {
	var a *activities.Control
	var err error
	if s.Corpus, err = call(ctx, bulk("collect the documents"), a.CollectCorpus, s.PretrainInput); err != nil {
		return spec.PretrainResult{}, err
	}
	found, err := call(ctx, quick("is there an unchanged model"), a.FindPretrained, s.target())
	found.Corpus = s.Corpus
	return found, err
}

func (s *PretrainState) target() spec.PretrainTarget {
	return spec.PretrainTarget{PretrainInput: s.PretrainInput, Corpus: s.Corpus.Corpus}
}

// train runs one segment and takes its outcome into the state.
func (s *PretrainState) train(ctx workflow.Context) (spec.PretrainSegmentResult, error) {
	var a *activities.Device
	until := s.Outcome.Step + s.Plan.SegmentSteps
	segment, err := call(ctx, device(s.Queue, fmt.Sprintf("train all weights up to step %d", until)), a.PretrainSegment,
		spec.PretrainSegmentInput{PretrainTarget: s.target(), UntilStep: until})
	if err != nil {
		return segment, err
	}
	s.take(segment.SegmentResult)
	workflow.SetCurrentDetails(ctx, pretrainDetails(*s, segment.SegmentResult))
	return segment, s.publish(ctx)
}

// pretrainDetails are the current details of the workflow in the Temporal UI.
func pretrainDetails(s PretrainState, last spec.SegmentResult) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Stage: **continued pre-training**, step **%d of %d**\n\n", s.Outcome.Step, s.Outcome.TotalSteps)
	fmt.Fprintf(&b, "- %d documents, %d held out\n", s.Corpus.TrainDocs, s.Corpus.EvalDocs)
	s.details(&b, last)
	return b.String()
}

// pretrain trains the base model on running text, where the pipeline has that stage; the adapters are then trained on what
// comes out.
func (p *pipeline) pretrain(ctx workflow.Context) error {
	if p.in.Pretrain.IsZero() {
		return nil
	}
	p.pretraining = &spec.PretrainStatus{WorkflowID: PretrainID(p.in.Run), Base: p.result.Base}
	if err := p.enter(ctx, spec.StagePretrain); err != nil {
		return err
	}
	plan := p.in.Pretrain
	trained, err := start(ctx, part(p.pretraining.WorkflowID,
		fmt.Sprintf("%s: train all weights of the base model on running text", p.in.Name),
		fmt.Sprintf("%d sources, learning rate %g", len(plan.Sources), plan.Args.LearningRate),
		ElaraStage.ValueSet(spec.StagePretrain), ElaraBaseModel.ValueSet(baseName(p.in.Base)),
	), Pretrain, PretrainState{
		PretrainInput: spec.PretrainInput{Run: p.in.Run, Plan: plan, Base: p.result.Base},
		Queue:         DeviceQueue(p.in.TrainQueue, plan.Device),
	}).result(ctx)
	if err != nil {
		return err
	}
	p.result.Pretrain, p.result.Base = &trained, trained.Model
	p.pretraining.Ref, p.pretraining.Documents, p.pretraining.Steps = trained.Model, trained.Corpus.TrainDocs, trained.Outcome.Step
	p.skipped(spec.StagePretrain, trained.Unchanged)
	return nil
}
