package chain

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/spec"
	"elara/storage/artifact"
	"elara/workflows"
)

// gated is a pipeline with gates that look at the loss alone, for the toy's answers say nothing.
func gated(run spec.RunID, bucket string) spec.PipelineInput {
	in := input(run, bucket)
	in.Evaluate.AnsweredRows, in.Evaluate.Contamination = 2, spec.TakeOutSame
	in.Evaluate.Choices = []spec.ChoiceSet{{Form: spec.ChoiceGeneric, MaxItems: 20}}
	in.Gates = spec.GatePlan{CompareWith: spec.CompareProduction, OnInsufficient: spec.StopThere}
	for i := range in.Adapters {
		in.Adapters[i].Gates = spec.GateRules{Target: spec.MetricLoss, MinItems: 2, Margins: spec.Margins{Loss: 0, Accuracy: 1, Relevance: 1, Tone: 1, Safety: 1, Choice: 0.5}}
	}
	return in
}

// A first candidate is better than the base and released; a worse one than that is rejected and nobody is asked.
func TestGatesDecideWhoIsAsked(t *testing.T) {
	th := open(t, "calm")
	th.worker(t, "calm", 0)
	first := th.start(t, "calm", gated("run-1", "calm")).approve(t)
	require.Equal(t, spec.Promote, first.Gates.Verdict)
	require.Equal(t, "the base model", first.Gates.Adapters[0].Against)
	// The toy's base takes the first of four choices, its adapters the right one.
	require.Contains(t, first.Gates.Adapters[0].Reasons, "choice: no worse than by 0, margin 0.5")
	require.InDelta(t, 1, first.Evaluate.Scores[0].Choices[0].Acc.Value, 1e-12)

	// The toy's loss is a number that hangs on its weights; of a few seeds one is worse than what is served.
	for _, seed := range []int64{4, 5, 6, 7, 8} {
		changed := gated(spec.RunID("run-"+string(rune('0'+seed))), "calm")
		changed.Adapters[2].Args.Seed = seed
		run := th.start(t, "calm", changed)
		judged := run.awaitVerdict(t)
		require.Equal(t, "itself", judged.Adapters[0].Against)
		require.Contains(t, judged.Adapters[2].Against, "which channel stable serves")
		if judged.Verdict != spec.Reject {
			require.NoError(t, th.client.CancelWorkflow(t.Context(), run.GetID(), ""))
			continue
		}
		result := run.result(t)
		require.Zero(t, result.Release)
		require.Zero(t, result.Decision)
		require.Contains(t, result.Gates.Adapters[2].Reasons[0], "loss: worse by")
		var stored spec.GateResult
		content, err := artifact.ReadFile(t.Context(), th.store(t, "calm"), result.Gates.Report, "verdict.json")
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(content, &stored))
		require.Equal(t, result.Gates.Adapters, stored.Adapters)
		record(t, th.client, map[string]string{
			"pipeline-gated":        workflows.PipelineID("run-1"),
			"pipeline-gate-stopped": run.GetID(),
			"evaluate-choices":      workflows.EvaluateID("run-1"),
		})
		return
	}
	t.Fatal("no seed gave a worse adapter")
}
