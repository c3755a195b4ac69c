package spec_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/spec"
	"elara/spec/fault"
)

func TestMemoryPlansThatCouldFindNothingAreRefused(t *testing.T) {
	canaries := spec.CanaryPlan{Count: 2, Candidates: 200}
	require.NoError(t, spec.MemoryPlan{}.Check())
	require.NoError(t, spec.MemoryPlan{Parts: spec.MemoryParts(), Canaries: canaries, Repeats: 1}.Check())
	for _, bad := range []spec.MemoryPlan{
		{Parts: []spec.MemoryPart{"dreams"}},
		{Parts: spec.MemoryParts(), Canaries: canaries},
		{Parts: spec.MemoryParts(), Canaries: spec.CanaryPlan{Count: 3, Candidates: 200}, Repeats: 1},
	} {
		require.True(t, fault.Is(bad.Check(), fault.Invalid), "%+v", bad)
	}
}

// A run that was started before there was such a plan reads and writes what it did.
func TestAPlanThatAsksNothingIsNotWritten(t *testing.T) {
	for _, value := range []any{spec.EvaluatePlan{}, spec.PrepareInput{}, spec.FormatInput{}, spec.AdapterScore{}, spec.AdapterGate{}, spec.AdapterDataset{}} {
		text, err := json.Marshal(value)
		require.NoError(t, err)
		require.NotRegexp(t, "memory|canaries", string(text))
	}
}
