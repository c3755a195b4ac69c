//go:build torch

package recipes

import (
	"context"
	"crypto/sha256"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/engine/model"
	"elara/engine/nn"
	"elara/engine/tensor"
	"elara/engine/train"
	"elara/spec"
)

// The alphabet of the toys; the next id ends an answer. It is smaller than the tiny model's width, and the embeddings are long
// enough, that a LoRA can give a prompt's next token any distribution, nearly certain ones too.
const (
	toyAlphabet = "abcdefghijk"
	toyEnd      = int32(len(toyAlphabet))
)

func toyModel(t *testing.T, r *Runner) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "toy")
	require.NoError(t, r.tinyModel(dir, []rune(toyAlphabet), int64(toyEnd)+1, 0.15))
	return dir
}

// ppoJob is a short run over the toy model: 32 answers of up to 8 tokens an iteration, four to each of eight prompts.
func ppoJob(t *testing.T, base string, iterations int64) spec.PPOJob {
	t.Helper()
	return spec.PPOJob{
		BaseModel: base, OutputDir: filepath.Join(t.TempDir(), "policy"),
		TrainDataPath: textsFile(t, "abcd", "bcdef", "cd", "defgh", "efg", "fghijk", "ghi", "hijka"),
		LoRA:          spec.LoRAConfig{R: 8, Alpha: 16, Bias: spec.BiasNone, TargetPattern: spec.AllLinear},
		PPO: spec.PPOConfig{
			TotalEpisodes: 32 * iterations, NumPPOEpochs: 4, NumMiniBatches: 2, NumGenerations: 4, LocalRolloutForwardBatchSize: 64,
			NumSampleGenerations: 2, ResponseLength: 8, StopToken: spec.StopTokenNone, Temperature: 1, KLCoef: 0.05, KLEstimator: "k1", ClipRange: 0.2, VFCoef: 0.5,
			ClipRangeValue: 0.2, Gamma: 1, Lam: 0.95, Guard: spec.PPOGuard{Patience: 2},
		},
		Args: spec.TrainingArgs{
			PerDeviceTrainBatchSize: 8, GradientAccumulationSteps: 2, LearningRate: 5e-3, AdamBeta1: 0.9, AdamBeta2: 0.999, AdamEpsilon: 1e-8,
			MaxGradNorm: 1, LRSchedulerType: "linear", LoggingStrategy: "steps", LoggingSteps: 1, EvalStrategy: "no", SaveStrategy: "steps",
			SaveSteps: 1, Seed: 42, TrainSamplingStrategy: "random",
		},
	}
}

// each makes a Reward of a function of one answer.
func each(f func(answer []int32) float64) Reward {
	return func(_ context.Context, _, answers [][]int32) ([]float64, error) {
		scores := make([]float64, len(answers))
		for i, a := range answers {
			scores[i] = f(a)
		}
		return scores, nil
	}
}

// count is how often a token stands in an answer.
func count(token int32) Reward {
	return each(func(answer []int32) float64 {
		n := 0.0
		for _, id := range answer {
			if id == token {
				n++
			}
		}
		return n
	})
}

// contains is 1 where a token stands in an answer.
func contains(token int32) Reward {
	return each(func(answer []int32) float64 {
		if slices.Contains(answer, token) {
			return 1
		}
		return 0
	})
}

func constant(score float64) Reward { return each(func([]int32) float64 { return score }) }

// sized is how much of something is done: the whole of it in a proof, which says so by ELARA_PROOF, and part of it in a
// test. Bounds are the same.
func sized[T any](test, proof T) T {
	if os.Getenv("ELARA_PROOF") != "" {
		return proof
	}
	return test
}

// reinforced runs a job to its end.
func reinforced(t *testing.T, r *Runner, job spec.PPOJob, reward Reward) (spec.PPOOutcome, *recorder) {
	t.Helper()
	o := &recorder{}
	outcome, err := r.TrainPPO(t.Context(), job, reward, nil, o)
	require.NoError(t, err)
	require.True(t, outcome.Done)
	return outcome, o
}

// curve is a metric's course.
func (o *recorder) curve(name string) []float64 {
	var values []float64
	for _, p := range o.progress {
		values = append(values, p.Metrics[name])
	}
	return values
}

// begun opens a run without a loop, for looking at its parts.
func begun(t *testing.T, r *Runner, job spec.PPOJob, reward Reward) *ppoRun {
	t.Helper()
	b, err := r.acquire(t.Context(), baseKey{path: job.BaseModel, dtype: tensor.Float32})
	require.NoError(t, err)
	p := &ppoRun{runner: r, job: job, base: b, model: b.model, reward: reward, reference: nn.NoAdapter}
	p.prompts, err = p.read(t.Context(), job.TrainDataPath)
	require.NoError(t, err)
	require.NoError(t, r.Engine.Do(func() error { return p.open(nil) }))
	r.release(b) // nothing else runs over it; a recipe may ask for it again
	return p
}

// hiddenOf is a pass through the model of a run.
func hiddenOf(p *ppoRun, pass *nn.Pass) *tensor.Tensor { return model.Hidden(p.model, pass) }

// weightsInMemory is the SHA-256 of all weights of a base as it lies in memory.
func weightsInMemory(t *testing.T, r *Runner, dir string) [32]byte {
	t.Helper()
	hash := sha256.New()
	over(t, r, dir, func(b *base) error {
		for _, w := range b.model.Weights() {
			hash.Write(w.Bytes())
		}
		return nil
	})
	return [32]byte(hash.Sum(nil))
}

// lastFiles are the bytes of the last snapshot, with the state of the loop.
func lastFiles(o *recorder) map[string][]byte {
	var last int64
	for step := range o.saved {
		last = max(last, step)
	}
	return o.saved[last].Files
}

var _ train.Stepper = (*ppoRun)(nil)
