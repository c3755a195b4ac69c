//go:build torch

package recipes

import (
	"testing"

	"github.com/stretchr/testify/require"

	"elara/engine/lora"
	"elara/engine/nn"
	"elara/engine/tensor"
	"elara/spec"
)

func TestUsefulOperationsOfAPass(t *testing.T) {
	r := newRunner(t)
	m := goldenModel{Config: map[string]any{
		"model_type": "llama", "vocab_size": 257, "hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
		"num_key_value_heads": 1, "max_position_embeddings": 32, "rms_norm_eps": 1e-5, "tie_word_embeddings": true,
	}}
	at := "model.layers.0."
	for name, shape := range map[string][]int64{
		"model.embed_tokens.weight": {257, 8}, "model.norm.weight": {8}, at + "input_layernorm.weight": {8}, at + "post_attention_layernorm.weight": {8},
		at + "self_attn.q_proj.weight": {8, 8}, at + "self_attn.k_proj.weight": {4, 8}, at + "self_attn.v_proj.weight": {4, 8}, at + "self_attn.o_proj.weight": {8, 8},
		at + "mlp.gate_proj.weight": {16, 8}, at + "mlp.up_proj.weight": {16, 8}, at + "mlp.down_proj.weight": {8, 16},
	} {
		m.Weights = append(m.Weights, namedShape{name, shape})
	}
	over(t, r, formulaModel(t, r, m, 1), func(b *base) error {
		adapter, err := lora.New(b.model, 0, spec.LoRAConfig{R: 2, Alpha: 2, Bias: spec.BiasNone, TargetModules: []string{"q_proj", "v_proj"}}, 1)
		if err != nil {
			return err
		}
		defer adapter.Detach()
		pass := nn.Pack(nn.Rows([][]int32{{1, 2, 3, 4}, {1, 2, 5}}), 2) // 5 tokens: two that both rows share, then two and one
		linears := 4.0 * 5 * (8*8 + 8*4 + 8*4 + 8*8 + 3*8*16)
		branches := 6.0 * 5 * 2 * ((8 + 8) + (8 + 4))
		attention := 12.0 * 8 * ((1 + 2) + (3 + 4) + 3)
		head := 4.0 * 4 * 257 * 8 // the token after the shared ones is predicted twice
		require.Equal(t, linears+branches+attention+head, usefulFLOPs(b.model, pass))
		return nil
	})
}

func TestPairsWithinAWindow(t *testing.T) {
	s := tensor.Segments{Offsets: []int64{0, 4, 6}, Parents: []int64{-1, 0}}
	require.Equal(t, float64(1+2+3+4+5+6), seenPairs(s, 0))
	require.Equal(t, float64(1+2+3+3+3+3), seenPairs(s, 3))
}

func TestStepsTellUtilisationAndMemory(t *testing.T) {
	r := newRunner(t)
	job := smallJob(t, tinyModel(t, r))
	o := &recorder{}
	_, err := r.TrainLoRA(t.Context(), job, nil, o)
	require.NoError(t, err)
	require.Len(t, o.progress, 8)
	for _, p := range o.progress {
		require.Greater(t, p.MatmulShare, 0.0)
		require.LessOrEqual(t, p.MatmulShare, 1.0)
		if r.Engine.Device() == tensor.CPU {
			require.Greater(t, p.PeakMemoryBytes, int64(50e6), "a process with libtorch in it")
		} else {
			require.Positive(t, p.PeakMemoryBytes)
		}
	}
}
