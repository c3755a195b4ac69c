package configs

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"elara/spec"

	"github.com/stretchr/testify/require"
)

// upstream is one class of testdata/upstream.json, which tests/peer/engine/training_keys.py reads from the library.
type upstream struct {
	Library string `json:"library"`
	Version string `json:"version"`
	Class   string `json:"class"`
	Fields  []struct {
		Name    string `json:"name"`
		Default any    `json:"default"`
	} `json:"fields"`
}

func readUpstream(t *testing.T) map[string]upstream {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "upstream.json"))
	require.NoError(t, err)
	var classes []upstream
	require.NoError(t, json.Unmarshal(data, &classes))
	byName := map[string]upstream{}
	for _, class := range classes {
		byName[class.Class] = class
	}
	require.Len(t, byName["TrainingArguments"].Fields, 114)
	require.Len(t, byName["LoraConfig"].Fields, 42)
	return byName
}

// trainingBlocks gives the two blocks of a training file whose keys are transformers' and PEFT's.
func trainingBlocks(t *testing.T) map[string]*section {
	t.Helper()
	blocks := map[string]*section{}
	for _, k := range loraJobKeys(&spec.LoRAJob{}).keys {
		if k.object != nil {
			blocks[k.name] = k.object
		}
	}
	return map[string]*section{"TrainingArguments": blocks["training_args"], "LoraConfig": blocks["lora_config"]}
}

// A field that the libraries have and this package neither reads nor names would be an unknown key to its user; one that
// stands in two lists would have two answers.
func TestEveryFieldOfTheLibrariesHasExactlyOneAnswer(t *testing.T) {
	classes := readUpstream(t)
	for name, table := range trainingBlocks(t) {
		t.Run(name, func(t *testing.T) {
			foreign := map[string]foreignKey{}
			for _, k := range table.foreign {
				require.NotContains(t, foreign, k.name, "it stands twice among the keys that are not honoured")
				foreign[k.name] = k
				_, _, known := table.find(k.name)
				require.False(t, known, "%s is honoured, and among the keys that are not", k.name)
				require.NotEmpty(t, k.why)
			}
			for _, f := range classes[name].Fields {
				_, _, honoured := table.find(f.Name)
				k, listed := foreign[f.Name]
				require.True(t, honoured || listed, "%s has no answer", f.Name)
				if listed {
					value, err := nodeOf(orEmpty(f.Default), origin{}, shapeText)
					require.NoError(t, err)
					require.True(t, k.asksNothing(value), "the library's own default of %s, %v, asks for something", f.Name, f.Default)
				}
			}
		})
	}
}

// orEmpty replaces Python's None.
func orEmpty(value any) any {
	if value == nil {
		return ""
	}
	return value
}

// The training file of guideLike has training_args in lines 10 to 14 and lora_config in lines 5 to 9.
func blockOf(class string) (block, old string, line string) {
	if class == "LoraConfig" {
		return "lora_config", `"r": 16`, "job.json:6: "
	}
	return "training_args", `"num_train_epochs": 3`, "job.json:12: "
}

func TestForeignKeysAreRefusedOrLeaveTheTrainingAsItIs(t *testing.T) {
	for class, table := range trainingBlocks(t) {
		block, old, line := blockOf(class)
		plain, none, err := decodedFrom(t, guideLike(t, old+",", ""))
		require.NoError(t, err)
		require.Empty(t, none)
		for _, k := range table.foreign {
			path := guideLike(t, old, `"`+k.name+`": "something"`)
			job, notes, err := decodedFrom(t, path)
			if k.refused {
				value := `the text "something"`
				if strings.HasSuffix(k.name, "_token") {
					value = "a secret"
				}
				refused(t, err, path, line+block+"."+k.name+": "+value+" is not supported: "+k.why)
			} else {
				require.NoError(t, err, k.name)
				require.Equal(t, []string{line + block + "." + k.name + " has no effect: " + k.why}, texted(notes, filepath.Dir(path)))
				require.Equal(t, plain, atHome(job, filepath.Dir(path)), k.name)
			}
			for _, idle := range append([]string{"null", "false", "[]", "{}", `""`}, quoted(k.idle)...) {
				path := guideLike(t, old, `"`+k.name+`": `+idle)
				job, notes, err := decodedFrom(t, path)
				require.NoError(t, err, "%s: %s", k.name, idle)
				require.Empty(t, notes, "%s: %s asks for nothing", k.name, idle)
				require.Equal(t, plain, atHome(job, filepath.Dir(path)), k.name)
			}
		}
	}
}

