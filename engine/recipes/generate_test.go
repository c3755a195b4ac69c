//go:build torch

package recipes

import (
	"testing"

	"github.com/stretchr/testify/require"

	"elara/engine/model"
	"elara/engine/nn"
	"elara/engine/sample"
	"elara/engine/tensor"
	"elara/spec/fault"
)

var prompts = []string{"What is anaemia?", "Fever", "Can I fly with a cold? Usually"}

// generate continues texts and gives the new ids.
func generate(t *testing.T, r *Runner, model string, texts []string, o sample.Options) [][]int32 {
	t.Helper()
	var out [][]int32
	require.NoError(t, r.Generate(t.Context(), model, "", texts, o, func(g Generated) error { out = append(out, g.IDs); return nil }))
	return out
}

// The model is run anew over the whole text for every token, without a cache.
func TestGreedyWithCacheIsArgmaxOfTheFullPass(t *testing.T) {
	g := readGolden(t)
	// A window of 24 tokens is left by the 40 of the first prompt and its answer.
	models := map[string]goldenModel{"mistral with a window": g.Windowed["mistral"], "qwen3 with a window": g.Windowed["qwen3"]}
	for _, name := range []string{"gpt2", "llama", "llama-biased", "llama3", "qwen2-yarn", "qwen3"} {
		models[name] = g.Models[name]
	}
	for name, m := range models {
		t.Run(name, func(t *testing.T) {
			r := newRunner(t)
			dir := formulaModel(t, r, m, 1)
			got := generate(t, r, dir, prompts, sample.Options{MaxNewTokens: 24, TopP: 1})
			for i, prompt := range prompts {
				ids := []int32{}
				for _, b := range []byte(prompt) {
					ids = append(ids, int32(b))
				}
				var want []int32
				over(t, r, dir, func(b *base) error {
					m := b.model
					for len(want) < 24 && (len(want) == 0 || want[len(want)-1] != endOfText) {
						r.Engine.Scope(func() {
							r.Engine.NoGrad(func() {
								h := model.Hidden(m, nn.NewPass([][]int32{ids}))
								logits := tensor.Linear(h.Narrow(0, int64(len(ids))-1, 1), m.Head(), nil).Float32s()
								best := 0
								for j, l := range logits {
									if l > logits[best] {
										best = j
									}
								}
								want = append(want, int32(best))
							})
						})
						ids = append(ids, want[len(want)-1])
					}
					return nil
				})
				require.Equal(t, want, got[i], "prompt %q", prompt)
			}
		})
	}
}

func TestDrawsDependOnSeedOnly(t *testing.T) {
	r := newRunner(t)
	dir := tinyModel(t, r)
	o := sample.Options{MaxNewTokens: 20, Temperature: 1, TopP: 0.9, Seed: 5}
	first := generate(t, r, dir, prompts, o)
	require.Equal(t, first, generate(t, newRunner(t), dir, prompts, o))
	o.Seed = 6
	require.NotEqual(t, first, generate(t, r, dir, prompts, o))
}

func TestSmallTopPIsGreedy(t *testing.T) {
	r := newRunner(t)
	dir := tinyModel(t, r)
	greedy := generate(t, r, dir, prompts, sample.Options{MaxNewTokens: 12, TopP: 1})
	require.Equal(t, greedy, generate(t, r, dir, prompts, sample.Options{MaxNewTokens: 12, Temperature: 2, TopP: 1e-9, Seed: 1}))
	require.NotEqual(t, greedy, generate(t, r, dir, prompts, sample.Options{MaxNewTokens: 12, Temperature: 2, TopP: 1, Seed: 1}))
}

func TestPromptBeyondThePositionsIsRefused(t *testing.T) {
	r := newRunner(t)
	dir := tinyModel(t, r) // 512 positions
	long := make([]byte, 510)
	for i := range long {
		long[i] = 'a'
	}
	var bad *TextError
	err := r.Generate(t.Context(), dir, "", []string{"short", string(long)}, sample.Options{MaxNewTokens: 3}, func(Generated) error {
		t.Error("nothing is generated when one prompt does not fit")
		return nil
	})
	require.ErrorAs(t, err, &bad)
	require.Equal(t, 1, bad.Index)
	require.Equal(t, fault.Invalid, fault.KindOf(err))
	require.Len(t, generate(t, r, dir, []string{string(long)}, sample.Options{MaxNewTokens: 2, TopP: 1}), 1)
}
