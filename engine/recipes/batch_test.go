//go:build torch

package recipes

import (
	"context"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/engine/lora"
	"elara/engine/model"
	"elara/engine/nn"
	"elara/engine/sample"
	"elara/engine/tensor"
	"elara/internal/testdevice"
	"elara/spec"
	"elara/spec/fault"
)

// counting counts the tokens that go through a model.
type counting struct {
	model.Model
	tokens int
}

func (c *counting) Stages(p *nn.Pass) (*tensor.Tensor, []model.Stage) {
	c.tokens += len(p.Tokens)
	return c.Model.Stages(p)
}

// withAdapters runs f over a model with a random LoRA adapter in slot 0 and a decomposed one in slot 1.
func withAdapters(t *testing.T, r *Runner, dir string, dtype tensor.DType, targets []string, f func(m model.Model)) {
	t.Helper()
	b, err := r.acquire(t.Context(), baseKey{path: dir, dtype: dtype})
	require.NoError(t, err)
	defer r.release(b)
	require.NoError(t, r.Engine.Do(func() error {
		for slot := range 2 {
			config := spec.LoRAConfig{R: 4, Alpha: 8, Bias: "none", TargetModules: targets, InitWeights: spec.InitRandom, UseDoRA: slot == 1}
			a, err := lora.New(b.model, slot, config, tensor.Key(slot+7))
			require.NoError(t, err)
			defer a.Detach()
		}
		f(b.model)
		return nil
	}))
}

func bytesAsTokens(text string) []int32 {
	var ids []int32
	for _, b := range []byte(text) {
		ids = append(ids, int32(b))
	}
	return ids
}

// company is a mix of requests: greedy and drawn, three adapters, common beginnings, equal prompts with streams of their own.
func company() []sample.Request {
	var all []sample.Request
	for i, text := range []string{
		"What is anaemia?", "What is anaemia? Too little", "Fever", "What is anaemia?", "What is gout?", "Can I fly with a cold? Usually", "What is anaemia?", "Fever and",
	} {
		o := sample.Options{MaxNewTokens: 6 + 3*(i%4), Seed: 3, Score: true}
		switch i % 4 {
		case 1:
			o.Temperature = 1
		case 2:
			o.Temperature, o.TopP = 1.3, 0.9
		case 3:
			o.Temperature, o.TopK, o.TopP = 0.8, 12, 0.95
		}
		all = append(all, sample.Request{Prompt: bytesAsTokens(text), Adapter: i%3 - 1, Stream: uint64(i), Options: o})
	}
	return all
}

// result is what a request gets.
type result struct {
	Tokens                  []int32
	LogProbs, ModelLogProbs []float64
	End                     sample.End
}

func resultOf(s *sample.Sequence) result { return result{s.Tokens, s.LogProbs, s.ModelLogProbs, s.End} }

// requireSame holds for every bit on the CPU, and up to rounding elsewhere.
func requireSame(t *testing.T, want, got result, bits bool, words string) {
	t.Helper()
	if bits {
		require.Equal(t, want, got, words)
		return
	}
	require.Equal(t, want.Tokens, got.Tokens, words)
	require.InDeltaSlice(t, want.LogProbs, got.LogProbs, 1e-5, words)
	require.InDeltaSlice(t, want.ModelLogProbs, got.ModelLogProbs, 1e-5, words)
}

// step runs one step that must go well.
func step(t *testing.T, b *sample.Batch) []*sample.Sequence {
	t.Helper()
	moved, err := b.Step(t.Context())
	require.NoError(t, err)
	return moved
}

func add(t *testing.T, b *sample.Batch, r sample.Request) *sample.Sequence {
	t.Helper()
	s, err := b.Add(r)
	require.NoError(t, err)
	return s
}

