package export

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// rows are weights by name, each of so many ones.
type rows map[string]int

func (r rows) Names() []string {
	var names []string
	for name := range r {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (r rows) Shape(name string) ([]int, bool) {
	n, found := r[name]
	return []int{n}, found
}

func (r rows) ReadF32(_ string, dst []float32) error {
	for i := range dst {
		dst[i] = 1
	}
	return nil
}

func (r rows) Close() error { return nil }

func TestProgressOfTheCheckReachesItsEnd(t *testing.T) {
	weights := rows{"h.0.attn.bias": 64, "h.0.ln_1.weight": 2, "wte.weight": 3} // the first is a buffer, which is not read
	var told [][2]int64
	require.NoError(t, checkFinite(context.Background(), "model", weights, func(done, total int64) { told = append(told, [2]int64{done, total}) }))
	require.Equal(t, [][2]int64{{8, 20}, {20, 20}}, told)
}
