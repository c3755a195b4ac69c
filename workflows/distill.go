package workflows

import (
	"fmt"
	"strings"

	"go.temporal.io/sdk/workflow"

	"elara/activities"
	"elara/spec"
)

// DistillState is the input of the workflow of a distillation and all that it carries from one of its runs to the next.
type DistillState struct {
	spec.DistillInput
	Segmented                  // of the training under way
	Queue     string           `json:"queue"`             // task queue of the device class
	Start     spec.ArtifactRef `json:"start,omitzero"`    // model that the student begins as, where the plan names one; set before the first segment
	Control   spec.ArtifactRef `json:"control,omitzero"`  // set when it is trained, where the plan has one
	LogProbs  spec.ArtifactRef `json:"logprobs,omitzero"` // set when the teacher has said what it says, where the plan keeps that
}

// Distill trains a student to answer as its teacher, in segments as TrainAdapter does, and before it the control, where the plan has
// one. An earlier student of the same is taken: that costs no device.
func Distill(ctx workflow.Context, state DistillState) (spec.DistillResult, error) {
	if err := state.answer(ctx, spec.StageDistill, spec.DistillName); err != nil {
		return spec.DistillResult{}, err
	}
	if state.Segments == 0 { // the first run of the workflow
		found, err := state.begin(ctx)
		if err != nil || found.Unchanged != "" {
			return found, err
		}
	}
	if state.Plan.Control && state.Control.IsZero() {
		if err := state.control(ctx); err != nil {
			return spec.DistillResult{}, err
		}
	}
	if state.Plan.TeacherLogProbs && state.LogProbs.IsZero() {
		if err := state.askTeacher(ctx); err != nil {
			return spec.DistillResult{}, err
		}
	}
	last, err := inSegments(ctx, &state.Segmented, state.train)
	if err != nil {
		return spec.DistillResult{}, err
	}
	if !state.Outcome.Done {
		return spec.DistillResult{}, workflow.NewContinueAsNewError(ctx, Distill, state)
	}
	return spec.DistillResult{Student: last.Model, Control: state.Control, Figures: last.Figures, Outcome: last.Outcome}, nil
}

// begin freezes the model that the student begins as, and looks for a student that was made of the same before.
func (s *DistillState) begin(ctx workflow.Context) (found spec.DistillResult, err error) {
	var a *activities.Control
	if s.Plan.Student != (spec.BaseSource{}) {
		if s.Start, err = call(ctx, bulk(fmt.Sprintf("import the student's model %s", baseName(s.Plan.Student))), a.ImportBase, s.Plan.Student); err != nil {
			return found, err
		}
	}
	return call(ctx, quick("is there an unchanged student"), a.FindDistilled, spec.DistillTarget{DistillInput: s.DistillInput, Start: s.Start})
}

// control trains the same student without the teacher, unless it was trained before.
func (s *DistillState) control(ctx workflow.Context) error {
	var a *activities.Control
	if s.Segments == 0 {
		found, err := call(ctx, quick("is there an unchanged control"), a.FindDistilled, s.target())
		if err != nil || found.Unchanged != "" {
			s.Control = found.Student
			return err
		}
	}
	last, err := inSegments(ctx, &s.Segmented, s.train)
	if err != nil {
		return err
	}
	if !s.Outcome.Done {
		return workflow.NewContinueAsNewError(ctx, Distill, *s)
	}
	s.Control, s.Segmented = last.Model, Segmented{}
	return nil
}

// askTeacher computes what the teacher says of all rows, unless that was done before, some parts in each activity.
func (s *DistillState) askTeacher(ctx workflow.Context) error {
	var control *activities.Control
	var onDevice *activities.Device
	said, err := call(ctx, quick("is there what the teacher says"), control.FindTeacher, s.target())
	if err != nil {
		return err
	}
	for isAll := said.Unchanged != ""; !isAll; isAll = said.Parts >= said.All {
		summary := fmt.Sprintf("ask the teacher, %s, from part %d", s.Plan.Teacher, said.Parts+1)
		said, err = call(ctx, device(s.Queue, summary), onDevice.RecordTeacher, spec.TeacherInput{DistillTarget: s.target(), SoFar: said.Ref})
		if err != nil {
			return err
		}
		workflow.SetCurrentDetails(ctx,
			fmt.Sprintf("Stage: **distillation**, the teacher has answered **%d of %d** parts of the rows\n", said.Parts, said.All))
	}
	s.LogProbs = said.Ref
	return nil
}

