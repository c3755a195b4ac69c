//go:build torch

package recipes

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/data/sample"
	"elara/engine/optim"
	"elara/engine/train"
	"elara/spec"
	"elara/spec/fault"
)

// pretrainGolden is testdata/pretrain.json, which tests/peer/engine/pretrain.py computes with transformers.
type pretrainGolden struct {
	Rows      []string
	MaxLength int `json:"max_length"`
	Models    map[string]struct {
		Config       map[string]any
		Weights      []namedShape
		Loss         []float64
		GradNorm     []float64 `json:"grad_norm"`
		LearningRate []float64 `json:"learning_rate"`
		Epoch        []float64
		Final        map[string]string
	}
	Decayed map[string]map[string]bool
}

func readPretrainGolden(t *testing.T) pretrainGolden {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "pretrain.json"))
	require.NoError(t, err)
	var g pretrainGolden
	require.NoError(t, json.Unmarshal(data, &g))
	return g
}

// corpusFile writes documents a line.
func corpusFile(t *testing.T, lines ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "corpus.txt")
	require.NoError(t, os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o644))
	return path
}

// smallPretraining trains a base for eight steps of four documents, with weight decay, clipping and warm-up.
func smallPretraining(t *testing.T, base string) spec.PretrainJob {
	t.Helper()
	return spec.PretrainJob{
		BaseModel: base, ModelType: "causal_lm", OutputDir: filepath.Join(t.TempDir(), "model"), TrainDataPath: corpusFile(t, questions...),
		MaxLength: 32, LongDocuments: spec.LongCut, Args: smallJob(t, base).Args,
	}
}

// pretrained runs a job to its end and gives the files it published.
func pretrained(t *testing.T, r *Runner, job spec.PretrainJob) map[string]string {
	t.Helper()
	outcome, err := r.Pretrain(t.Context(), job, nil, &recorder{})
	require.NoError(t, err)
	require.True(t, outcome.Done)
	return folderBytes(t, job.OutputDir)
}

func TestTwentyStepsOverAllWeightsAreThoseOfTransformers(t *testing.T) {
	g := readPretrainGolden(t)
	for _, name := range []string{"gpt2", "llama", "llama3"} {
		t.Run(name, func(t *testing.T) {
			m := g.Models[name]
			r := newRunner(t)
			job := smallPretraining(t, formulaModel(t, r, goldenModel{Config: m.Config, Weights: m.Weights}, 1))
			job.TrainDataPath, job.MaxLength = corpusFile(t, g.Rows...), g.MaxLength
			job.Args.LearningRate, job.Args.AdamEpsilon, job.Args.MaxSteps, job.Args.WarmupSteps = 1e-3, 1e-4, 20, 3
			job.Args.LoggingSteps, job.Args.SaveStrategy = 1, "no"
			files := pretrained(t, r, job)
			var state train.State
			require.NoError(t, json.Unmarshal([]byte(files["trainer_state.json"]), &state))
			require.Len(t, state.LogHistory, 21, "one entry a step, and the end")
			for i, want := range m.Loss {
				entry := state.LogHistory[i]
				require.InEpsilon(t, want, *entry.Loss, 1e-5, "loss of step %d", i+1)
				require.InEpsilon(t, m.GradNorm[i], *entry.GradNorm, 1e-4, "gradient norm of step %d", i+1)
				require.InDelta(t, m.LearningRate[i], *entry.LearningRate, 1e-12, "learning rate of step %d", i+1)
				require.InDelta(t, m.Epoch[i], entry.Epoch, 1e-3, "epoch after step %d", i+1)
			}
			want := map[string][]float64{}
			for name, values := range m.Final {
				want[name] = floats(t, values)
			}
			requireMatrices(t, r, want, []byte(files["model.safetensors"]))
		})
	}
}

func floats(t *testing.T, encoded string) []float64 {
	t.Helper()
	data, err := base64.StdEncoding.DecodeString(encoded)
	require.NoError(t, err)
	var values []float64
	for chunk := range slices.Chunk(data, 4) {
		values = append(values, float64(math.Float32frombits(binary.LittleEndian.Uint32(chunk))))
	}
	return values
}

func TestWeightDecayLeavesOutWhatTrainerLeavesOut(t *testing.T) {
	isExempt := optim.NoDecay()
	for model, names := range readPretrainGolden(t).Decayed {
		for name, decayed := range names {
			require.Equal(t, decayed, !isExempt(name), "%s of %s", name, model)
		}
	}
}

// The run is killed after each of its steps in turn, and goes on in a runner that has seen nothing.
func TestResumedPretrainingEqualsTheUnbrokenOneAtEveryStep(t *testing.T) {
	r := newRunner(t)
	job := smallPretraining(t, tinyModel(t, r))
	unbroken := &recorder{}
	outcome, err := r.Pretrain(t.Context(), job, nil, unbroken)
	require.NoError(t, err)
	require.True(t, outcome.Done)
	want := folderBytes(t, job.OutputDir)
	require.Len(t, unbroken.saved, 8)
	for kill := int64(1); kill < 8; kill++ {
		again := job
		again.OutputDir = filepath.Join(t.TempDir(), "model")
		first := &recorder{yieldAt: kill}
		outcome, err := newRunner(t).Pretrain(t.Context(), again, nil, first)
		require.NoError(t, err)
		require.False(t, outcome.Done)
		require.NoDirExists(t, again.OutputDir)
		snapshot, second := first.saved[kill], &recorder{}
		outcome, err = newRunner(t).Pretrain(t.Context(), again, &snapshot, second)
		require.NoError(t, err)
		require.True(t, outcome.Done)
		for step := kill + 1; step <= 8; step++ {
			requireSameFiles(t, unbroken.saved[step].Files, second.saved[step].Files, "at a later step")
		}
		require.Equal(t, want, folderBytes(t, again.OutputDir), "killed after step %d", kill)
	}
}

