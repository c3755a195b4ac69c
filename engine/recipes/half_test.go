//go:build torch

package recipes

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/engine/sample"
	"elara/engine/tensor"
	"elara/engine/train"
	"elara/spec"
	"elara/spec/fault"
)

// newGPU gives a runner that computes as on a GPU: where the device under test is the CPU, in the operations and types that a
// GPU would take.
func newGPU(t *testing.T) *Runner {
	t.Helper()
	return runnerOn(t, tensor.Options{Threads: 1, Portable: true})
}

func stateOf(t *testing.T, files map[string]string) train.State {
	t.Helper()
	var state train.State
	require.NoError(t, json.Unmarshal([]byte(files[train.StateFile]), &state))
	return state
}

func TestHalfPrecisionTrainsAsFloat32DoesUpToRounding(t *testing.T) {
	r := newGPU(t)
	job := smallJob(t, tinyModel(t, r))
	job.Args.LoggingSteps = 1
	want := stateOf(t, trained(t, r, job))
	require.Nil(t, want.Own.Scaler)
	job.Args.FP16, job.OutputDir = true, t.TempDir()
	files := trained(t, r, job)
	got := stateOf(t, files)
	require.Equal(t, &train.Scaler{Scale: 65536, Good: 8}, got.Own.Scaler)
	require.True(t, got.Own.Certificate.Holds, "%+v", got.Own.Certificate)
	for i := range 8 {
		w, g := want.LogHistory[i], got.LogHistory[i]
		require.InEpsilon(t, *w.Loss, *g.Loss, 1e-3, "loss of step %d", i+1)
		require.NotEqual(t, *w.Loss, *g.Loss, "step %d was computed in float32", i+1)
		require.InEpsilon(t, *w.GradNorm, *g.GradNorm, 1e-2, "gradient norm of step %d is that of the unscaled gradients", i+1)
	}
	file, err := tensor.ReadSafetensors("adapter", []byte(files["adapter_model.safetensors"]))
	require.NoError(t, err)
	require.NoError(t, r.Engine.Do(func() error {
		for _, name := range file.Names() {
			stored, err := file.Load(r.Engine, name)
			require.NoError(t, err)
			require.Equal(t, tensor.Float32, stored.DType(), "what is trained stays float32")
		}
		return nil
	}))
}

// The architectures differ in norms, activations, biases and heads. float16 has 11 bits of mantissa.
func TestEveryArchitectureTrainsInHalfPrecisionNearPEFT(t *testing.T) {
	g := readGolden(t)
	for _, name := range []string{"gpt2", "llama", "mistral", "qwen3"} {
		t.Run(name, func(t *testing.T) {
			r, m := newGPU(t), g.Models[name]
			job := goldenJob(t, r, g, m)
			job.Args.FP16 = true
			state := stateOf(t, trained(t, r, job))
			require.Zero(t, state.Own.Overflows)
			for i, want := range m.LoRA.Loss {
				require.InEpsilon(t, want, *state.LogHistory[i].Loss, 5e-3, "loss of step %d", i+1)
				require.InEpsilon(t, m.LoRA.GradNorm[i], *state.LogHistory[i].GradNorm, 5e-2, "gradient norm of step %d", i+1)
			}
		})
	}
}

func TestHalfPrecisionOnACPUIsFloat32(t *testing.T) {
	r := newRunner(t)
	if r.Engine.Half() {
		t.Skip("the device under test has half precision")
	}
	job := smallJob(t, tinyModel(t, r))
	want := trained(t, r, job)
	job.Args.FP16, job.OutputDir = true, t.TempDir()
	require.Equal(t, want, trained(t, r, job))
}

// scaledTo is a snapshot whose run goes on with another factor.
func scaledTo(t *testing.T, s spec.Snapshot, factor float64) *spec.Snapshot {
	t.Helper()
	var state map[string]json.RawMessage
	var own map[string]any
	require.NoError(t, json.Unmarshal(s.Files[train.StateFile], &state))
	require.NoError(t, json.Unmarshal(state["elara"], &own))
	own["loss_scale"] = train.Scaler{Scale: factor}
	changed := spec.Snapshot{Step: s.Step, Files: map[string][]byte{}}
	for name, data := range s.Files {
		changed.Files[name] = data
	}
	var err error
	state["elara"], err = json.Marshal(own)
	require.NoError(t, err)
	changed.Files[train.StateFile], err = json.Marshal(state)
	require.NoError(t, err)
	return &changed
}