func TestARequestGetsTheSameBitsAloneAndInCompany(t *testing.T) {
	g := readGolden(t)
	models := map[string]goldenModel{"mistral with a window": g.Windowed["mistral"], "qwen3 with a window": g.Windowed["qwen3"]}
	for _, name := range []string{"gpt2", "llama", "qwen2", "qwen3"} {
		models[name] = g.Models[name]
	}
	type way struct {
		name  string
		r     *Runner
		dtype tensor.DType
		bits  bool
	}
	cpu := testdevice.Name() == tensor.CPU
	ways := []way{{"float32", newRunner(t), tensor.Float32, cpu}, {"bfloat16", newRunner(t), tensor.BFloat16, cpu}, {"as on a GPU", newGPU(t), tensor.Float32, false}}
	if !cpu {
		ways = ways[:1] // in bfloat16 the last bits decide between tokens
	}
	for name, m := range models {
		targets := []string{"q_proj", "v_proj", "down_proj"}
		if name == "gpt2" {
			targets = []string{"c_attn", "c_proj"}
		}
		for _, w := range ways {
			t.Run(name+", "+w.name, func(t *testing.T) {
				dir := formulaModel(t, w.r, m, 1)
				withAdapters(t, w.r, dir, w.dtype, targets, func(m model.Model) {
					var alone []result
					for _, request := range company() {
						all, err := sample.Generate(t.Context(), m, 0, []sample.Request{request})
						require.NoError(t, err)
						alone = append(alone, resultOf(all[0]))
					}
					// Three at once: the others join as these leave, and take their rows.
					together, err := sample.Generate(t.Context(), m, 3, company())
					require.NoError(t, err)
					for i, s := range together {
						requireSame(t, alone[i], resultOf(s), w.bits, "together")
					}
					// Backwards, one more in each step, with one that is cancelled, and texts kept after they have ended.
					b := sample.NewBatch(m, sample.Limits{Tokens: 150})
					defer b.Free()
					late := map[int]*sample.Sequence{}
					for i, request := range slices.Backward(company()) {
						late[i] = add(t, b, request)
						if i == 5 {
							cancelled := add(t, b, request)
							step(t, b)
							b.Cancel(cancelled)
							require.Equal(t, sample.Cancelled, cancelled.End)
						}
						step(t, b)
					}
					for b.Busy() {
						step(t, b)
					}
					for i, s := range late {
						requireSame(t, alone[i], resultOf(s), w.bits, "late")
					}
				})
			})
		}
	}
}

// The model is run anew over the whole text, without a cache.
func TestLogProbsAreThoseOfTheFullPass(t *testing.T) {
	g := readGolden(t)
	models := map[string]goldenModel{"mistral with a window": g.Windowed["mistral"], "qwen3 with a window": g.Windowed["qwen3"]}
	for _, name := range []string{"gpt2", "llama", "qwen2", "qwen3"} {
		models[name] = g.Models[name]
	}
	for name, m := range models {
		t.Run(name, func(t *testing.T) {
			r := newRunner(t)
			over(t, r, formulaModel(t, r, m, 1), func(b *base) error {
				var requests []sample.Request
				for _, request := range company() {
					request.Adapter, request.MaxNewTokens = nn.NoAdapter, 40
					requests = append(requests, request)
				}
				all, err := sample.Generate(t.Context(), b.model, 4, requests)
				require.NoError(t, err)
				for _, s := range all {
					full := logProbs(r.Engine, b.model, nn.NoAdapter, slices.Concat(s.Prompt, s.Tokens))[len(s.Prompt)-1:]
					require.Len(t, s.ModelLogProbs, 40)
					for i, want := range full {
						require.InDelta(t, want, s.ModelLogProbs[i], 1e-5, "token %d", i+1)
					}
				}
				return nil
			})
		})
	}
}

// PPO divides the logits of its policy by the temperature and takes the logarithm of their softmax.
func TestLogProbsAreUnderTheTemperature(t *testing.T) {
	r := newRunner(t)
	over(t, r, tinyModel(t, r), func(b *base) error {
		const temperature = 0.7 + 1e-7
		all, err := sample.Generate(t.Context(), b.model, 0, []sample.Request{{
			Prompt: bytesAsTokens("Fever"), Adapter: nn.NoAdapter, Options: sample.Options{MaxNewTokens: 8, Temperature: temperature, TopK: 5, Score: true},
		}})
		require.NoError(t, err)
		s := all[0]
		r.Engine.Scope(func() {
			r.Engine.NoGrad(func() {
				h := model.Hidden(b.model, nn.NewPass([][]int32{slices.Concat(s.Prompt, s.Tokens)}))
				for i, id := range s.Tokens {
					logits := tensor.Linear(h.Narrow(0, int64(len(s.Prompt)+i-1), 1), b.model.Head(), nil).Float32s()
					var sum float64
					for _, l := range logits {
						sum += math.Exp(float64(l) / temperature)
					}
					require.InDelta(t, float64(logits[id])/temperature-math.Log(sum), s.LogProbs[i], 1e-5)
				}
			})
		})
		return nil
	})
}

