package chain

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/converter"

	"elara/spec"
	"elara/workflows"
)

// The toy knows canaries that were planted twice. Nobody is asked about adapters that have them by heart, and no text of a row, nor of a
// canary, is in any history.
func TestAdaptersThatKnowTheirCanariesAreRejected(t *testing.T) {
	th := open(t, "calm")
	th.worker(t, "calm", 0)
	in := gated("run-1", "calm")
	in.Evaluate.Memory = spec.MemoryPlan{
		Parts:    []spec.MemoryPart{spec.PartCanaries, spec.PartVerbatim},
		Canaries: spec.CanaryPlan{Count: 2, Candidates: 200, Seed: 42}, Repeats: 2, Bounds: spec.MemoryBounds{VerbatimTokens: 50},
	}
	run := th.start(t, "calm", in)
	result := run.result(t)
	require.Equal(t, spec.Reject, result.Gates.Verdict)
	for i, dataset := range result.Prepare.Datasets {
		require.EqualValues(t, 4, dataset.Canaries)
		require.Contains(t, result.Gates.Adapters[i].Reasons, "memory: 2 of 2 canaries are found, at most 0 may be")
		require.NotZero(t, result.Evaluate.Scores[i].Memory.Report)
	}
	require.Zero(t, result.Decision)
	require.Zero(t, result.Release)

	described, err := th.client.DescribeWorkflowExecution(t.Context(), run.GetID(), "")
	require.NoError(t, err)
	var memo string
	require.NoError(t, converter.GetDefaultDataConverter().FromPayload(described.WorkflowExecutionInfo.Memo.Fields[workflows.VerdictMemo], &memo))
	require.Equal(t, "reject (general reject, patient reject, doctor reject, emergency reject)", memo)
	var all strings.Builder
	for _, id := range []string{run.GetID(), workflows.PrepareID("run-1"), workflows.EvaluateID("run-1")} {
		for events := th.client.GetWorkflowHistory(t.Context(), id, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT); events.HasNext(); {
			event, err := events.Next()
			require.NoError(t, err)
			all.WriteString(event.String())
		}
	}
	require.Contains(t, all.String(), "canaries_found", "payloads are looked into")
	for _, text := range []string{"hospital number", "Person A", "local guideline"} {
		require.NotContains(t, all.String(), text)
	}
	record(t, th.client, map[string]string{"pipeline-memory": run.GetID(), "evaluate-memory": workflows.EvaluateID("run-1")})

	again := gated("run-2", "calm")
	again.Evaluate.Memory = in.Evaluate.Memory
	second := th.start(t, "calm", again).result(t)
	require.Equal(t, result.Gates, second.Gates)
	require.NotEmpty(t, second.Evaluate.Scores[0].Memory.Unchanged, "nobody is asked twice")
}
