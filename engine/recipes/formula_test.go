//go:build torch

package recipes

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/data/tokenizer"
	"elara/engine/tensor"
	"elara/spec"
)

// golden is testdata/golden.json, which tests/peer/engine/golden.py computes with transformers and PEFT.
type golden struct {
	Texts  []string               `json:"texts"`
	Rows   []string               `json:"rows"`
	IDs    [][]int32              `json:"ids"`
	Models map[string]goldenModel `json:"models"`

	// Windowed are models whose window the longest text leaves.
	Windowed map[string]goldenModel `json:"windowed"`
}

type goldenModel struct {
	Config   map[string]any `json:"config"`
	Weights  []namedShape   `json:"weights"`
	LogProbs [][]float64    `json:"logprobs"`
	Targets  []string       `json:"targets"`
	LoRA     struct {
		Loss         []float64            `json:"loss"`
		GradNorm     []float64            `json:"grad_norm"`
		LearningRate []float64            `json:"learning_rate"`
		Epoch        []float64            `json:"epoch"`
		Final        map[string][]float64 `json:"final"`
	} `json:"lora"`
}

// namedShape is written as [name, [sizes]].
type namedShape struct {
	Name  string
	Shape []int64
}

func (n *namedShape) UnmarshalJSON(data []byte) error {
	return json.Unmarshal(data, &[]any{&n.Name, &n.Shape})
}

func readGolden(t *testing.T) golden {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "golden.json"))
	require.NoError(t, err)
	var g golden
	require.NoError(t, json.Unmarshal(data, &g))
	require.NotEmpty(t, g.Models)
	return g
}

// formula gives a tensor's elements as golden.py does: a 32-bit mix of name and index, exact in float32.
func formula(name string, shape []int64) []float32 {
	h := uint32(0x811C9DC5)
	for _, b := range []byte(name) {
		h = (h ^ uint32(b)) * 0x01000193
	}
	n := int64(1)
	for _, d := range shape {
		n *= d
	}
	values := make([]float32, n)
	for i := range values {
		x := h + uint32(i)
		x ^= x >> 16
		x *= 0x85EBCA6B
		x ^= x >> 13
		x *= 0xC2B2AE35
		x ^= x >> 16
		unit := (float64(x>>16) - 32768) / 32768
		switch {
		case strings.HasSuffix(name, "lora_B.weight"):
			unit /= 16
		case len(shape) == 2:
			unit /= 4
		default:
			unit /= 8
			if strings.Contains(name, "norm") || strings.Contains(name, "ln_") && strings.HasSuffix(name, ".weight") {
				unit++
			}
		}
		values[i] = float32(unit)
	}
	return values
}

// encodeFormula writes tensors that follow the formula as safetensors.
func encodeFormula(t *testing.T, r *Runner, weights []namedShape) []byte {
	t.Helper()
	var data []byte
	require.NoError(t, r.Engine.Do(func() (err error) {
		r.Engine.Scope(func() {
			tensors := map[string]*tensor.Tensor{}
			for _, w := range weights {
				tensors[w.Name] = r.Engine.FromFloat32(formula(w.Name, w.Shape), w.Shape...)
			}
			data, err = tensor.EncodeSafetensors(tensors, map[string]string{"format": "pt"})
		})
		return err
	}))
	return data
}

// formulaModel writes the folder of a golden model. With shards above 1 its weights are dealt out to as many files.
func formulaModel(t *testing.T, r *Runner, m goldenModel, shards int) string {
	t.Helper()
	files := map[string][]byte{}
	var err error
	files["config.json"], err = json.Marshal(m.Config)
	require.NoError(t, err)
	alphabet := tokenizer.ByteAlphabet()
	files["tokenizer.json"], files["tokenizer_config.json"], err = alphabetTokenizer(alphabet[:])
	require.NoError(t, err)
	if shards == 1 {
		files["model.safetensors"] = encodeFormula(t, r, m.Weights)
	} else {
		parts, where := make([][]namedShape, shards), map[string]string{}
		for i, w := range m.Weights {
			parts[i%shards] = append(parts[i%shards], w)
			where[w.Name] = shardName(i % shards)
		}
		for i, part := range parts {
			files[shardName(i)] = encodeFormula(t, r, part)
		}
		files["model.safetensors.index.json"], err = json.Marshal(map[string]any{"metadata": map[string]any{}, "weight_map": where})
		require.NoError(t, err)
	}
	dir := filepath.Join(t.TempDir(), "model")
	require.NoError(t, writeFolder(dir, files, nil))
	return dir
}

func shardName(i int) string { return "part-" + string(rune('a'+i)) + ".safetensors" }

// formulaAdapter writes a PEFT folder whose matrices follow the formula.
func formulaAdapter(t *testing.T, r *Runner, config spec.LoRAConfig, shapes []namedShape) string {
	t.Helper()
	settings, err := json.Marshal(map[string]any{
		"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": config.R, "lora_alpha": config.Alpha, "lora_dropout": config.Dropout,
		"bias": "none", "target_modules": config.TargetModules,
	})
	require.NoError(t, err)
	dir := filepath.Join(t.TempDir(), "init")
	require.NoError(t, writeFolder(dir, map[string][]byte{
		"adapter_config.json": settings, "adapter_model.safetensors": encodeFormula(t, r, shapes),
	}, nil))
	return dir
}