// target is the training that is next.
func (s *DistillState) target() spec.DistillTarget {
	return spec.DistillTarget{
		DistillInput: s.DistillInput, Start: s.Start, IsControl: s.Plan.Control && s.Control.IsZero(), Control: s.Control, LogProbs: s.LogProbs,
	}
}

// train runs one segment and takes its outcome into the state.
func (s *DistillState) train(ctx workflow.Context) (spec.DistillSegmentResult, error) {
	var a *activities.Device
	in := spec.DistillSegmentInput{DistillTarget: s.target(), UntilStep: s.Outcome.Step + s.Plan.SegmentSteps}
	segment, err := call(ctx, device(s.Queue, fmt.Sprintf("train the %s up to step %d", studentOf(in.DistillTarget), in.UntilStep)), a.DistillSegment, in)
	if err != nil {
		return segment, err
	}
	s.take(segment.SegmentResult)
	workflow.SetCurrentDetails(ctx, distillDetails(*s, segment))
	return segment, s.publish(ctx)
}

// studentOf is a training for people.
func studentOf(t spec.DistillTarget) string {
	if t.IsControl {
		return "control, which has no teacher,"
	}
	return "student of " + string(t.Plan.Teacher)
}

// distillDetails are the current details of the workflow in the Temporal UI.
func distillDetails(s DistillState, last spec.DistillSegmentResult) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Stage: **distillation**, %s step **%d of %d**\n\n", studentOf(s.target()), s.Outcome.Step, s.Outcome.TotalSteps)
	s.details(&b, last.SegmentResult)
	if last.Figures != nil {
		b.WriteString("\n" + studentDetails(*last.Figures))
	}
	return b.String()
}

// studentDetails sets a student beside its teacher and its control.
func studentDetails(f spec.DistillFigures) string {
	var b strings.Builder
	fmt.Fprintf(&b, "| %d held-out rows | loss | the student is better by |\n|---|---|---|\n| student | %.4f | |\n", f.Rows, f.Student)
	line := func(name string, c spec.Comparison) {
		fmt.Fprintf(&b, "| %s | %.4f | %.4f (%.4f to %.4f) |\n", name, c.Old.Value, c.Gain.Value, c.Gain.Low, c.Gain.High)
	}
	line("teacher", f.ToTeacher)
	if f.ToControl != nil {
		line("without the teacher", *f.ToControl)
	}
	return b.String()
}

// distill makes a smaller model that answers as one that the pipeline has made, where the pipeline has that stage.
func (p *pipeline) distill(ctx workflow.Context) error {
	plan := p.in.Distill
	if plan.IsZero() {
		return nil
	}
	p.distilling = &spec.DistillStatus{WorkflowID: DistillID(p.in.Run), Teacher: plan.Teacher}
	if err := p.enter(ctx, spec.StageDistill); err != nil {
		return err
	}
	in := spec.DistillInput{Run: p.in.Run, Plan: plan}
	if in.Teacher, in.Base = p.made(plan.Teacher); in.Base.IsZero() {
		in.Teacher, in.Base = spec.ArtifactRef{}, in.Teacher
	}
	for _, name := range plan.Adapters {
		in.Datasets = append(in.Datasets, p.result.Prepare.Datasets[p.place(name)].Dataset)
	}
	distilled, err := start(ctx, part(p.distilling.WorkflowID,
		fmt.Sprintf("%s: a smaller model learns to answer as %s", p.in.Name, plan.Teacher), "",
		ElaraStage.ValueSet(spec.StageDistill), ElaraBaseModel.ValueSet(baseName(p.in.Base)),
	), Distill, DistillState{DistillInput: in, Queue: DeviceQueue(p.in.TrainQueue, plan.Device)}).result(ctx)
	if err != nil {
		return err
	}
	p.result.Distill = &distilled
	p.distilling.Student, p.distilling.Figures, p.distilling.Steps = distilled.Student, distilled.Figures, distilled.Outcome.Step
	p.skipped(spec.StageDistill, distilled.Unchanged)
	return nil
}

// made gives what the pipeline has made under a name, and its base where it is an adapter.
func (p *pipeline) made(name spec.AdapterName) (ref, base spec.ArtifactRef) {
	switch {
	case name == spec.ModelStudent:
		return p.result.Distill.Student, spec.ArtifactRef{}
	case name == spec.ModelMerged && p.in.Merge.Into == spec.IntoBase:
		return p.result.Merge.Best, spec.ArtifactRef{}
	case name == spec.ModelMerged:
		return p.result.Merge.Best, p.result.Base
	}
	return p.result.Adapters[p.place(name)].Ref, p.result.Base
}
