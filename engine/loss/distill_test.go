//go:build torch

package loss

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/engine/tensor"
	"elara/internal/testdevice"
)

// distillGolden is testdata/distill.json, which tests/peer/distill/golden.py computes with TRL's GKDTrainer.
type distillGolden struct {
	Rows     int64
	H, W     []float32
	TeacherH []float32 `json:"teacher_h"`
	TeacherW []float32 `json:"teacher_w"`
	Targets  []int64
	Weights  []float32
	Cases    []struct {
		Beta, Temperature, Share float64
		K                        int
		IDs                      []int64
		LogProbs                 []float32 `json:"log_probs"`
		Divergence, NLL          []float64
		Loss                     float64
		H, W                     []float64
	}
}

// largest is the largest difference between numbers, as a share of the largest of those wanted where that is above 1.
func largest(t *testing.T, want []float64, got []float32) float64 {
	t.Helper()
	require.Len(t, got, len(want))
	scale, worst := 1.0, 0.0
	for i, v := range want {
		scale, worst = max(scale, math.Abs(v)), max(worst, math.Abs(v-float64(got[i])))
	}
	return worst / scale
}

// ELARA_DISTILL_GOLDEN names another file of the script, for make proof-distill.
func TestDivergencesAreThoseOfTRL(t *testing.T) {
	path := os.Getenv("ELARA_DISTILL_GOLDEN")
	if path == "" {
		path = filepath.Join("testdata", "distill.json")
	}
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	var g distillGolden
	require.NoError(t, json.Unmarshal(data, &g))
	require.NotEmpty(t, g.Cases)
	engine, err := tensor.Start(tensor.Options{Threads: 1, Device: testdevice.Name()})
	require.NoError(t, err)
	defer engine.Close()
	worst := 0.0
	for _, c := range g.Cases {
		require.NoError(t, engine.Do(func() error {
			engine.Scope(func() {
				rows := g.Rows
				matrix := func(values []float32, height int64) *tensor.Tensor {
					return engine.FromFloat32(values, height, int64(len(values))/height)
				}
				words := int64(len(g.W)) / (int64(len(g.H)) / rows)
				h, w := matrix(g.H, rows).RequireGrad(), matrix(g.W, words).RequireGrad()
				hidden, head := matrix(g.TeacherH, rows), matrix(g.TeacherW, words)
				teacher := tensor.Teacher{Hidden: hidden, Head: head}
				if c.K > 0 {
					ids, logProbs := tensor.LinearTopLogProbs(hidden, head, c.K, c.Temperature, 3)
					require.Equal(t, c.IDs, int64s(ids))
					for i, v := range logProbs.Float32s() {
						worst = max(worst, math.Abs(float64(v-c.LogProbs[i])))
					}
					teacher = tensor.Teacher{IDs: ids, LogProbs: logProbs}
				}
				d := tensor.Divergence{Beta: c.Beta, Temperature: c.Temperature, Share: c.Share}
				sum, divergence, nll := tensor.LinearDivergence(h, w, engine.FromInt64(g.Targets), engine.FromFloat32(g.Weights, rows), teacher, d, 3)
				sum.Scale(0.5).Backward()
				for _, pair := range []struct {
					want []float64
					got  []float32
				}{
					{[]float64{c.Loss}, sum.Float32s()}, {c.Divergence, divergence.Float32s()}, {c.NLL, nll.Float32s()},
					{c.H, h.Grad().Scale(2).Float32s()}, {c.W, w.Grad().Scale(2).Float32s()},
				} {
					worst = max(worst, largest(t, pair.want, pair.got))
				}
			})
			return nil
		}))
		require.Less(t, worst, 1e-5, "beta %v, temperature %v, share %v, top %d", c.Beta, c.Temperature, c.Share, c.K)
	}
	t.Logf("worst: %.1e of %d losses and their gradients", worst, len(g.Cases))
}

func int64s(t *tensor.Tensor) []int64 {
	var out []int64
	for _, v := range t.To(tensor.Float32).Float32s() { // ids of a test are small
		out = append(out, int64(v))
	}
	return out
}

func TestATeacherOfAnotherVocabularyIsRefused(t *testing.T) {
	engine, err := tensor.Start(tensor.Options{Threads: 1, Device: testdevice.Name()})
	require.NoError(t, err)
	defer engine.Close()
	err = engine.Do(func() error {
		engine.Scope(func() {
			h, w, tw := engine.Zeros(tensor.Float32, 1, 2), engine.Zeros(tensor.Float32, 5, 2), engine.Zeros(tensor.Float32, 6, 2)
			tensor.LinearDivergence(h, w, engine.FromInt64([]int64{0}), nil, tensor.Teacher{Hidden: h, Head: tw}, tensor.Divergence{Temperature: 1, Share: 1}, 4)
		})
		return nil
	})
	require.ErrorContains(t, err, "teacher 1 rows of 6 words, student 1 of 5")
}