func TestCommonBeginningsAreComputedOnce(t *testing.T) {
	r := newRunner(t)
	withAdapters(t, r, tinyModel(t, r), tensor.Float32, []string{"q_proj"}, func(m model.Model) {
		c := &counting{Model: m}
		prompt := bytesAsTokens("What is anaemia? Too little") // 27 tokens
		request := func(adapter int, more string) sample.Request {
			return sample.Request{Prompt: slices.Concat(prompt, bytesAsTokens(more)), Adapter: adapter, Options: sample.Options{MaxNewTokens: 2}}
		}
		finish := func(b *sample.Batch) int {
			c.tokens = 0
			for b.Busy() {
				step(t, b)
			}
			return c.tokens
		}
		b := sample.NewBatch(c, sample.Limits{Tokens: 200})
		defer b.Free()
		for range 4 {
			add(t, b, request(nn.NoAdapter, ""))
		}
		add(t, b, request(0, "")) // another adapter's hidden states are others
		require.Equal(t, 27+3+27+5, finish(b), "of each further sample the last token; a second token for each")
		// Texts that have ended serve those that go on from them; their last token was never computed.
		add(t, b, request(nn.NoAdapter, " iron"))
		require.Equal(t, 5+1, finish(b))
		b.Forget(nn.NoAdapter)
		add(t, b, request(nn.NoAdapter, " iron"))
		require.Equal(t, 32+1, finish(b))
		// Others need the room: what was kept goes.
		long := sample.Request{Prompt: slices.Repeat([]int32{7}, 190), Adapter: 1, Options: sample.Options{MaxNewTokens: 10}}
		add(t, b, long)
		require.Equal(t, 190+9, finish(b))
		add(t, b, request(nn.NoAdapter, " iron"))
		require.Equal(t, 32+1, finish(b))
		// Without a bound nothing is kept.
		free := sample.NewBatch(c, sample.Limits{})
		defer free.Free()
		for range 2 {
			add(t, free, request(nn.NoAdapter, ""))
			require.Equal(t, 27+1, finish(free))
		}
	})
}

// A text whose room is not there yet costs nobody what is kept: least of all itself.
func TestTextThatWaitsFindsItsBeginningLater(t *testing.T) {
	r := newRunner(t)
	withAdapters(t, r, tinyModel(t, r), tensor.Float32, []string{"q_proj"}, func(m model.Model) {
		c := &counting{Model: m}
		b := sample.NewBatch(c, sample.Limits{Tokens: 100})
		defer b.Free()
		request := func(prompt []int32, more int) sample.Request {
			return sample.Request{Prompt: prompt, Adapter: nn.NoAdapter, Options: sample.Options{MaxNewTokens: more}}
		}
		first := add(t, b, request(slices.Repeat([]int32{5}, 20), 10))
		for b.Busy() {
			step(t, b)
		}
		add(t, b, request(slices.Repeat([]int32{7}, 40), 20)) // 59 rows beside the 29 that are kept
		step(t, b)
		goesOn := slices.Concat(first.Prompt, first.Tokens, slices.Repeat([]int32{9}, 30))
		add(t, b, request(goesOn, 20)) // 79 rows: not before the other has ended
		c.tokens = 0
		for b.Busy() {
			step(t, b)
		}
		require.Equal(t, 19+(60-29)+19, c.tokens)
	})
}

func TestLimitsHoldAndNobodyIsOvertaken(t *testing.T) {
	r := newRunner(t)
	over(t, r, tinyModel(t, r), func(b *base) error {
		before := r.Engine.Live()
		// 20 tokens and 10 new ones: 29 rows of the cache each, so three of them fit, if they share nothing.
		batch := sample.NewBatch(b.model, sample.Limits{Rows: 5, Tokens: 90})
		var all []*sample.Sequence
		for i := range 7 {
			all = append(all, add(t, batch, sample.Request{Prompt: slices.Repeat([]int32{int32(i)}, 20), Adapter: nn.NoAdapter, Options: sample.Options{MaxNewTokens: 10}}))
		}
		for i := range 3 {
			for range 10 {
				require.Len(t, step(t, batch), min(3, 7-3*i))
			}
		}
		require.False(t, batch.Busy())
		for _, s := range all {
			require.Equal(t, sample.Full, s.End)
		}
		batch.Free()
		require.Equal(t, before, r.Engine.Live(), "nothing is left")
		// Prompts that are longer together than a pass holds take more than one.
		batch = sample.NewBatch(b.model, sample.Limits{Rows: 4})
		defer batch.Free()
		for i := range 5 {
			add(t, batch, sample.Request{Prompt: slices.Repeat([]int32{int32(i)}, 400), Adapter: nn.NoAdapter, Options: sample.Options{MaxNewTokens: 2}})
		}
		require.Len(t, step(t, batch), 2)
		require.Len(t, step(t, batch), 4)
		require.Len(t, step(t, batch), 3)
		require.Len(t, step(t, batch), 1)
		require.False(t, batch.Busy())
		return nil
	})
}

