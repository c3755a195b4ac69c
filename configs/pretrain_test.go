package configs

import (
	"os"
	"path/filepath"
	"testing"

	"elara/spec"

	"github.com/stretchr/testify/require"
)

const pretrainingPipeline = smallPipeline + `pretrain:
  sources:
    - path: corpus/*.txt
      sample_by: paragraph
    - path: /notes.jsonl
  training_args:
    num_train_epochs: 1
    save_total_limit: 2
`

func TestPipelineWithACorpusHasAPlanForIt(t *testing.T) {
	withoutVariables(t)
	path := write(t, "p.yaml", pretrainingPipeline)
	p, err := LoadPipeline(path, nil)
	require.NoError(t, err)
	got := p.Input.Pretrain
	require.Equal(t, []spec.CorpusSource{{Path: filepath.Join(filepath.Dir(path), "corpus/*.txt"), SampleBy: spec.ByParagraph}, {Path: "/notes.jsonl", SampleBy: spec.ByLine}}, got.Sources)
	require.Equal(t, spec.LongSplit, got.LongDocuments, "no text is lost by default")
	require.True(t, got.AppendEOS)
	require.Equal(t, []any{512, "cpu", int64(200), 0.0}, []any{got.MaxLength, got.Device, got.SegmentSteps, got.EvalPercent})
	require.Equal(t, []any{1.0, 2, int64(500), "no", 5e-5, int64(500)}, []any{got.Args.NumTrainEpochs, got.Args.SaveTotalLimit, got.Args.SaveSteps, got.Args.EvalStrategy, got.Args.LearningRate, got.Args.EvalSteps})

	p, err = LoadPipeline(write(t, "p.yaml", smallPipeline), nil)
	require.NoError(t, err)
	require.Zero(t, p.Input.Pretrain, "without the block there is no such stage")

	p, err = LoadPipeline(write(t, "p.yaml", smallPipeline), map[string]any{"pretrain.sources": []any{map[string]any{"path": "/corpus.txt"}}})
	require.NoError(t, err)
	require.Len(t, p.Input.Pretrain.Sources, 1)
}

func TestBadPretrainingIsRefusedWithThePlace(t *testing.T) {
	withoutVariables(t)
	for block, want := range map[string]string{
		"  max_length: 8": "p.yaml:19: pretrain.sources: missing, expected a list of blocks",
		"  sources: []":   "p.yaml:20: pretrain.sources: the list is empty, expected at least one entry",
		"  sources: [{path: a.txt, sample_by: page}]":                                                                `p.yaml:20: pretrain.sources[0].sample_by: expected one of line, paragraph, document, found the text "page"`,
		"  sources: [{path: a.txt}]\n  long_documents: drop":                                                         `p.yaml:21: pretrain.long_documents: expected one of split, cut, found the text "drop"`,
		"  sources: [{path: a.txt}]\n  training_args:\n    bf16: true":                                               "p.yaml:22: pretrain.training_args.bf16: is true, but all weights are trained in float32, expected false",
		"  sources: [{path: a.txt}]\n  training_args:\n    fp16: true":                                               "p.yaml:22: pretrain.training_args.fp16: is true, but all weights are trained in float32, expected false",
		"  sources: [{path: a.txt}]\n  training_args:\n    label_smoothing_factor: 0.1":                              "p.yaml:22: pretrain.training_args.label_smoothing_factor: is not built into this training, expected 0",
		"  sources: [{path: a.txt}]\n  training_args:\n    gradient_checkpointing: true":                             "p.yaml:22: pretrain.training_args.gradient_checkpointing: is not built into this training, expected false",
		"  sources: [{path: a.txt}]\n  training_args:\n    eval_strategy: epoch":                                     `p.yaml:22: pretrain.training_args.eval_strategy: is "epoch" but eval_percent is 0, expected both or neither`,
		"  sources: [{path: a.txt}]\n  eval_percent: 5\n  training_args:\n    eval_strategy: epoch\n    max_step: 3": `p.yaml:24: pretrain.training_args.max_step: unknown key (did you mean "max_steps"?)`,
		"  sources: [{path: a.txt}]\n  training_args:\n    load_best_model_at_end: true":                             "p.yaml:22: pretrain.training_args.load_best_model_at_end: needs an evaluation at every save, expected eval_strategy (\"no\") and save_strategy (\"steps\") to be steps or epoch alike, or save_strategy to be best",
	} {
		path := write(t, "p.yaml", smallPipeline+"pretrain:\n"+block+"\n")
		_, err := LoadPipeline(path, nil)
		refused(t, err, path, want)
	}
}

