package workflows

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"

	"elara/spec"
	"elara/spec/fault"
)

// What comes out of the distillation, and of the training of its control.
var (
	small      = ref(spec.KindBaseModel, "6")
	smallAlone = ref(spec.KindBaseModel, "7")
)

// distilledTo is a segment that ended at a step.
func distilledTo(in spec.DistillSegmentInput, step int64) spec.DistillSegmentResult {
	var result spec.DistillSegmentResult
	result.Outcome = spec.TrainOutcome{Step: step, TotalSteps: totalSteps, Done: step == totalSteps, Loss: 0.5}
	if !result.Outcome.Done {
		return result
	}
	result.Model, result.Figures = small, &spec.DistillFigures{
		Rows: 3, Student: 1.25, ToTeacher: spec.Comparison{Old: spec.Estimate{Value: 1}, Gain: spec.Estimate{Value: -0.25, Low: -0.5, High: -0.125}},
	}
	if in.IsControl {
		result.Model = smallAlone
	}
	return result
}

// distillingPipeline is the pipeline of two adapters whose merge teaches a student.
func distillingPipeline() spec.PipelineInput {
	in := mergingPipeline()
	in.Distill = spec.DistillPlan{
		Teacher: spec.ModelMerged, Adapters: []spec.AdapterName{"patient", "general"}, MaxRows: 9, SegmentSteps: 10,
		Job: spec.DistillJob{StudentConfig: spec.StudentShape{NumHiddenLayers: 2}, Temperature: 1, KDRatio: 0.5},
	}
	return in
}

func TestStudentLearnsFromTheMergedModel(t *testing.T) {
	s := newScene(t)
	s.distill = func(in spec.DistillSegmentInput) (spec.DistillSegmentResult, error) {
		require.Equal(t, ref(spec.KindBaseModel, "b"), in.Base)
		require.Equal(t, one, in.Teacher)
		require.Equal(t, []spec.ArtifactRef{ref(spec.KindDataset, "2"), ref(spec.KindDataset, "2")}, in.Datasets)
		require.Zero(t, in.Start)
		return distilledTo(in, min(in.UntilStep, totalSteps)), nil
	}
	s.ExecuteWorkflow(Pipeline, distillingPipeline())
	result := s.finish(t)
	require.Subset(t, s.called(), []string{"find distill", "train distill 10", "train distill 20", "train distill 30"})
	require.NotContains(t, s.called(), "train distill-control 10")
	require.Equal(t, small, result.Distill.Student)
	require.Equal(t, small, s.proposed.Student, "what is approved names it")

	value, err := s.QueryWorkflow(StatusQuery)
	require.NoError(t, err)
	var status spec.PipelineStatus
	require.NoError(t, value.Get(&status))
	require.Equal(t, &spec.DistillStatus{WorkflowID: "distill.run-1", Teacher: spec.ModelMerged, Student: small, Figures: result.Distill.Figures, Steps: totalSteps}, status.Distill)
	require.Contains(t, pipelineDetails(status), "| teacher | 1.0000 | -0.2500 (-0.5000 to -0.1250) |")
}

func TestTeacherIsWhatThePlanNames(t *testing.T) {
	for name, c := range map[string]struct {
		change        func(*spec.PipelineInput)
		base, adapter spec.ArtifactRef
	}{
		"an adapter over the base": {func(in *spec.PipelineInput) { in.Distill.Teacher = "patient" }, ref(spec.KindBaseModel, "b"), adapterOf("patient")},
		"a merge into the base":    {func(in *spec.PipelineInput) { in.Merge.Into = spec.IntoBase }, one, spec.ArtifactRef{}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			s.distill = func(in spec.DistillSegmentInput) (spec.DistillSegmentResult, error) {
				require.Equal(t, c.base, in.Base)
				require.Equal(t, c.adapter, in.Teacher)
				return distilledTo(in, totalSteps), nil
			}
			in := distillingPipeline()
			c.change(&in)
			s.ExecuteWorkflow(Pipeline, in)
			require.Equal(t, small, s.finish(t).Distill.Student)
		})
	}
}

