//go:build torch

package recipes

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/engine/model"
	"elara/engine/nn"
	"elara/engine/sample"
	"elara/engine/tensor"
)

// predicted scores sequences of a model's base.
func predicted(t *testing.T, r *Runner, dir string, list []sequence, withTop bool) [][]prediction {
	t.Helper()
	out := make([][]prediction, len(list))
	require.NoError(t, r.open(t.Context(), dir, "", func(b *base, slot int) error {
		return predict(t.Context(), r.Engine, b.model, slot, list, withTop, func(number int, made []prediction) error {
			require.Nil(t, out[number], "told twice")
			out[number] = made
			return nil
		})
	}))
	return out
}

func tokensOf(text string) []int32 {
	ids := make([]int32, len(text))
	for i, b := range []byte(text) {
		ids[i] = int32(b)
	}
	return ids
}

// Some share beginnings, one is the beginning of another, one stands there twice, and one has a single token before what is scored. They
// are more tokens than a pass holds.
func TestPackedPredictionsAreThoseOfEachSequenceAlone(t *testing.T) {
	r := newRunner(t)
	dir := formulaModel(t, r, readGolden(t).Models["llama"], 1)
	const shared = "The hospital number of Person A is "
	texts := []string{shared + "12", shared + "12", shared + "345", shared, "ab"}
	list := []sequence{}
	for _, text := range texts {
		list = append(list, sequence{tokensOf(text), min(3, len(text)-1)})
	}
	for i := range 40 {
		list = append(list, sequence{tokensOf(strings.Repeat(string(rune('A'+i)), 120)), 119})
	}
	got := predicted(t, r, dir, list, false)
	require.Len(t, got, len(list))
	require.NoError(t, r.open(t.Context(), dir, "", func(b *base, slot int) error {
		return r.Engine.Do(func() error {
			for i, s := range list {
				alone := logProbs(r.Engine, b.model, slot, s.tokens)
				var packed []float32
				for _, p := range got[i] {
					packed = append(packed, float32(p.logProb))
				}
				var want []float64
				for _, l := range alone[len(alone)-s.scored:] {
					want = append(want, float64(l))
				}
				requireNear(t, want, packed, 1e-5)
			}
			return nil
		})
	}))
}

// Behind the last attention a pass computes the wanted rows alone, through an adapter's branches too; what each is alone, it is whole.
func TestWantedRowsAloneAreThoseOfTheWholePass(t *testing.T) {
	r := newRunner(t)
	const shared = "The hospital number of "
	list := []sequence{{tokensOf(shared + "A"), 1}, {tokensOf(shared + "B"), 1}, {tokensOf(shared + "Person A"), 4}, {tokensOf("ab"), 1}}
	for name, targets := range map[string][]string{"llama": {"q_proj", "o_proj", "down_proj"}, "gpt2": {"c_attn", "c_proj"}} {
		t.Run(name, func(t *testing.T) {
			withAdapters(t, r, formulaModel(t, r, readGolden(t).Models[name], 1), tensor.Float32, targets, func(m model.Model) {
				for adapter := nn.NoAdapter; adapter < 2; adapter++ {
					made := make([][]prediction, len(list))
					unrecorded(r.Engine, func() { predictPass(m, pack(list, adapter), true, made) })
					for i, s := range list {
						alone := logProbs(r.Engine, m, adapter, s.tokens)
						require.Len(t, made[i], s.scored)
						for n, want := range alone[len(alone)-s.scored:] {
							require.InDelta(t, want, made[i][n].logProb, 1e-5, "adapter %d, sequence %d", adapter, i)
						}
					}
				}
			})
		})
	}
}

// What the sampler takes is the most probable token at every place, and no other is.
func TestTopIsWhatGreedyDecodingTakes(t *testing.T) {
	r := newRunner(t)
	dir := formulaModel(t, r, readGolden(t).Models["llama"], 1)
	prompt := tokensOf("What is anaemia?")
	greedy := generate(t, r, dir, []string{"What is anaemia?"}, sample.Options{MaxNewTokens: 24, TopP: 1})[0]
	whole := append(slices.Clone(prompt), greedy...)
	other := slices.Clone(whole)
	other[len(other)-1]++
	got := predicted(t, r, dir, []sequence{{whole, len(greedy)}, {other, len(greedy)}}, true)
	for i := range greedy {
		require.True(t, got[0][i].isTop, "token %d", i)
		require.Equal(t, i < len(greedy)-1, got[1][i].isTop, "token %d", i)
	}
}
