//go:build torch

package recipes

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/engine/nn"
	"elara/engine/train"
)

func TestFinishedRunCertifiesThatItsLossIsInvariant(t *testing.T) {
	for _, bf16 := range []bool{false, true} {
		t.Run(fmt.Sprintf("bf16 %v", bf16), func(t *testing.T) {
			r := newRunner(t)
			job := smallJob(t, tinyModel(t, r))
			job.Args.BF16 = bf16
			var state train.State
			require.NoError(t, json.Unmarshal([]byte(trained(t, r, job)[train.StateFile]), &state))
			c := state.Own.Certificate
			require.NotNil(t, c)
			require.True(t, c.Holds, "%+v", c)
			require.Equal(t, 3, c.Rows)
			require.LessOrEqual(t, c.Loss, c.LossBound)
			require.LessOrEqual(t, c.Gradient, c.GradientBound)
			require.NotZero(t, c.Gradient, "layouts that round alike to the last bit have not been compared")
		})
	}
}

func TestCertifiedRowsDifferInLength(t *testing.T) {
	long := make([]int32, 100)
	for i := range long {
		long[i] = int32(i)
	}
	rows := certified(nn.Rows([][]int32{long, long[:10], long, long}))
	require.Len(t, rows, 3)
	require.Equal(t, slices.Concat(long[:8], long[84:]), rows[0].Tokens)
	require.Equal(t, long[:10], rows[1].Tokens, "what is short stays whole")
	require.Equal(t, long[96:], rows[2].Tokens, "and begins like no other")
	require.Empty(t, certified(nn.Rows([][]int32{long[:1]})), "nothing to predict")
}

func TestDistanceOfGradients(t *testing.T) {
	require.InDelta(t, 0.25, distance([][]float32{{1, -4}, {2}}, [][]float32{{1, -3}, {2.5}}), 1e-9)
	require.Zero(t, distance([][]float32{{0}}, [][]float32{{0}}))
	require.Greater(t, distance([][]float32{{1}}, [][]float32{nil}), 1e300)
}