// From step 2 on the run multiplies its loss by 2^34: too much, until the factor has been halved often enough. A step that
// overflows changes nothing; one that is killed between two of them goes on with the factor that it had.
func TestOverflowIsSkippedAndTheFactorOutlivesAKill(t *testing.T) {
	r := newGPU(t)
	job := smallJob(t, tinyModel(t, r))
	job.Args.FP16, job.Args.MaxSteps = true, 36
	begun := &recorder{yieldAt: 2}
	_, err := r.TrainLoRA(t.Context(), job, nil, begun)
	require.NoError(t, err)
	begin := scaledTo(t, begun.saved[2], 1<<34)

	unbroken := &recorder{}
	outcome, err := r.TrainLoRA(t.Context(), job, begin, unbroken)
	require.NoError(t, err)
	require.True(t, outcome.Done)
	want := folderBytes(t, job.OutputDir)
	state := stateOf(t, want)
	overflows := state.Own.Overflows
	require.Positive(t, overflows)
	require.Less(t, overflows, int64(34), "the run has found a factor that fits")
	require.InDelta(t, float64(int64(1)<<(34-overflows)), state.Own.Scaler.Scale, 0)
	for _, file := range []string{adapterFile, optimiserFile} {
		require.Equal(t, begin.Files[file], unbroken.saved[2+overflows].Files[file], "overflows have changed %s", file)
		require.NotEqual(t, begin.Files[file], unbroken.saved[3+overflows].Files[file], "the first good step has not changed %s", file)
	}

	killed := errors.New("killed")
	for _, kill := range []int64{3, 2 + overflows, 4 + overflows} {
		again := job
		again.OutputDir = t.TempDir()
		first := &recorder{onSave: func(step int64) error {
			if step > kill {
				return killed
			}
			return nil
		}}
		_, err := r.TrainLoRA(t.Context(), again, begin, first)
		require.ErrorIs(t, err, killed)
		snapshot, second := first.saved[kill], &recorder{}
		_, err = newGPU(t).TrainLoRA(t.Context(), again, &snapshot, second)
		require.NoError(t, err)
		requireSameFiles(t, unbroken.saved[36].Files, second.saved[36].Files, fmt.Sprintf("killed after step %d", kill))
		require.Equal(t, want, folderBytes(t, again.OutputDir), "killed after step %d", kill)
	}
}

// Weights of 1e5 are infinite in float16: no factor helps, and what ends the run says so. It begins with the factor 1, at which a
// run in half precision is one still.
func TestRunThatOverflowsAtTheFactorOneGoesOnDownToTheLast(t *testing.T) {
	r := newGPU(t)
	job := smallJob(t, tinyModel(t, r))
	job.Args.FP16, job.Args.MaxSteps = true, 36
	begun := &recorder{yieldAt: 2}
	_, err := r.TrainLoRA(t.Context(), job, nil, begun)
	require.NoError(t, err)
	begin := scaledTo(t, begun.saved[2], 1)
	weights := slices.Clone(begin.Files[adapterFile])
	for at := 8 + int(binary.LittleEndian.Uint64(weights)); at < len(weights); at += 4 { // behind the header of safetensors
		binary.LittleEndian.PutUint32(weights[at:], math.Float32bits(1e5))
	}
	begin.Files[adapterFile] = weights
	_, err = r.TrainLoRA(t.Context(), job, begin, &recorder{})
	require.ErrorContains(t, err, "overflow half precision at every loss scale")
	require.True(t, fault.Is(err, fault.Diverged))
}

// The operations of a GPU are held to the numbers of Python by the same models as the fused kernels.
func TestInTheFormOfAGPUTwentyStepsAreThoseOfPEFT(t *testing.T) {
	g := readGolden(t)
	for _, name := range []string{"gpt2", "llama", "mistral", "qwen3"} {
		t.Run(name, func(t *testing.T) { requireSteps(t, newGPU(t), g, g.Models[name]) })
	}
}

func TestInTheFormOfAGPUTextsAreScoredAsInTransformersAndContinuedAlike(t *testing.T) {
	g := readGolden(t)
	for _, name := range slices.Sorted(maps.Keys(g.Windowed)) {
		t.Run(name, func(t *testing.T) {
			m, fused, gpu := g.Windowed[name], newRunner(t), newGPU(t)
			base := formulaModel(t, gpu, m, 1)
			for i, s := range scores(t, gpu, base, "", g.Texts) {
				requireNear(t, m.LogProbs[i], s.LogProbs, 1e-5)
			}
			greedy := sample.Options{MaxNewTokens: 24, TopP: 1}
			require.Equal(t, generate(t, fused, base, prompts, greedy), generate(t, gpu, base, prompts, greedy))
		})
	}
}