func TestATextEndsWhereItsOptionsSay(t *testing.T) {
	r := newRunner(t)
	over(t, r, tinyModel(t, r), func(b *base) error {
		request := sample.Request{Prompt: bytesAsTokens("Fever"), Adapter: nn.NoAdapter, Options: sample.Options{MaxNewTokens: 12, Temperature: 1, Seed: 4}}
		run := func(change func(o *sample.Options)) *sample.Sequence {
			changed := request
			change(&changed.Options)
			all, err := sample.Generate(t.Context(), b.model, 0, []sample.Request{changed})
			require.NoError(t, err)
			return all[0]
		}
		free := run(func(*sample.Options) {})
		require.Equal(t, sample.Full, free.End)
		require.Len(t, free.Tokens, 12)
		stopped := run(func(o *sample.Options) { o.Stop = []int32{1 << 20, free.Tokens[3]} })
		require.Equal(t, sample.Stopped, stopped.End)
		at := slices.Index(free.Tokens, free.Tokens[3])
		require.Equal(t, free.Tokens[:at+1], stopped.Tokens)
		later := run(func(o *sample.Options) { o.Stop, o.MinNewTokens = []int32{free.Tokens[3]}, 12 })
		require.Equal(t, sample.Full, later.End)
		require.NotContains(t, later.Tokens, free.Tokens[3])
		require.NotEqual(t, free.Tokens, run(func(o *sample.Options) { o.Seed = 5 }).Tokens)
		request.Stream = 1
		require.NotEqual(t, free.Tokens, run(func(*sample.Options) {}).Tokens)
		return nil
	})
}

func TestOneTextThatFailsLeavesTheOthers(t *testing.T) {
	r := newRunner(t)
	withAdapters(t, r, tinyModel(t, r), tensor.Float32, []string{"q_proj", "down_proj"}, func(m model.Model) {
		nan := m.Linears()[0].Branch(0).A
		r.Engine.Scope(func() {
			zero := r.Engine.Zeros(tensor.Float32, nan.Shape()...)
			nan.Detach().Copy(zero.Div(zero))
		})
		requests := company()[:6]
		all := make([]*sample.Sequence, len(requests))
		b := sample.NewBatch(m, sample.Limits{Tokens: 1000})
		defer b.Free()
		for i, request := range requests {
			all[i] = add(t, b, request)
		}
		for b.Busy() {
			step(t, b)
		}
		for _, s := range all {
			if s.Adapter != 0 {
				require.Equal(t, sample.Full, s.End)
				continue
			}
			require.Equal(t, sample.Failed, s.End)
			require.Equal(t, fault.Diverged, fault.KindOf(s.Err))
			require.Empty(t, s.Tokens)
		}
	})
}

func TestABatchRefusesWhatItCannotCompute(t *testing.T) {
	r := newRunner(t)
	over(t, r, tinyModel(t, r), func(b *base) error {
		batch := sample.NewBatch(b.model, sample.Limits{Tokens: 100})
		defer batch.Free()
		prompt := []int32{1, 2}
		for says, request := range map[string]sample.Request{
			"the prompt is empty": {Options: sample.Options{MaxNewTokens: 1}},
			"0 to 0 new tokens":   {Prompt: prompt},
			"5 to 4 new tokens":   {Prompt: prompt, Options: sample.Options{MaxNewTokens: 4, MinNewTokens: 5}},
			"a prompt of 2 tokens and 511 new ones exceed the model's 512 positions": {Prompt: prompt, Options: sample.Options{MaxNewTokens: 511}},
			"a prompt of 2 tokens and 99 new ones exceed the cache's 100":            {Prompt: prompt, Options: sample.Options{MaxNewTokens: 99}},
			"temperature NaN": {Prompt: prompt, Options: sample.Options{MaxNewTokens: 1, Temperature: math.NaN()}},
			"top_p 1.5":       {Prompt: prompt, Options: sample.Options{MaxNewTokens: 1, TopP: 1.5}},
			"token 2 of the prompt is 260, the model has 260": {Prompt: []int32{1, 260}, Options: sample.Options{MaxNewTokens: 1}},
		} {
			request.Adapter = nn.NoAdapter
			_, err := batch.Add(request)
			require.ErrorContains(t, err, says)
			require.Equal(t, fault.Invalid, fault.KindOf(err))
		}
		require.False(t, batch.Busy())
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(fault.New(fault.Invalid, "enough"))
		s := add(t, batch, sample.Request{Prompt: prompt, Adapter: nn.NoAdapter, Options: sample.Options{MaxNewTokens: 3}})
		_, err := batch.Step(ctx)
		require.ErrorContains(t, err, "enough")
		step(t, batch)
		require.Len(t, s.Tokens, 1, "the batch goes on")
		return nil
	})
}
