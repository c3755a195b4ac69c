//go:build torch

package recipes

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/engine/loss"
	"elara/engine/model/auto"
	"elara/engine/nn"
	"elara/engine/tensor"
)

// ggufWriter writes the little of GGUF version 3 that a llama in float32 needs.
type ggufWriter struct{ metadata, tensors, data bytes.Buffer }

func put(to *bytes.Buffer, values ...any) {
	for _, v := range values {
		switch v := v.(type) {
		case string:
			put(to, uint64(len(v)))
			to.WriteString(v)
		default:
			if err := binary.Write(to, binary.LittleEndian, v); err != nil {
				panic(err) // a bytes.Buffer takes every number
			}
		}
	}
}

func (w *ggufWriter) tensor(name string, shape []int64, values []float32) {
	put(&w.tensors, name, uint32(len(shape)))
	for i := len(shape) - 1; i >= 0; i-- { // GGUF counts the fastest dimension first
		put(&w.tensors, uint64(shape[i]))
	}
	put(&w.tensors, uint32(0), uint64(w.data.Len()))
	put(&w.data, values)
	for w.data.Len()%32 != 0 {
		w.data.WriteByte(0)
	}
}

func (w *ggufWriter) write(t *testing.T, path string, keys, tensors int) {
	t.Helper()
	var out bytes.Buffer
	out.WriteString("GGUF")
	put(&out, uint32(3), uint64(tensors), uint64(keys))
	out.Write(w.metadata.Bytes())
	out.Write(w.tensors.Bytes())
	for out.Len()%32 != 0 {
		out.WriteByte(0)
	}
	out.Write(w.data.Bytes())
	require.NoError(t, os.WriteFile(path, out.Bytes(), 0o644))
}

// interleaved gives q and k the row order of GGUF, as llama.cpp's conversion does: reshape(heads, 2, half, width) with its
// two middle dimensions swapped.
func interleaved(values []float32, heads, rows, width int) []float32 {
	half := rows / heads / 2
	out := make([]float32, 0, len(values))
	for h := range heads {
		for i := range half {
			for side := range 2 {
				row := (h*2+side)*half + i
				out = append(out, values[row*width:(row+1)*width]...)
			}
		}
	}
	return out
}

func writeGGUF(t *testing.T, m goldenModel) string {
	t.Helper()
	var w ggufWriter
	number := func(key string) uint32 { return uint32(m.Config[key].(float64)) }
	keys := 0
	meta := func(key string, kind uint32, value any) {
		put(&w.metadata, key, kind, value)
		keys++
	}
	const kindUint32, kindFloat32, kindString = 4, 6, 8
	meta("general.architecture", kindString, "llama")
	meta("llama.embedding_length", kindUint32, number("hidden_size"))
	meta("llama.feed_forward_length", kindUint32, number("intermediate_size"))
	meta("llama.block_count", kindUint32, number("num_hidden_layers"))
	meta("llama.attention.head_count", kindUint32, number("num_attention_heads"))
	meta("llama.attention.head_count_kv", kindUint32, number("num_key_value_heads"))
	meta("llama.context_length", kindUint32, number("max_position_embeddings"))
	meta("llama.attention.layer_norm_rms_epsilon", kindFloat32, float32(m.Config["rms_norm_eps"].(float64)))
	meta("llama.rope.freq_base", kindFloat32, float32(m.Config["rope_theta"].(float64)))
	names := strings.NewReplacer(
		"model.embed_tokens", "token_embd", "model.norm", "output_norm", "model.layers", "blk", "self_attn.q_proj", "attn_q",
		"self_attn.k_proj", "attn_k", "self_attn.v_proj", "attn_v", "self_attn.o_proj", "attn_output", "mlp.gate_proj", "ffn_gate",
		"mlp.up_proj", "ffn_up", "mlp.down_proj", "ffn_down", "post_attention_layernorm", "ffn_norm", "input_layernorm", "attn_norm")
	for _, weight := range m.Weights {
		values := formula(weight.Name, weight.Shape)
		for suffix, heads := range map[string]string{"q_proj.weight": "num_attention_heads", "k_proj.weight": "num_key_value_heads"} {
			if strings.HasSuffix(weight.Name, suffix) {
				values = interleaved(values, int(number(heads)), int(weight.Shape[0]), int(weight.Shape[1]))
			}
		}
		w.tensor(names.Replace(weight.Name), weight.Shape, values)
	}
	path := filepath.Join(t.TempDir(), "tiny.gguf")
	w.write(t, path, keys, len(m.Weights))
	return path
}

func TestLlamaFromGGUFIsTheOneFromSafetensors(t *testing.T) {
	g := readGolden(t)
	m := g.Models["llama"]
	path := writeGGUF(t, m)
	e := newRunner(t).Engine
	require.NoError(t, e.Do(func() error {
		loaded, err := auto.Load(e, path, tensor.Float32)
		if err != nil {
			return err
		}
		for i, ids := range g.IDs {
			e.Scope(func() {
				e.NoGrad(func() {
					_, nll := loss.Causal(loaded, nn.NewPass([][]int32{ids}))
					negated := nll.Float32s()
					for j := range negated {
						negated[j] = -negated[j]
					}
					require.False(t, math.IsNaN(float64(negated[0])))
					requireNear(t, m.LogProbs[i], negated, 1e-5)
				})
			})
		}
		return nil
	}))
}
