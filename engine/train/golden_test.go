package train

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/spec"
	"elara/spec/fault"
)

// golden is testdata/golden.json, which testdata/peer/golden.py computes with torch and transformers.
type golden struct {
	Permutations []struct {
		N     int   `json:"n"`
		Seed  int64 `json:"seed"`
		Order []int `json:"order"`
	} `json:"permutations"`
	Schedules []struct {
		Rate   float64   `json:"rate"`
		Warmup int64     `json:"warmup"`
		Total  int64     `json:"total"`
		Rates  []float64 `json:"rates"`
	} `json:"schedules"`
}

func readGolden(t *testing.T) golden {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "golden.json"))
	require.NoError(t, err)
	var g golden
	require.NoError(t, json.Unmarshal(data, &g))
	require.NotEmpty(t, g.Permutations)
	require.NotEmpty(t, g.Schedules)
	return g
}

func TestPermutationIsTorchs(t *testing.T) {
	for _, want := range readGolden(t).Permutations {
		t.Run(fmt.Sprintf("%d rows, seed %d", want.N, want.Seed), func(t *testing.T) {
			require.Equal(t, want.Order, Permutation(want.N, want.Seed))
		})
	}
}

func TestScheduleIsTransformers(t *testing.T) {
	for _, want := range readGolden(t).Schedules {
		t.Run(fmt.Sprintf("warm-up %d of %d", want.Warmup, want.Total), func(t *testing.T) {
			s, err := NewSchedule(spec.TrainingArgs{LRSchedulerType: "linear", LearningRate: want.Rate, WarmupSteps: want.Warmup}, want.Total)
			require.NoError(t, err)
			for i, rate := range want.Rates {
				require.InDelta(t, rate, s.Rate(int64(i+1)), 1e-15, "step %d", i+1)
			}
		})
	}
}

func TestOtherSchedulesAreRefused(t *testing.T) {
	_, err := NewSchedule(spec.TrainingArgs{LRSchedulerType: "cosine"}, 10)
	require.Equal(t, fault.Invalid, fault.KindOf(err))
	require.ErrorContains(t, err, `"cosine"`)
}
