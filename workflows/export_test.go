package workflows

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"elara/spec"
	"elara/spec/fault"
)

// exportingPipeline is the pipeline with a student, whose models are exported.
func exportingPipeline() spec.PipelineInput {
	in := distillingPipeline()
	in.Export = spec.ExportPlan{To: "/exports", Models: []spec.ModelPlan{
		{Model: spec.ModelStudent, Form: spec.FormGGUF, Quant: "Q8_0", Audience: spec.General}, {Model: "patient", Form: spec.FormPEFT},
	}}
	return in
}

func TestWhatIsReleasedIsExported(t *testing.T) {
	s := newScene(t)
	s.exported = func(in spec.ExportInput) (spec.Exported, error) {
		switch in.Plan.Model {
		case spec.ModelStudent:
			require.Equal(t, small, in.Artifact)
			require.Zero(t, in.Base)
			require.Equal(t, "nightly-student", in.Name())
		case "patient":
			require.Equal(t, adapterOf("patient"), in.Artifact)
			require.Equal(t, ref(spec.KindBaseModel, "b"), in.Base)
		}
		return spec.Exported{Plan: in.Plan, Ref: ref(spec.KindExport, "5")}, nil
	}
	s.decideAt(time.Minute, approvalOf(candidate.Digest))
	s.ExecuteWorkflow(Pipeline, exportingPipeline())
	result := s.finish(t)
	calls := s.called()
	require.Equal(t, []string{"write student as gguf Q8_0", "lay down student as gguf Q8_0", "write patient as peft", "lay down patient as peft"}, calls[len(calls)-4:])
	require.Equal(t, "/exports/nightly-student", result.Export.Exports[0].Place)

	value, err := s.QueryWorkflow(StatusQuery)
	require.NoError(t, err)
	var status spec.PipelineStatus
	require.NoError(t, value.Get(&status))
	require.Equal(t, []any{"export.run-1", 2}, []any{status.Export.WorkflowID, len(status.Export.Exports)})
	require.Contains(t, pipelineDetails(status), "| student as gguf Q8_0 | `/exports/nightly-student` | 555555555555 |")
}

func TestWhatNobodyApprovedIsNotExported(t *testing.T) {
	s := newScene(t)
	s.ExecuteWorkflow(Pipeline, exportingPipeline()) // the time to decide runs out
	result := s.finish(t)
	require.Nil(t, result.Export)
	require.Contains(t, result.Skipped, spec.SkippedStage{Stage: "export", Reason: "nothing was released"})
	require.NotContains(t, s.called(), "write patient as peft")
}

func TestReleaseThatWasTakenBackIsNotExported(t *testing.T) {
	s := newScene(t)
	s.smoked = func(spec.SmokeInput) (spec.SmokeResult, error) { return spec.SmokeResult{}, failed(fault.Corrupt) }
	in := exportingPipeline()
	in.Release.SmokeQuestion = "When is chest pain an emergency?"
	s.decideAt(time.Minute, approvalOf(candidate.Digest))
	s.ExecuteWorkflow(Pipeline, in)
	result := s.finish(t)
	require.NotEmpty(t, result.Release.TakenBack)
	require.Nil(t, result.Export)
}

func TestExportThatLiesWhereItIsWantedIsSkipped(t *testing.T) {
	s := newScene(t)
	s.released = func(spec.ReleaseInput) (spec.ReleaseResult, error) {
		return spec.ReleaseResult{Channel: "stable", Current: candidate.Digest, Unchanged: "it is served"}, nil
	}
	s.exported = func(in spec.ExportInput) (spec.Exported, error) {
		return spec.Exported{Plan: in.Plan, Ref: ref(spec.KindExport, "5"), Unchanged: "written before"}, nil
	}
	s.laid = func(in spec.DeliverInput) (spec.Exported, error) {
		out := spec.Exported{Plan: in.Plan, Ref: in.Export, Place: "/exports/x"}
		if in.Plan.Model == "patient" {
			out.Sent = 1 // somebody has removed a file there
		}
		return out, nil
	}
	s.ExecuteWorkflow(Pipeline, exportingPipeline())
	skipped := s.finish(t).Skipped
	require.Contains(t, skipped, spec.SkippedStage{Stage: "export/student as gguf Q8_0", Reason: "written before"})
	for _, stage := range skipped {
		require.NotEqual(t, "export/patient as peft", stage.Stage)
	}
}

func TestExportOfWhatThePipelineDoesNotMakeIsRefused(t *testing.T) {
	require.NoError(t, exportingPipeline().Check())
	in := exportingPipeline()
	in.Distill = spec.DistillPlan{}
	require.ErrorContains(t, in.Check(), `export: models[0].model: "student" is nothing that this pipeline makes`)
	in = exportingPipeline()
	in.Export.Models[0].Audience = ""
	require.ErrorContains(t, in.Check(), "export: models[0].audience: is not given, but student was taught for [general patient]")
	in = exportingPipeline()
	in.Export.To = "s3://bucket"
	require.ErrorContains(t, in.Check(), `export: to: is "s3://bucket", expected a folder or s3://bucket/prefix`)
}

func TestReleaseThatWasRefusedIsNotExported(t *testing.T) {
	s := newScene(t)
	s.flipped = func(in spec.ReleaseInput) (spec.ReleaseResult, error) {
		return spec.ReleaseResult{Channel: in.Channel, Current: digest("8"), Refused: "it moved"}, nil
	}
	s.decideAt(time.Minute, approvalOf(candidate.Digest))
	s.ExecuteWorkflow(Pipeline, exportingPipeline())
	require.Nil(t, s.finish(t).Export)
}
