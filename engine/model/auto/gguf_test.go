//go:build torch

package auto

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/data/modelconfig"
	"elara/engine/loss"
	"elara/engine/model"
	"elara/engine/nn"
	"elara/engine/tensor"
	"elara/internal/testdevice"
)

// golden is testdata/gguf.json, written with the files beside it by tests/peer/engine/gguf_families.py.
type golden struct {
	IDs    []int32
	Models map[string]struct {
		Config      json.RawMessage
		First, Last []float64 // log-probabilities of the text's first and last predicted tokens
	}
}

func readGolden(t *testing.T) golden {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "gguf.json"))
	require.NoError(t, err)
	var g golden
	require.NoError(t, json.Unmarshal(data, &g))
	require.Len(t, g.Models, 3)
	return g
}

// loaded runs body with a model in float32.
func loaded(t *testing.T, path string, body func(m model.Model)) {
	t.Helper()
	e, err := tensor.Start(tensor.Options{Device: testdevice.Name(), Threads: 1})
	require.NoError(t, err)
	t.Cleanup(e.Close)
	require.NoError(t, e.Do(func() error {
		m, err := Load(e, path, tensor.Float32)
		if err != nil {
			return err
		}
		e.Scope(func() { e.NoGrad(func() { body(m) }) })
		model.Free(m)
		require.Zero(t, e.Live(), "tensors left behind")
		return nil
	}))
}

// requireLogProbs scores the beginning of the text, and then all of it: 2,300 tokens, more than the rotary tables begin with.
func requireLogProbs(t *testing.T, m model.Model, ids []int32, first, last []float64) {
	t.Helper()
	score := func(ids []int32) []float32 {
		_, nll := loss.Causal(m, nn.NewPass([][]int32{ids}))
		return nll.Float32s()
	}
	for _, c := range []struct {
		want []float64
		got  []float32
	}{{first, score(ids[:len(first)+1])}, {last, score(ids)[len(ids)-1-len(last):]}} {
		require.Len(t, c.got, len(c.want))
		for i := range c.want {
			require.False(t, math.IsNaN(float64(c.got[i])))
			require.InDelta(t, c.want[i], -c.got[i], 1e-5, "prediction %d", i+1)
		}
	}
}

func TestLogProbabilitiesFromGGUFAreThoseOfTransformers(t *testing.T) {
	g := readGolden(t)
	for name, want := range g.Models {
		t.Run(name, func(t *testing.T) {
			loaded(t, filepath.Join("testdata", name+".gguf"), func(m model.Model) { requireLogProbs(t, m, g.IDs, want.First, want.Last) })
		})
	}
}

func TestModelFromGGUFIsWrittenAsTheFolderItCameFrom(t *testing.T) {
	g := readGolden(t)
	for name, want := range g.Models {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			loaded(t, filepath.Join("testdata", name+".gguf"), func(m model.Model) {
				require.NoError(t, model.Save(dir, m, tensor.Float32, model.MaxShardBytes))
			})
			data, err := os.ReadFile(filepath.Join(dir, "config.json"))
			require.NoError(t, err)
			got, err := modelconfig.ParseLlama("config.json", data)
			require.NoError(t, err)
			expected, err := modelconfig.ParseLlama("gguf.json", want.Config)
			require.NoError(t, err)
			require.Equal(t, expected.Rope, got.Rope)
			require.InEpsilon(t, expected.RMSNormEps, got.RMSNormEps, 1e-7) // GGUF holds a float32
			var written, original map[string]any
			require.NoError(t, json.Unmarshal(data, &written))
			require.NoError(t, json.Unmarshal(want.Config, &original))
			delete(original, "rms_norm_eps")
			require.Subset(t, written, original)
			loaded(t, dir, func(m model.Model) { requireLogProbs(t, m, g.IDs, want.First, want.Last) })
		})
	}
}
