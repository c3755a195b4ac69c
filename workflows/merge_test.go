package workflows

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/spec"
	"elara/spec/fault"
)

// one is what comes out of the merge.
var one = ref(spec.KindAdapter, "8")

// mergingPipeline is the pipeline of two adapters that are merged.
func mergingPipeline() spec.PipelineInput {
	in := pipelineInput()
	in.Approval.TimeoutHours = 1 // nobody decides
	in.Merge = spec.MergePlan{
		Adapters: []spec.AdapterName{"patient", "general"}, Into: spec.IntoAdapter, DType: "float32",
		Candidates: []spec.MergeMethod{{Name: "sum", CombinationType: spec.CombineCat, Weights: []float64{0.7, 0.3}}},
	}
	return in
}

func TestTrainedAdaptersAreMergedInTheOrderOfTheWeights(t *testing.T) {
	s := newScene(t)
	made := s.merge
	s.merge = func(in spec.MergeInput) (spec.MergeResult, error) {
		require.Equal(t, []spec.MergeTarget{
			{Name: "patient", Adapter: adapterOf("patient"), Dataset: ref(spec.KindDataset, "2")},
			{Name: "general", Adapter: adapterOf("general"), Dataset: ref(spec.KindDataset, "2")},
		}, in.Adapters)
		return made(in)
	}
	s.ExecuteWorkflow(Pipeline, mergingPipeline())
	result := s.finish(t)
	require.Subset(t, s.called(), []string{"find merged", "merge"})
	require.Equal(t, one, result.Merge.Best)
	require.Equal(t, one, s.proposed.Merged, "what is approved names it")

	value, err := s.QueryWorkflow(StatusQuery)
	require.NoError(t, err)
	var status spec.PipelineStatus
	require.NoError(t, value.Get(&status))
	require.Equal(t, "merge.run-1", status.Merge.WorkflowID)
	require.Equal(t, one, status.Merge.Best)
	require.Contains(t, pipelineDetails(status), "| sum | cat | 1.5000 | 888888888888 |")
}

func TestUnchangedMergeIsNotMadeAgain(t *testing.T) {
	s := newScene(t)
	s.merged = func(spec.MergeInput) (spec.MergeResult, error) {
		return spec.MergeResult{Best: one, Unchanged: "made before"}, nil
	}
	s.ExecuteWorkflow(Pipeline, mergingPipeline())
	result := s.finish(t)
	require.Contains(t, result.Skipped, spec.SkippedStage{Stage: "merge", Reason: "made before"})
	require.NotContains(t, s.called(), "merge")
}

func TestPipelineWithoutAMergeHasNoSuchStage(t *testing.T) {
	s := newScene(t)
	in := mergingPipeline()
	in.Merge = spec.MergePlan{}
	s.ExecuteWorkflow(Pipeline, in)
	require.Nil(t, s.finish(t).Merge)
	require.NotContains(t, s.called(), "find merged")
	for _, recorded := range []any{in, s.proposed} {
		text, err := json.Marshal(recorded)
		require.NoError(t, err)
		require.NotContains(t, string(text), "merge", "what is recorded of such a pipeline is what always was")
	}
}

func TestFailedMergeEndsThePipelineBeforeTheEvaluation(t *testing.T) {
	s := newScene(t)
	s.merge = func(spec.MergeInput) (spec.MergeResult, error) { return spec.MergeResult{}, failed(fault.Corrupt) }
	s.ExecuteWorkflow(Pipeline, mergingPipeline())
	require.Equal(t, fault.Corrupt, s.kind(t))
	require.NotContains(t, s.called(), "find score general")
}

func TestMergeThatDoesNotFitTheAdaptersIsRefused(t *testing.T) {
	in := mergingPipeline()
	require.NoError(t, in.Check())
	in.Merge.Adapters[0] = "nobody"
	require.ErrorContains(t, in.Check(), `merge: no adapter is named "nobody"`)
	in = mergingPipeline()
	in.Adapters[0].AddPadToken = true
	require.NoError(t, in.Check(), "padding is no text")
	in.Adapters[0].LoRA.ModulesToSave = []string{"norm", "embed_tokens"}
	require.ErrorContains(t, in.Check(), "merge: adapter general trains embeddings (modules_to_save) with a token more than the base (add_pad_token)")
	in = mergingPipeline()
	in.Adapters[0].MaxLength = 9
	require.ErrorContains(t, in.Check(), "differ in max_length")
	in = mergingPipeline()
	in.Merge.Candidates[0].Weights = []float64{1}
	require.ErrorContains(t, in.Check(), "merge: candidates[0].weights: has 1 numbers, expected 2, one for each adapter")
}