func TestControlIsTrainedBeforeTheStudentThatIsComparedWithIt(t *testing.T) {
	s := newScene(t)
	s.distill = func(in spec.DistillSegmentInput) (spec.DistillSegmentResult, error) {
		if !in.IsControl {
			require.Equal(t, smallAlone, in.Control)
		}
		return distilledTo(in, min(in.UntilStep, totalSteps)), nil
	}
	in := distillingPipeline()
	in.Distill.Control = true
	in.Distill.Job.StudentConfig, in.Distill.Student = spec.StudentShape{}, spec.BaseSource{Path: "models/small"}
	s.ExecuteWorkflow(Pipeline, in)
	result := s.finish(t)
	require.Equal(t, []string{"import", "find distill", "find distill-control", "train distill-control 10", "train distill-control 20", "train distill-control 30",
		"train distill 10", "train distill 20", "train distill 30"}, since(s.called(), "merge"))
	require.Equal(t, smallAlone, result.Distill.Control)

	s = newScene(t)
	s.distilled = func(in spec.DistillTarget) (spec.DistillResult, error) {
		if in.IsControl {
			return spec.DistillResult{Student: smallAlone, Unchanged: "trained before"}, nil
		}
		return spec.DistillResult{}, nil
	}
	s.ExecuteWorkflow(Pipeline, in)
	require.Equal(t, smallAlone, s.finish(t).Distill.Control)
	require.NotContains(t, s.called(), "train distill-control 10")
}

// since gives the nine calls that follow one.
func since(calls []string, call string) []string {
	for i, c := range calls {
		if c == call {
			return calls[i+1 : i+10]
		}
	}
	return nil
}

func TestUnchangedStudentIsNotTrainedAgain(t *testing.T) {
	s := newScene(t)
	s.distilled = func(in spec.DistillTarget) (spec.DistillResult, error) {
		require.False(t, in.IsControl)
		return spec.DistillResult{Student: small, Unchanged: "made before"}, nil
	}
	in := distillingPipeline()
	in.Distill.Control = true
	s.ExecuteWorkflow(Pipeline, in)
	result := s.finish(t)
	require.Contains(t, result.Skipped, spec.SkippedStage{Stage: "distill", Reason: "made before"})
	require.NotContains(t, s.called(), "find distill-control")
	require.NotContains(t, s.called(), "train distill 10")
}

func TestPipelineWithoutADistillationHasNoSuchStage(t *testing.T) {
	s := newScene(t)
	in := mergingPipeline()
	s.ExecuteWorkflow(Pipeline, in)
	require.Nil(t, s.finish(t).Distill)
	require.NotContains(t, s.called(), "find distill")
	for _, recorded := range []any{in, s.proposed} {
		text, err := json.Marshal(recorded)
		require.NoError(t, err)
		require.NotContains(t, string(text), "distill", "what is recorded of such a pipeline is what always was")
		require.NotContains(t, string(text), "export")
		require.NotContains(t, string(text), "student")
	}
}

func TestFailedDistillationEndsThePipelineBeforeTheEvaluation(t *testing.T) {
	s := newScene(t)
	s.distill = func(spec.DistillSegmentInput) (spec.DistillSegmentResult, error) {
		return spec.DistillSegmentResult{}, failed(fault.Diverged)
	}
	s.ExecuteWorkflow(Pipeline, distillingPipeline())
	require.Equal(t, fault.Diverged, s.kind(t))
	require.NotContains(t, s.called(), "find score general")
}

func TestDistillationThatDoesNotFitThePipelineIsRefused(t *testing.T) {
	require.NoError(t, distillingPipeline().Check())
	for want, change := range map[string]func(*spec.PipelineInput){
		"distill: teacher: is merged, but the pipeline merges nothing":                      func(in *spec.PipelineInput) { in.Merge = spec.MergePlan{} },
		`distill: teacher: no adapter is named "nobody"`:                                    func(in *spec.PipelineInput) { in.Distill.Teacher = "nobody" },
		"distill: adapters: names none":                                                     func(in *spec.PipelineInput) { in.Distill.Adapters = nil },
		"distill: segment_steps: is 0":                                                      func(in *spec.PipelineInput) { in.Distill.SegmentSteps = 0 },
		"distill: student_config: the student is made of the teacher or begins as another":  func(in *spec.PipelineInput) { in.Distill.Student.Path = "m" },
		"distill: adapters: adapter patient reads its rows in another way than the student": func(in *spec.PipelineInput) { in.Distill.Job.MaxLength = 9 },
		"distill: adapters: adapter student: the name is that of something else": func(in *spec.PipelineInput) {
			in.Adapters = append(in.Adapters, in.Adapters[0])
			in.Adapters[2].Name = "student"
		},
		"distill: teacher: adapter general adds a token to the base (add_pad_token)": func(in *spec.PipelineInput) {
			in.Merge, in.Distill.Teacher, in.Adapters[0].AddPadToken = spec.MergePlan{}, "general", true
		},
		"distill: kd_ratio: is 2": func(in *spec.PipelineInput) { in.Distill.Job.KDRatio = 2 },
	} {
		in := distillingPipeline()
		change(&in)
		require.ErrorContains(t, in.Check(), want)
	}
}