// decodedFrom reads a training file without looking at what its paths point to, with its notes.
func decodedFrom(t *testing.T, path string) (spec.LoRAJob, []Warning, error) {
	t.Helper()
	tree, err := parseFile(path)
	require.NoError(t, err)
	job, tree, err := readLoRAJob(tree)
	return atHome(job, filepath.Dir(path)), tree.warnings(), err
}

// atHome takes the folder of a test out of a job's paths.
func atHome(job spec.LoRAJob, folder string) spec.LoRAJob {
	for _, path := range []*string{&job.BaseModel, &job.OutputDir, &job.TrainDataPath, &job.Args.OutputDir} {
		*path = strings.TrimPrefix(*path, folder)
	}
	return job
}

func quoted(texts []string) []string {
	var quoted []string
	for _, text := range texts {
		quoted = append(quoted, `"`+text+`"`)
	}
	return quoted
}

func TestKeysWithoutEffectOfAPipelineAreTold(t *testing.T) {
	withoutVariables(t)
	path := write(t, "p.yaml", `name: p
base: {path: b}
prepare: {sources: [{path: s}]}
defaults:
  training_args:
    report_to: wandb
adapters:
  - name: a
    preset: patient
    training_args:
      disable_tqdm: true
      dataloader_num_workers: 4
`)
	p, err := LoadPipeline(path, nil)
	require.NoError(t, err)
	require.Equal(t, []string{
		"p.yaml:6: defaults.training_args.report_to has no effect: the command and the worker's settings say where series are written",
		"p.yaml:12: adapters[].training_args.dataloader_num_workers has no effect: rows are read before the first step",
	}, texted(p.Warnings, filepath.Dir(path)))
}

func TestKeysWithoutEffectOfATrainingFileAreTold(t *testing.T) {
	path := guideLike(t, `"learning_rate": 2e-4`, `"report_to": "wandb"`)
	_, warnings, err := LoadLoRAJob(path)
	require.NoError(t, err)
	require.Equal(t, []string{
		"job.json:11: training_args.report_to has no effect: the command and the worker's settings say where series are written",
		"job.json:1: append_eos is false: the rows have no end token, so the model will not learn to stop",
	}, texted(warnings, filepath.Dir(path)))
}

func TestShareOfTheStepsReplacesTheirNumber(t *testing.T) {
	job, _, err := decodedFrom(t, guideLike(t, `"learning_rate": 2e-4`, `"logging_steps": 0.05, "save_steps": 0.25, "warmup_steps": 0.1`))
	require.NoError(t, err)
	require.Equal(t, []int64{0, 0, 0, 0}, []int64{job.Args.LoggingSteps, job.Args.EvalSteps, job.Args.SaveSteps, job.Args.WarmupSteps})
	require.Equal(t, []float64{0.05, 0.05, 0.25, 0.1}, []float64{job.Args.LoggingRatio, job.Args.EvalRatio, job.Args.SaveRatio, job.Args.WarmupRatio}, "eval_steps falls back to logging_steps")
}

func TestEarlierNamesAreTranslated(t *testing.T) {
	const rate = `"learning_rate": 2e-4`
	read := func(text string) spec.TrainingArgs {
		job, _, err := decodedFrom(t, guideLike(t, rate, text))
		require.NoError(t, err)
		return job.Args
	}
	require.Equal(t, "group_by_length", read(`"group_by_length": true`).TrainSamplingStrategy)
	require.Equal(t, "random", read(`"group_by_length": false`).TrainSamplingStrategy)
	require.Equal(t, "sequential", read(`"group_by_length": false, "train_sampling_strategy": "sequential"`).TrainSamplingStrategy)
	require.InDelta(t, 0.1, read(`"warmup_ratio": 0.1`).WarmupRatio, 0)
	require.EqualValues(t, 100, read(`"warmup_ratio": 0.0, "warmup_steps": 100`).WarmupSteps)
	require.True(t, read(`"activation_checkpointing": true`).GradientCheckpointing)

	for text, want := range map[string]string{
		`"group_by_length": true, "train_sampling_strategy": "random"`: `training_args.train_sampling_strategy: says the text "random", but line 11 says the text "group_by_length" under another spelling of the same key`,
		`"group_by_length": "yes"`:                                     `training_args.train_sampling_strategy: expected one of random, sequential, group_by_length, found the text "yes"`,
		`"warmup_ratio": 0.1, "warmup_steps": 100`:                     `training_args.warmup_steps: says 100, but line 11 says 0.1 under another spelling of the same key`,
		`"warmup_ratio": 1.5`:                                          `training_args.warmup_steps: expected a whole number from 0 to 100000000, or a share of the steps above 0 and below 1, found 1.5`,
	} {
		path := guideLike(t, rate, text)
		_, _, err := decodedFrom(t, path)
		refused(t, err, path, "job.json:11: "+want)
	}
}
