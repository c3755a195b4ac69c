//go:build torch

package recipes

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/engine/lora"
	"elara/engine/loss"
	"elara/engine/nn"
	"elara/engine/tensor"
	"elara/engine/train"
	"elara/spec"
)

// matrices reads adapter_model.safetensors as one list per tensor.
func matrices(t *testing.T, r *Runner, data string) map[string][]float64 {
	t.Helper()
	file, err := tensor.ReadSafetensors("adapter_model.safetensors", []byte(data))
	require.NoError(t, err)
	out := map[string][]float64{}
	require.NoError(t, r.Engine.Do(func() error {
		for _, name := range file.Names() {
			stored, err := file.Load(r.Engine, name)
			if err != nil {
				return err
			}
			for _, v := range stored.Float32s() {
				out[name] = append(out[name], float64(v))
			}
		}
		return nil
	}))
	return out
}

// lossAndGradients is one forward and backward pass of a fresh adapter over some rows, with and without common beginnings
// computed once.
func lossAndGradients(t *testing.T, r *Runner, job spec.LoRAJob, rows []nn.Row, least int) (sum float64, gradients map[string][]float64) {
	t.Helper()
	gradients = map[string][]float64{}
	over(t, r, job.BaseModel, func(b *base) error {
		adapter, err := lora.Load(b.model, 0, r.InitAdapter)
		if err != nil {
			return err
		}
		defer adapter.Detach()
		r.Engine.Scope(func() {
			total, _ := loss.Causal(b.model, nn.Pack(rows, least))
			total.Backward()
			sum = total.Scalar()
			for _, p := range adapter.Params {
				for _, v := range p.Tensor.Grad().Float32s() {
					gradients[p.Name] = append(gradients[p.Name], float64(v))
				}
			}
		})
		return nil
	})
	return sum, gradients
}

func TestSharedBeginningsChangeNeitherLossNorGradients(t *testing.T) {
	r := newRunner(t)
	job := smallJob(t, tinyModel(t, r))
	job.LoRA.TargetModules = []string{"q_proj"}
	var shapes []namedShape // a fresh adapter's B is zero, and hides A's gradient
	for layer := range 3 {
		name := fmt.Sprintf("base_model.model.model.layers.%d.self_attn.q_proj.lora_", layer)
		shapes = append(shapes, namedShape{name + "A.weight", []int64{4, 64}}, namedShape{name + "B.weight", []int64{64, 4}})
	}
	r.InitAdapter = formulaAdapter(t, r, job.LoRA, shapes)
	system := []int32{5, 9, 17, 3, 8, 44, 21, 2}
	row := func(rest ...int32) nn.Row { return nn.Row{Tokens: slices.Concat(system, rest)} }
	rows := []nn.Row{row(7, 7, 30, 31, 32, 4), row(11, 12), row(7, 7, 30, 31, 32, 6, 60), row(), row(11, 12)}
	want, wantGradients := lossAndGradients(t, r, job, rows, 0)
	got, gradients := lossAndGradients(t, r, job, rows, 3)
	require.InEpsilon(t, want, got, 1e-5)
	for name, values := range wantGradients {
		require.NotZero(t, slices.Max(values), name)
		require.InDeltaSlice(t, values, gradients[name], 1e-4, name)
	}
}

// The rate is small, because Adam's first steps blow rounding up where a gradient is nearly zero.
func TestHowAStepIsCutDoesNotChangeIt(t *testing.T) {
	r := newRunner(t)
	base := tinyModel(t, r)
	run := func(batch, accumulation int) map[string][]float64 {
		job := smallJob(t, base)
		job.LoRA.Dropout, job.Args.LearningRate = 0, 1e-3
		job.Args.PerDeviceTrainBatchSize, job.Args.GradientAccumulationSteps = batch, accumulation
		return matrices(t, r, trained(t, r, job)["adapter_model.safetensors"])
	}
	want := run(8, 1)
	for _, cut := range [][2]int{{4, 2}, {1, 8}} {
		got := run(cut[0], cut[1])
		for name, values := range want {
			require.InDeltaSlice(t, values, got[name], 1e-6, "%d rows x %d: %s", cut[0], cut[1], name)
		}
	}
}

func TestHowOftenIsEvaluatedDoesNotChangeTheAdapter(t *testing.T) {
	r := newRunner(t)
	base := tinyModel(t, r)
	held := textsFile(t, questions[0], questions[3], questions[5])
	var adapters []string
	for _, every := range []int64{0, 1, 3} {
		job := smallJob(t, base)
		if every > 0 {
			job.EvalDataPath, job.Args.EvalStrategy, job.Args.EvalSteps = held, "steps", every
		}
		adapters = append(adapters, trained(t, r, job)["adapter_model.safetensors"])
	}
	require.True(t, adapters[0] == adapters[1], "the adapter depends on an evaluation after each step")
	require.True(t, adapters[0] == adapters[2], "the adapter depends on an evaluation after each third step")
}

func TestSeedChangesTheAdapter(t *testing.T) {
	r := newRunner(t)
	job := smallJob(t, tinyModel(t, r))
	first := trained(t, r, job)["adapter_model.safetensors"]
	job.Args.Seed = 43
	require.NotEqual(t, first, trained(t, r, job)["adapter_model.safetensors"])
}

