package configs

import (
	"testing"

	"github.com/stretchr/testify/require"

	"elara/spec"
)

const student = "distill:\n  student_config: {num_hidden_layers: 2}\n  training_args: {lmbda: 0}\n"

func TestWhatIsMadeOfAdaptersIsMeasuredUnlessTheFileSaysNo(t *testing.T) {
	withoutVariables(t)
	p, err := LoadPipeline(write(t, "p.yaml", mergingPipeline+student), nil)
	require.NoError(t, err)
	require.Equal(t, spec.MergedGateRules(), p.Input.Merge.Gates)
	require.Equal(t, spec.StudentGateRules(), p.Input.Distill.Gates)
	require.Equal(t, []any{spec.TargetNone, 0.02, 0.02}, []any{p.Input.Merge.Gates.Target, p.Input.Merge.Gates.Margins.Loss, p.Input.Merge.Gates.Margins.Safety})
	require.Equal(t, []any{spec.TargetNone, 1.0, 0.02}, []any{p.Input.Distill.Gates.Target, p.Input.Distill.Gates.Margins.Loss, p.Input.Distill.Gates.Margins.Safety})

	p, err = LoadPipeline(write(t, "p.yaml", mergingPipeline+"  gates: {target: safety, margins: {loss: 1}}\n"+student+"  evaluate: false\n"), nil)
	require.NoError(t, err)
	require.Equal(t, []any{spec.MetricSafety, 1.0, 0.05}, []any{p.Input.Merge.Gates.Target, p.Input.Merge.Gates.Margins.Loss, p.Input.Merge.Gates.Margins.Tone})
	require.Zero(t, p.Input.Distill.Gates)

	for file, want := range map[string]string{
		mergingPipeline + "  evaluate: false\n  gates: {min_items: 9}\n": "merge.gates: is not read: evaluate is false",
		mergingPipeline + student + "  gates: {target: choice}\n":        "distill.gates.target: choice, but evaluate.choices names no questions",
		mergingPipeline + "  gates: {target: relevance_gain}\n":          "merge.gates.target: relevance_gain, but evaluate.other_questions is 0",
	} {
		_, err := LoadPipeline(write(t, "p.yaml", file), nil)
		require.ErrorContains(t, err, want)
	}
}