func TestEveryKeyOfACorpusIsRead(t *testing.T) {
	prove(t, corpusKeys(&spec.CorpusSource{}), map[string]any{"path": "s"}, func(doc map[string]any) (any, error) {
		reader := &pipelineReader{}
		if err := reader.readCorpus(0, tree(t, doc, "/d")); err != nil {
			return nil, err
		}
		return reader.pipeline.Input.Pretrain.Sources[0], nil
	})
}

func TestEveryKeyOfAPretrainingFileIsRead(t *testing.T) {
	base := map[string]any{"base_model": "b", "output_dir": "o", "train_data_path": "t", "eval_data_path": "e"}
	for key, value := range measured() {
		base[key] = value
	}
	served := pretrainJobKeys(&spec.PretrainJob{})
	for i, k := range served.keys {
		if k.name == "training_args" { // a test above shows that these are refused
			refusedKeys := map[string]bool{"bf16": true, "fp16": true, "label_smoothing_factor": true, "gradient_checkpointing": true}
			var kept []key
			for _, k := range k.object.keys {
				if !refusedKeys[k.name] {
					kept = append(kept, k)
				}
			}
			served.keys[i].object.keys = kept
		}
	}
	prove(t, served, base, func(doc map[string]any) (any, error) {
		job, _, err := readPretrainJob(tree(t, doc, "/d"))
		return job, err
	}, ".ModelType", ".Args.BF16", ".Args.FP16", ".Args.LabelSmoothingFactor", ".Args.GradientCheckpointing")
}

func writeAt(t *testing.T, path, content string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
}

func TestPretrainingFileInTheGuidesForm(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"model/config.json", "medical_corpus.txt"} {
		writeAt(t, filepath.Join(dir, name), "{}")
	}
	path := filepath.Join(dir, "pretrain.json")
	writeAt(t, path, `{"base_model": "model", "output_dir": "./continued_pretrain_output/", "train_data_path": "medical_corpus.txt",
 "training_args": {"num_train_epochs": 1, "per_device_train_batch_size": 8, "save_steps": 10000, "save_total_limit": 2, "prediction_loss_only": true}}`)
	job, warnings, err := LoadPretrainJob(path)
	require.NoError(t, err)
	require.Empty(t, warnings)
	require.Equal(t, filepath.Join(dir, "medical_corpus.txt"), job.TrainDataPath)
	require.Equal(t, filepath.Join(dir, "continued_pretrain_output"), job.OutputDir)
	require.Equal(t, filepath.Join(dir, "continued_pretrain_output_checkpoints"), job.Args.OutputDir)
	require.Equal(t, []any{512, false, spec.LongCut, spec.ByLine}, []any{job.MaxLength, job.AppendEOS, job.LongDocuments, job.SampleBy}, "the guide's truncation")
	require.Equal(t, []any{1.0, 8, int64(10000), 2}, []any{job.Args.NumTrainEpochs, job.Args.PerDeviceTrainBatchSize, job.Args.SaveSteps, job.Args.SaveTotalLimit})

	writeAt(t, path, `{"base_model": "none", "output_dir": "o", "train_data_path": "medical_corpus.txt"}`)
	_, _, err = LoadPretrainJob(path)
	refused(t, err, path, `pretrain.json:1: base_model: "none" cannot be opened: no such file or directory, expected a model folder or a .gguf file on this machine`)
}
