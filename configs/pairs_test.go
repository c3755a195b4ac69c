package configs

import (
	"maps"
	"os"
	"path/filepath"
	"testing"

	"elara/spec"

	"github.com/stretchr/testify/require"
)

// fromPreferences is the least of a file that trains from preferences, with what some keys do not go without.
func fromPreferences() map[string]any {
	base := map[string]any{"base_model": "b", "output_dir": "o", "train_data_path": "t", "eval_data_path": "e", "lora_config.target_modules": []any{"q_proj"}}
	maps.Copy(base, measured())
	return base
}

func TestEveryKeyOfARewardFileIsRead(t *testing.T) {
	prove(t, rewardJobKeys(&spec.RewardJob{}), fromPreferences(), func(doc map[string]any) (any, error) {
		job, _, err := readRewardJob(tree(t, doc, "/d"))
		return job, err
	}, ".LoRA.TaskType", ".Args.LabelSmoothingFactor") // the recipe's, and refused
}

func TestEveryKeyOfADPOFileIsRead(t *testing.T) {
	prove(t, dpoJobKeys(&spec.DPOJob{}), fromPreferences(), func(doc map[string]any) (any, error) {
		_, smooth := doc["training_args.label_smoothing"]
		_, loss := doc["training_args.loss_type"]
		if smooth != loss { // one does not go without the other
			doc = maps.Clone(doc)
			doc["training_args.label_smoothing"], doc["training_args.loss_type"] = 0.1, []any{"robust"}
		}
		job, _, err := readDPOJob(tree(t, doc, "/d"))
		return job, err
	}, ".LoRA.TaskType", ".Args.LabelSmoothingFactor")
}

// TRL's configurations hold TrainingArguments too: each field has one answer.
func TestEveryFieldOfTRLHasExactlyOneAnswer(t *testing.T) {
	classes := readUpstream(t)
	for class, table := range map[string]*section{"RewardConfig": rewardJobKeys(&spec.RewardJob{}), "DPOConfig": dpoJobKeys(&spec.DPOJob{})} {
		args, _, _ := table.find("training_args")
		require.NotEmpty(t, classes[class].Fields)
		for _, f := range classes[class].Fields {
			_, _, honoured := args.object.find(f.Name)
			listed := 0
			for _, k := range args.object.foreign {
				if k.name != f.Name {
					continue
				}
				listed++
				value, err := nodeOf(orEmpty(f.Default), origin{}, shapeText)
				require.NoError(t, err)
				require.True(t, k.asksNothing(value), "%s: the default of %s, %v, asks for something", class, f.Name, f.Default)
			}
			require.True(t, honoured != (listed == 1), "%s.%s has %d answers", class, f.Name, listed)
		}
	}
}

func TestPreferenceFilesHaveTRLsDefaults(t *testing.T) {
	doc := map[string]any{"base_model": "b", "output_dir": "o", "train_data_path": "t", "lora_config.target_modules": []any{"q_proj"}}
	reward, _, err := readRewardJob(tree(t, doc, "/d"))
	require.NoError(t, err)
	require.Equal(t, []any{1e-4, int64(10), 1024, true, "/d/o_checkpoints"}, []any{reward.Args.LearningRate, reward.Args.LoggingSteps, reward.MaxLength, reward.DisableDropout, reward.Args.OutputDir})
	dpo, _, err := readDPOJob(tree(t, doc, "/d"))
	require.NoError(t, err)
	require.Equal(t, []any{1e-6, int64(10), 1024, true, 0.1, spec.DPOSigmoid}, []any{dpo.Args.LearningRate, dpo.Args.LoggingSteps, dpo.MaxLength, dpo.DisableDropout, dpo.Beta, dpo.LossType})
	doc["lora_config.modules_to_save"], doc["lora_config.task_type"] = []any{"score"}, "SEQ_CLS"
	reward, _, err = readRewardJob(tree(t, doc, "/d"))
	require.NoError(t, err)
	require.Empty(t, reward.LoRA.ModulesToSave, "the head is trained in any case")
}

func TestBadPreferenceFilesAreRefused(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"base", "pairs.jsonl"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), nil, 0o600))
	}
	file := func(more string) string {
		path := filepath.Join(dir, "job.json")
		require.NoError(t, os.WriteFile(path, []byte(`{"base_model": "base", "output_dir": "o", "train_data_path": "pairs.jsonl",
"lora_config": {"target_modules": ["q_proj"], "dropout": 0.1},
`+more+`}`), 0o600))
		return path
	}
	for more, want := range map[string]string{
		`"training_args": {"beat": 0.1}`:                   `job.json:3: training_args.beat: unknown key (did you mean "beta"?)`,
		`"training_args": {"loss_type": ["ipo"]}`:          `job.json:3: training_args.loss_type: expected one of sigmoid, robust, found the text "ipo"`,
		`"training_args": {"label_smoothing": 0.1}`:        "job.json:3: training_args.loss_type: is sigmoid and label_smoothing 0.1, expected robust with label_smoothing above 0, or sigmoid with 0",
		`"training_args": {"sync_ref_model": true}`:        "job.json:3: training_args.sync_ref_model: true is not supported: the reference stays what it was before the first step",
		`"training_args": {"eval_strategy": "steps"}`:      `job.json:3: training_args.eval_strategy: is "steps" but eval_data_path is missing, expected both or neither`,
		`"training_args": {"label_smoothing_factor": 0.1}`: "job.json:3: training_args.label_smoothing_factor: 0.1 is not supported: it is not part of this loss, expected 0",
		`"init_adapter": "nowhere"`:                        `job.json:3: init_adapter: "nowhere" cannot be opened: no such file or directory, expected a PEFT folder`,
		`"eval_data_path": "nowhere", "training_args": {}`: `job.json:3: eval_data_path: "nowhere" cannot be opened: no such file or directory, expected a JSONL or Parquet file`,
	} {
		path := file(more)
		_, _, err := LoadDPOJob(path)
		refused(t, err, path, want)
	}
	_, warnings, err := LoadRewardJob(file(`"training_args": {"fp16": true}`))
	require.NoError(t, err)
	require.Equal(t, []string{
		"job.json:2: lora_config.dropout has no effect: training_args.disable_dropout is true",
		"job.json:3: fp16 needs a GPU: on a CPU the adapter is trained in fp32",
	}, texted(warnings, dir))
}
