package train

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
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
		Kind   string        `json:"kind"`
		Rate   float64       `json:"rate"`
		Warmup float64       `json:"warmup"`
		Total  int64         `json:"total"`
		Kwargs spec.LRKwargs `json:"kwargs"`
		Rates  []float64     `json:"rates"`
	} `json:"schedules"`
	Groups []struct {
		Lengths []int `json:"lengths"`
		Batch   int   `json:"batch"`
		Seed    int64 `json:"seed"`
		Order   []int `json:"order"`
	} `json:"groups"`
	LossScales []struct {
		Steps     int64        `json:"steps"`
		Overflows []int64      `json:"overflows"`
		Changes   [][2]float64 `json:"changes"`
	} `json:"loss_scales"`
}

func readGolden(t *testing.T) golden {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "golden.json"))
	require.NoError(t, err)
	var g golden
	require.NoError(t, json.Unmarshal(data, &g))
	require.NotEmpty(t, g.Permutations)
	require.NotEmpty(t, g.Schedules)
	require.NotEmpty(t, g.Groups)
	require.NotEmpty(t, g.LossScales)
	return g
}

func TestPermutationIsTorchs(t *testing.T) {
	for _, want := range readGolden(t).Permutations {
		t.Run(fmt.Sprintf("%d rows, seed %d", want.N, want.Seed), func(t *testing.T) {
			require.Equal(t, want.Order, Permutation(want.N, want.Seed))
		})
	}
}

func TestLengthGroupsAreTransformers(t *testing.T) {
	for _, want := range readGolden(t).Groups {
		t.Run(fmt.Sprintf("%d rows, batch %d, seed %d", len(want.Lengths), want.Batch, want.Seed), func(t *testing.T) {
			require.Equal(t, want.Order, GroupedByLength(want.Lengths, want.Batch, want.Seed))
		})
	}
}

// Every step of every course is compared, relative to the rate itself; the courses of the golden file are all there are.
func TestScheduleIsTransformers(t *testing.T) {
	courses := map[string]bool{}
	for i, want := range readGolden(t).Schedules {
		courses[want.Kind] = true
		t.Run(fmt.Sprintf("%d %s", i, want.Kind), func(t *testing.T) {
			args := spec.TrainingArgs{LRSchedulerType: want.Kind, LearningRate: want.Rate, LRSchedulerKwargs: want.Kwargs}
			if want.Warmup < 1 {
				args.WarmupRatio = want.Warmup
			} else {
				args.WarmupSteps = int64(want.Warmup)
			}
			s, err := NewSchedule(args, want.Total)
			require.NoError(t, err)
			require.Len(t, want.Rates, int(want.Total))
			for i, rate := range want.Rates {
				require.LessOrEqual(t, math.Abs(rate-s.Rate(int64(i+1))), 1e-12*rate+1e-18, "step %d: %v, expected %v", i+1, s.Rate(int64(i+1)), rate)
			}
		})
	}
	for _, name := range spec.LRSchedulers() {
		require.True(t, courses[name], "%s has no golden values", name)
	}
}

func TestScheduleWithWrongArgumentsIsRefused(t *testing.T) {
	half, two := 0.5, int64(2)
	for name, c := range map[string]struct {
		args spec.TrainingArgs
		want string
	}{
		"unknown":                   {spec.TrainingArgs{LRSchedulerType: "greedy"}, `lr_scheduler_type: "greedy" is not supported, expected one of linear, cosine,`},
		"argument of another":       {spec.TrainingArgs{LRSchedulerType: "linear", LRSchedulerKwargs: spec.LRKwargs{NumCycles: &half}}, "lr_scheduler_kwargs.num_cycles: linear does not take it, expected none"},
		"shape of another":          {spec.TrainingArgs{LRSchedulerType: "cosine", LRSchedulerKwargs: spec.LRKwargs{DecayType: "linear"}}, "lr_scheduler_kwargs.decay_type: cosine does not take it, expected num_cycles"},
		"two lowest rates":          {spec.TrainingArgs{LRSchedulerType: "cosine_with_min_lr", LRSchedulerKwargs: spec.LRKwargs{MinLR: &half, MinLRRate: &half}}, "lr_scheduler_kwargs: cosine_with_min_lr needs one of min_lr and min_lr_rate"},
		"no lowest rate":            {spec.TrainingArgs{LRSchedulerType: "cosine_warmup_with_min_lr"}, "cosine_warmup_with_min_lr needs one of min_lr and min_lr_rate"},
		"no decay":                  {spec.TrainingArgs{LRSchedulerType: "warmup_stable_decay", LRSchedulerKwargs: spec.LRKwargs{NumStableSteps: &two}}, "warmup_stable_decay needs num_decay_steps"},
		"polynomial that rises":     {spec.TrainingArgs{LRSchedulerType: "polynomial", LearningRate: 0.5, LRSchedulerKwargs: spec.LRKwargs{LREnd: &half}}, "lr_scheduler_kwargs.lr_end: is 0.5, expected less than learning_rate, 0.5"},
		"polynomial without a fall": {spec.TrainingArgs{LRSchedulerType: "polynomial", LearningRate: 1e-8}, "lr_scheduler_kwargs.lr_end: is 1e-07, expected less than learning_rate, 1e-08"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := NewSchedule(c.args, 10)
			require.Equal(t, fault.Invalid, fault.KindOf(err))
			require.ErrorContains(t, err, c.want)
		})
	}
}

func TestLossScaleIsTorchs(t *testing.T) {
	for i, want := range readGolden(t).LossScales {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			s, changes, before := newScaler(), [][2]float64{}, 65536.0
			for step := int64(1); step <= want.Steps; step++ {
				require.NoError(t, s.update(slices.Contains(want.Overflows, step)))
				if s.Scale != before {
					before = s.Scale
					changes = append(changes, [2]float64{float64(step), before})
				}
			}
			require.Equal(t, want.Changes, changes)
		})
	}
}