// A long distillation is carried from run to run of its workflow: all of the state, and nothing is looked for again.
func TestDistillationGoesOnAsNew(t *testing.T) {
	plan := distillingPipeline().Distill
	plan.Control = true
	state := DistillState{DistillInput: spec.DistillInput{Run: "run-1", Plan: plan, Base: ref(spec.KindBaseModel, "b"), Teacher: one}, Queue: "elara-train-cpu"}
	for _, isControl := range []bool{true, false} {
		s := newScene(t)
		s.distill = func(in spec.DistillSegmentInput) (spec.DistillSegmentResult, error) {
			require.Equal(t, isControl, in.IsControl)
			var result spec.DistillSegmentResult
			result.Outcome = spec.TrainOutcome{Step: in.UntilStep, TotalSteps: 1 << 40, Loss: 0.25}
			return result, nil
		}
		s.ExecuteWorkflow(Distill, state)
		var next *workflow.ContinueAsNewError
		require.True(t, errors.As(s.GetWorkflowError(), &next), "%v", s.GetWorkflowError())
		var carried DistillState
		require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(next.Input, &carried))
		want := state
		want.Segments, want.Outcome = state.Segments+segmentsPerRun, spec.TrainOutcome{Step: state.Outcome.Step + segmentsPerRun*10, TotalSteps: 1 << 40, Loss: 0.25}
		require.Equal(t, want, carried)

		s = newScene(t)
		carried.Outcome.Step = 20
		s.ExecuteWorkflow(Distill, carried)
		require.NoError(t, s.GetWorkflowError())
		if isControl {
			require.Equal(t, []string{"train distill-control 30", "train distill 10", "train distill 20", "train distill 30"}, s.called())
		} else {
			require.Equal(t, []string{"train distill 30"}, s.called())
		}
		state.Control, state.Segments, state.Outcome.Step = smallAlone, 1, 10 // the control is behind it
	}
}

// said is what the teacher says of the rows.
func said(parts int) spec.TeacherResult {
	return spec.TeacherResult{Ref: ref(spec.KindLogProbs, fmt.Sprint(parts)), Parts: parts, All: 4}
}

func TestTeacherIsAskedOncePartByPart(t *testing.T) {
	s := newScene(t)
	s.asked = func(in spec.TeacherInput) (spec.TeacherResult, error) {
		require.False(t, in.IsControl)
		if in.SoFar.IsZero() {
			return said(3), nil
		}
		require.Equal(t, said(3).Ref, in.SoFar)
		return said(4), nil
	}
	s.distill = func(in spec.DistillSegmentInput) (spec.DistillSegmentResult, error) {
		if in.IsControl {
			require.Zero(t, in.LogProbs)
		} else {
			require.Equal(t, said(4).Ref, in.LogProbs)
		}
		return distilledTo(in, totalSteps), nil
	}
	in := distillingPipeline()
	in.Distill.Control, in.Distill.TeacherLogProbs, in.Distill.Job.TopK = true, true, 8
	s.ExecuteWorkflow(Pipeline, in)
	require.Equal(t, small, s.finish(t).Distill.Student)
	require.Subset(t, s.called(), []string{"find teacher", "ask teacher", "train distill 10"})

	s = newScene(t)
	s.answered = func(spec.DistillTarget) (spec.TeacherResult, error) {
		found := said(4)
		found.Unchanged = "asked before"
		return found, nil
	}
	s.ExecuteWorkflow(Pipeline, in)
	require.Equal(t, small, s.finish(t).Distill.Student)
	require.NotContains(t, s.called(), "ask teacher")
}
