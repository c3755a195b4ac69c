package gates

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/spec"
)

// asked is an adapter with one canary and 100 rows a side, tested at a p-value; its figures hold every bound.
func asked(pAbove float64) *spec.MemoryResult {
	return &spec.MemoryResult{
		Parts: spec.MemoryParts(), Bounds: spec.MemoryBounds{VerbatimTokens: 50, MembershipAUC: 0.55},
		Canaries: []spec.Exposure{{Planted: 1}}, Verbatim: spec.Verbatim{Rows: 100},
		Membership: spec.Membership{TrainedRows: 100, HeldOutRows: 100, AUC: spec.Estimate{Value: 0.5, Low: 0.46, High: 0.54}, PAbove: pAbove},
	}
}

func TestWhatAnAdapterHasByHeartIsHeldAgainstItToo(t *testing.T) {
	better := []spec.Comparison{made(spec.MetricLoss, 0.1, 0.05, 0.15, 1)}
	worse := []spec.Comparison{made(spec.MetricLoss, -0.2, -0.3, -0.1, 0.0001)}
	knows := asked(1)
	knows.Canaries[0].IsFound = true
	untold := asked(1)
	untold.Canaries[0].Planted = 0
	for name, test := range map[string]struct {
		comparisons []spec.Comparison
		memory      *spec.MemoryResult
		verdict     spec.GateVerdict
		says        string
	}{
		"better, nothing by heart":         {better, asked(1), spec.Promote, "memory: 0 of 1 planted canaries found, 0 of 100 rows word for word, AUC of membership 0.500 (0.460 to 0.540)"},
		"better, a canary by heart":        {better, knows, spec.Reject, "memory: 1 of 1 canaries are found, at most 0 may be"},
		"better, no canary to be found":    {better, untold, spec.InsufficientData, "memory: no canary of this plan stands among the training rows, so that none could be found"},
		"worse, whatever it has by heart":  {worse, asked(1), spec.Reject, "loss: worse by 0.2 (0.1 to 0.3)"},
		"worse, and no canary to be found": {worse, untold, spec.Reject, "memory: no canary of this plan stands among the training rows, so that none could be found"},
	} {
		gate := Decide(spec.DefaultGateRules(), test.comparisons, test.memory)
		require.Equal(t, test.verdict, gate.Verdict, name)
		require.True(t, slices.ContainsFunc(gate.Reasons, func(reason string) bool { return strings.HasPrefix(reason, test.says) }), "%s: %q", name, gate.Reasons)
		require.Empty(t, test.memory.Verdict, "what was given is left as it is")
	}
}

// By hand: of p = 0.0001, 0.01 and 0.02 the adjusted are 3 x 0.0001, 2 x 0.01 and 1 x 0.02, of 0.0001, 0.02 and 0.02 twice 0.04.
func TestMembershipIsOneOfTheTestsUnderHolm(t *testing.T) {
	rules := spec.DefaultGateRules()
	rules.Target = spec.TargetNone
	comparisons := func(p float64) []spec.Comparison {
		return []spec.Comparison{made(spec.MetricLoss, 0, 0, 0, 0.0001), made(spec.MetricTone, 0, 0, 0, p)}
	}
	above := asked(0.01)
	above.Membership.AUC = spec.Estimate{Value: 0.6, Low: 0.56, High: 0.64}
	gate := Decide(rules, comparisons(0.02), above)
	require.InDelta(t, 0.0003, gate.Comparisons[0].HolmWorse, 1e-12)
	require.InDelta(t, 0.02, gate.Memory.Membership.HolmAbove, 1e-12)
	require.InDelta(t, 0.02, gate.Comparisons[1].HolmWorse, 1e-12)
	require.Equal(t, spec.Reject, gate.Verdict)
	require.Contains(t, gate.Reasons, "memory: the loss tells training rows by an AUC of 0.600 (0.560 to 0.640), at most 0.55 may be")

	above.Membership.PAbove = 0.02
	gate = Decide(rules, comparisons(0.02), above)
	require.InDelta(t, 0.04, gate.Memory.Membership.HolmAbove, 1e-12)
	require.Equal(t, spec.InsufficientData, gate.Verdict, "sure alone, not so among three tests")

	rules.MinItems = 101
	require.Contains(t, Decide(rules, nil, above).Reasons, "memory: membership was tested on 100 rows of one side, at least 101 are needed")
}
