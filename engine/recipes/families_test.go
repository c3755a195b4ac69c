//go:build torch

package recipes

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/engine/model"
	"elara/engine/model/auto"
	"elara/engine/tensor"
	"elara/spec/fault"
)

func TestTextLongerThanTheAttentionWindowScoresAsInTransformers(t *testing.T) {
	g := readGolden(t)
	for _, name := range slices.Sorted(maps.Keys(g.Windowed)) {
		m := g.Windowed[name]
		t.Run(name, func(t *testing.T) {
			r := newRunner(t)
			for i, s := range scores(t, r, formulaModel(t, r, m, 1), "", g.Texts) {
				require.Equal(t, g.IDs[i], s.IDs)
				requireNear(t, m.LogProbs[i], s.LogProbs, 1e-5)
			}
		})
	}
}

// saved is testdata/saved.json, which tests/peer/engine/save.py writes with transformers' save_pretrained.
type saved struct {
	ShardBytes int64 `json:"shard_bytes"`
	Models     map[string]struct{ Whole, Sharded, Half map[string]string }
}

// digests are those of the weight files of a folder.
func digests(t *testing.T, dir string) map[string]string {
	t.Helper()
	sums := map[string]string{}
	for name, data := range folderBytes(t, dir) {
		if strings.Contains(name, "safetensors") {
			sum := sha256.Sum256([]byte(data))
			sums[name] = hex.EncodeToString(sum[:])
		}
	}
	return sums
}

func TestSavedWeightsAreByteForByteThoseOfTransformers(t *testing.T) {
	g := readGolden(t)
	data, err := os.ReadFile(filepath.Join("testdata", "saved.json"))
	require.NoError(t, err)
	var want saved
	require.NoError(t, json.Unmarshal(data, &want))
	require.Equal(t, slices.Sorted(maps.Keys(g.Models)), slices.Sorted(maps.Keys(want.Models)))
	for _, name := range slices.Sorted(maps.Keys(g.Models)) {
		t.Run(name, func(t *testing.T) {
			r := newRunner(t)
			base := formulaModel(t, r, g.Models[name], 1)
			whole, sharded, half := t.TempDir(), t.TempDir(), t.TempDir()
			require.NoError(t, r.Engine.Do(func() error {
				m, err := auto.Load(r.Engine, base, tensor.Float32)
				if err != nil {
					return err
				}
				defer model.Free(m)
				if err := model.Save(whole, m, tensor.Float32, model.MaxShardBytes); err != nil {
					return err
				}
				if err := model.Save(sharded, m, tensor.Float32, want.ShardBytes); err != nil {
					return err
				}
				return model.Save(half, m, tensor.BFloat16, model.MaxShardBytes)
			}))
			require.Equal(t, want.Models[name].Whole, digests(t, whole))
			require.Equal(t, want.Models[name].Sharded, digests(t, sharded))
			require.Equal(t, want.Models[name].Half, digests(t, half))
		})
	}
}

func TestSavedModelLoadsAgainWithItsConfigurationAndMoreTokens(t *testing.T) {
	g := readGolden(t)
	for _, name := range []string{"gpt2", "llama3", "qwen3"} {
		t.Run(name, func(t *testing.T) {
			r := newRunner(t)
			base, dir := formulaModel(t, r, g.Models[name], 1), t.TempDir()
			require.NoError(t, r.Engine.Do(func() error {
				m, err := auto.Load(r.Engine, base, tensor.Float32)
				if err != nil {
					return err
				}
				defer model.Free(m)
				model.Resize(m, 260)
				if err := model.Save(dir, m, tensor.Float32, 30000); err != nil {
					return err
				}
				require.True(t, fault.Is(model.Save(dir, m, tensor.Float32, 30000), fault.Conflict), "a folder with weights is not written over")
				require.True(t, fault.Is(model.Save(t.TempDir(), m, tensor.Int64, 30000), fault.Invalid))
				return nil
			}))
			var before, after map[string]any
			files := folderBytes(t, dir)
			require.NoError(t, json.Unmarshal([]byte(folderBytes(t, base)["config.json"]), &before))
			require.NoError(t, json.Unmarshal([]byte(files["config.json"]), &after))
			require.EqualValues(t, 260, after["vocab_size"])
			require.Equal(t, "float32", after["dtype"])
			delete(after, "dtype")
			after["vocab_size"] = before["vocab_size"]
			require.Equal(t, before, after)

			require.NoError(t, r.Engine.Do(func() error {
				m, err := auto.Load(r.Engine, dir, tensor.Float32)
				if err != nil {
					return err
				}
				defer model.Free(m)
				require.EqualValues(t, 260, m.Head().Size(0))
				return nil
			}))
		})
	}
}

func TestBiasThatTheConfigurationDoesNotNameIsRefused(t *testing.T) {
	m := readGolden(t).Models["llama-biased"]
	m.Config = maps.Clone(m.Config)
	m.Config["mlp_bias"] = false
	r := newRunner(t)
	err := r.Score(t.Context(), formulaModel(t, r, m, 1), "", []string{"a"}, nil)
	require.ErrorContains(t, err, `weight "model.layers.0.mlp.gate_proj.bias" has no place, the configuration gives this layer no bias`)
	require.True(t, fault.Is(err, fault.Invalid))
}

// A checkpoint may hold a head although its configuration ties it: transformers ties them where both are equal.
func TestHeadInATiedCheckpointIsTiedOnlyWhereItIsEqual(t *testing.T) {
	m := readGolden(t).Models["qwen2"]
	for head, tied := range map[string]bool{"model.embed_tokens.weight": true, "lm_head.weight": false} {
		t.Run("a head with the values of "+head, func(t *testing.T) {
			r := newRunner(t)
			dir := formulaModel(t, r, m, 1)
			require.NoError(t, r.Engine.Do(func() error {
				weights := map[string]*tensor.Tensor{"lm_head.weight": r.Engine.FromFloat32(formula(head, []int64{257, 32}), 257, 32)}
				for _, w := range m.Weights {
					weights[w.Name] = r.Engine.FromFloat32(formula(w.Name, w.Shape), w.Shape...)
				}
				data, err := tensor.EncodeSafetensors(weights, nil)
				if err != nil {
					return err
				}
				if err := os.WriteFile(filepath.Join(dir, "model.safetensors"), data, 0o644); err != nil {
					return err
				}
				loaded, err := auto.Load(r.Engine, dir, tensor.Float32)
				if err != nil {
					return err
				}
				defer model.Free(loaded)
				require.Equal(t, tied, loaded.Facts().TiedHead)
				require.Len(t, loaded.Embeddings(), map[bool]int{true: 1, false: 2}[tied])
				return nil
			}))
		})
	}
}
