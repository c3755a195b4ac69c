//go:build torch

package recipes

import (
	"testing"

	"github.com/stretchr/testify/require"

	"elara/engine/nn"
)

// rowsOf gives micro-batches of rows with so many tokens each.
func rowsOf(batches ...[]int) [][]nn.Row {
	var all [][]nn.Row
	for _, lengths := range batches {
		var rows []nn.Row
		for _, n := range lengths {
			rows = append(rows, nn.Row{Tokens: make([]int32, n)})
		}
		all = append(all, rows)
	}
	return all
}

func TestMicroBatchesRunTogetherWithinTheTokensOfAFullOne(t *testing.T) {
	for name, c := range map[string]struct{ given, want [][]nn.Row }{
		"both fit into 2 x 10":             {rowsOf([]int{3, 4}, []int{5, 6}), rowsOf([]int{3, 4, 5, 6})},
		"exactly":                          {rowsOf([]int{5, 5}, []int{5, 5}), rowsOf([]int{5, 5, 5, 5})},
		"one token too many":               {rowsOf([]int{5, 5}, []int{5, 6}), rowsOf([]int{5, 5}, []int{5, 6})},
		"the third begins a pass":          {rowsOf([]int{4, 4}, []int{6, 6}, []int{1, 1}), rowsOf([]int{4, 4, 6, 6}, []int{1, 1})},
		"full rows stay as they are":       {rowsOf([]int{10, 10}, []int{10, 10}), rowsOf([]int{10, 10}, []int{10, 10})},
		"halved for want of memory":        {rowsOf([]int{6}, []int{4}, []int{5}), rowsOf([]int{6, 4}, []int{5})},
		"the last of an epoch is shorter":  {rowsOf([]int{9, 9}, []int{2}), rowsOf([]int{9, 9, 2})},
		"a row that is longer than others": {rowsOf([]int{25}, []int{1}), rowsOf([]int{25}, []int{1})},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, passes(c.given, 10)) })
	}
	uncut := rowsOf([]int{1}, []int{1})
	require.Equal(t, uncut, passes(uncut, 0), "rows of any length")
	require.Empty(t, passes(nil, 10))
}