// The corpus is the project's own: paragraphs of a textbook, with guidelines held out.
func TestPretrainedModelIsABaseToTrainAdaptersOn(t *testing.T) {
	r := newRunner(t)
	job := smallPretraining(t, tinyModel(t, r))
	texts := t.TempDir()
	_, err := sample.Write(texts, sample.Options{Conditions: 4})
	require.NoError(t, err)
	job.TrainDataPath, job.EvalDataPath = filepath.Join(texts, sample.TextbookFile), filepath.Join(texts, sample.GuidelinesFile)
	job.SampleBy, job.MaxLength, job.LongDocuments, job.AppendEOS = spec.ByParagraph, 128, spec.LongSplit, true
	job.Args.EvalStrategy, job.Args.EvalSteps, job.Args.LearningRate = "steps", 2, 1e-2
	before := scores(t, r, job.BaseModel, "", questions)
	o := &recorder{}
	outcome, err := r.Pretrain(t.Context(), job, nil, o)
	require.NoError(t, err)
	require.Less(t, outcome.EvalLoss, o.progress[1].EvalLoss, "it has learnt nothing")
	require.Equal(t, outcome.AllParams, outcome.TrainableParams)
	require.Equal(t, before, scores(t, r, job.BaseModel, "", questions), "the base itself was changed")
	require.NotEqual(t, before, scores(t, r, job.OutputDir, "", questions))
	trained(t, r, smallJob(t, job.OutputDir))
}

func TestPretrainingLeavesNoTensorsBehind(t *testing.T) {
	r := newRunner(t)
	job := smallPretraining(t, tinyModel(t, r))
	pretrained(t, r, job)
	require.NoError(t, r.Engine.Do(func() error {
		require.Zero(t, r.Engine.Live())
		return nil
	}))
}

func TestLongDocumentsAreCutOrSplitWithoutLoss(t *testing.T) {
	nine := []int32{1, 2, 3, 4, 5, 6, 7, 8, 9}
	cut, split := documents{maxLength: 4, long: spec.LongCut}, documents{maxLength: 4, long: spec.LongSplit}
	require.Equal(t, [][]int32{{1, 2, 3, 4}}, cut.parts(nine))
	require.Equal(t, [][]int32{{1, 2, 3, 4}, {4, 5, 6, 7}, {7, 8, 9}}, split.parts(nine), "the second to the ninth are predicted once each")
	require.Equal(t, [][]int32{{1, 2, 3, 4}, {4, 5, 6, 7}}, split.parts(nine[:7]))
	require.Equal(t, [][]int32{{1, 2, 3, 4}}, split.parts(nine[:4]))
	require.Equal(t, [][]int32{{1, 2}}, cut.parts(nine[:2]))
}

func TestDocumentsBecomeRowsOfTheirOwn(t *testing.T) {
	r := newRunner(t)
	path := corpusFile(t, "abc", "", "x", "defgh")
	over(t, r, tinyModel(t, r), func(b *base) error { // a token is a byte, and id 256 ends a text
		for _, c := range []struct {
			d            documents
			rows         [][]int32
			lost, longer int64
			cut          []int64
		}{
			{documents{maxLength: 4, long: spec.LongCut}, [][]int32{{97, 98, 99}, {100, 101, 102, 103}}, 1, 1, []int64{3}},
			{documents{maxLength: 4, long: spec.LongSplit, appendEOS: true}, [][]int32{{97, 98, 99, 256}, {120, 256}, {100, 101, 102, 103}, {103, 104, 256}}, 0, 1, nil},
		} {
			c.d.tok = b.tok
			out, lost, longer, err := c.d.read(t.Context(), path)
			require.NoError(t, err)
			var rows [][]int32
			for _, row := range out.list {
				rows = append(rows, row.Tokens)
			}
			require.Equal(t, c.rows, rows)
			require.Equal(t, []any{c.lost, c.longer, c.cut}, []any{lost, longer, out.cut})
		}
		return nil
	})
}

func TestWhatCannotBePretrainedIsRefused(t *testing.T) {
	r := newRunner(t)
	base := tinyModel(t, r)
	for name, c := range map[string]struct {
		change func(*spec.PretrainJob)
		says   string
	}{
		"bf16":              {func(j *spec.PretrainJob) { j.Args.BF16 = true }, "expected neither bf16 nor fp16"},
		"nothing to learn":  {func(j *spec.PretrainJob) { j.TrainDataPath = corpusFile(t, "a", "b") }, "no document has two tokens (2 have fewer)"},
		"an unknown choice": {func(j *spec.PretrainJob) { j.LongDocuments = "drop" }, `long_documents "drop": expected cut or split`},
		"another model's index": {func(j *spec.PretrainJob) {
			require.NoError(t, os.MkdirAll(j.OutputDir, 0o755))
			require.NoError(t, os.WriteFile(filepath.Join(j.OutputDir, "model.safetensors.index.json"), []byte("{}"), 0o644))
		}, "the folder holds model.safetensors.index.json of another model"},
	} {
		t.Run(name, func(t *testing.T) {
			job := smallPretraining(t, base)
			c.change(&job)
			_, err := r.Pretrain(t.Context(), job, nil, &recorder{})
			require.Equal(t, fault.Invalid, fault.KindOf(err), "%v", err)
			require.ErrorContains(t, err, c.says)
		})
	}
}