func TestTrainingLeavesBaseWeightsAlone(t *testing.T) {
	r := newRunner(t)
	job := smallJob(t, tinyModel(t, r))
	weights := func() [][]byte {
		var all [][]byte
		over(t, r, job.BaseModel, func(b *base) error {
			for _, w := range b.model.Weights() {
				all = append(all, w.Bytes())
			}
			return nil
		})
		return all
	}
	before := weights()
	trained(t, r, job)
	require.Equal(t, before, weights())
}

// residentBytes is the process's resident memory.
func residentBytes(t *testing.T) int64 {
	t.Helper()
	data, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Skip("resident memory is read from /proc, which this system lacks")
	}
	var total, resident int64
	_, err = fmt.Sscan(string(data), &total, &resident)
	require.NoError(t, err)
	return resident * int64(os.Getpagesize())
}

// watcher looks at the engine after every step; Progress is called between two steps.
type watcher struct {
	recorder
	look func(step int64)
}

func (w *watcher) Progress(p spec.Progress) { w.look(p.Step) }

// One leaked tensor of a step, [96, 64] in float32, would show as 24 MB over 1,000 steps. The allowance of 12 MB is for the
// Go heap and the allocator's own pools.
func TestThousandStepsLeakNothing(t *testing.T) {
	const allowance = 12 << 20
	r := newRunner(t)
	job := smallJob(t, tinyModel(t, r))
	job.Args.MaxSteps, job.Args.SaveStrategy, job.Args.LoggingSteps = 1100, "no", 1000
	job.Args.PerDeviceTrainBatchSize, job.Args.GradientAccumulationSteps = 2, 1
	var live []int
	var resident []int64
	_, err := r.TrainLoRA(t.Context(), job, nil, &watcher{look: func(step int64) {
		if step > 100 && step <= 200 {
			require.NoError(t, r.Engine.Do(func() error { live = append(live, r.Engine.Live()); return nil }))
		}
		if step == 100 || step == 1100 {
			resident = append(resident, residentBytes(t))
		}
	}})
	require.NoError(t, err)
	require.Len(t, live, 100)
	require.Equal(t, []int{live[0]}, slices.Compact(live), "live tensors after each of 100 steps")
	require.Less(t, resident[1]-resident[0], int64(allowance), "growth of resident memory over 1,000 steps")
}

func TestWholeRunsLeaveNoTensorBehind(t *testing.T) {
	r := newRunner(t)
	job := smallJob(t, tinyModel(t, r))
	o := &recorder{yieldAt: 3}
	live := func() (n int) {
		require.NoError(t, r.Engine.Do(func() error { n = r.Engine.Live(); return nil }))
		return n
	}
	_, err := r.TrainLoRA(t.Context(), job, nil, o)
	require.NoError(t, err)
	base := live()
	snapshot := o.saved[3]
	_, err = r.TrainLoRA(t.Context(), job, &snapshot, &recorder{})
	require.NoError(t, err)
	require.Equal(t, base, live(), "after a resumed run")
	scores(t, r, job.BaseModel, job.OutputDir, []string{strings.Repeat("a", 40)})
	require.Equal(t, base, live(), "after scoring with an adapter")
	job.MaxLength = 64
	_, err = r.Evaluate(t.Context(), spec.EvaluateJob{
		BaseModel: job.BaseModel, Adapter: job.OutputDir, EvalDataPath: job.TrainDataPath, MaxLength: 64, Prompts: []string{"What is"}, MaxNewTokens: 4,
	}, func(spec.Progress) {})
	require.NoError(t, err)
	require.Equal(t, base, live(), "after an evaluation")
}

// One row is trained on again and again at a rate of zero: all that can differ between two steps, or between the
// micro-batches of one, is the dropout.
func TestDropoutDiffersByStepAndMicroBatch(t *testing.T) {
	r := newRunner(t)
	job := smallJob(t, tinyModel(t, r))
	job.LoRA.TargetModules = []string{"q_proj"}
	job.Args.LearningRate, job.Args.LoggingSteps, job.Args.PerDeviceTrainBatchSize, job.Args.MaxSteps = 0, 1, 1, 2
	var shapes []namedShape // a fresh adapter's B is zero, and hides the dropout
	for layer := range 3 {
		name := fmt.Sprintf("base_model.model.model.layers.%d.self_attn.q_proj.lora_", layer)
		shapes = append(shapes, namedShape{name + "A.weight", []int64{4, 64}}, namedShape{name + "B.weight", []int64{64, 4}})
	}
	r.InitAdapter = formulaAdapter(t, r, job.LoRA, shapes)
	losses := func(dropout float64, accumulation int) [2]float64 {
		job.LoRA.Dropout, job.Args.GradientAccumulationSteps = dropout, accumulation
		job.TrainDataPath = textsFile(t, slices.Repeat(questions[:1], accumulation)...)
		var state train.State
		require.NoError(t, json.Unmarshal([]byte(trained(t, r, job)[train.StateFile]), &state))
		return [2]float64{*state.LogHistory[0].Loss, *state.LogHistory[1].Loss}
	}
	none, one, two := losses(0, 1), losses(0.5, 1), losses(0.5, 2)
	require.Equal(t, none[0], none[1])
	require.NotEqual(t, one[0], one[1], "two steps")
	require.NotEqual(t, one[0], two[0], "one micro-batch, and two of the same row")
}
