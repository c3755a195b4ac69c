package configs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"elara/spec"

	"github.com/stretchr/testify/require"
)

// guideFolder lays out what the guide's configurations expect around them, and gives the folder of configurations.
func guideFolder(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for _, name := range []string{
		"models_files/DialoGPT-medium/config.json",
		"training_data/medical_professional_training.jsonl", "training_data/medical_professional_eval.jsonl",
		"training_data/patient_friendly_training.jsonl", "training_data/patient_friendly_eval.jsonl",
	} {
		path := filepath.Join(root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, nil, 0o600))
	}
	folder := filepath.Join(root, "training_configs")
	require.NoError(t, os.CopyFS(folder, os.DirFS("guide")))
	return folder
}

func TestGuidesProfessionalConfigurationLandsKeyForKey(t *testing.T) {
	folder := guideFolder(t)
	root := filepath.Dir(folder)
	job, warnings, err := LoadLoRAJob(filepath.Join(folder, "medical_professional_lora.json"))
	require.NoError(t, err)
	require.Equal(t, spec.LoRAJob{
		BaseModel:     filepath.Join(root, "models_files/DialoGPT-medium"),
		ModelType:     "causal_lm",
		OutputDir:     filepath.Join(root, "models_files/medical_lora"),
		TrainDataPath: filepath.Join(root, "training_data/medical_professional_training.jsonl"),
		EvalDataPath:  filepath.Join(root, "training_data/medical_professional_eval.jsonl"),
		MaxLength:     512, AppendEOS: false, AddPadToken: true,
		LoRA: spec.LoRAConfig{R: 16, Alpha: 32, Dropout: 0.1, Bias: "none", TargetModules: []string{"c_attn", "c_proj"}},
		Args: spec.TrainingArgs{
			OutputDir:      filepath.Join(root, "models_files/medical_lora_checkpoints"),
			NumTrainEpochs: 3, MaxSteps: -1, PerDeviceTrainBatchSize: 4, PerDeviceEvalBatchSize: 8, GradientAccumulationSteps: 2,
			LearningRate: 2e-4, WeightDecay: 0.01, AdamBeta1: 0.9, AdamBeta2: 0.999, AdamEpsilon: 1e-8, MaxGradNorm: 1,
			LRSchedulerType: "linear", WarmupSteps: 100, LoggingStrategy: "steps", LoggingSteps: 10, EvalStrategy: "steps", EvalSteps: 50,
			SaveStrategy: "steps", SaveSteps: 50, FP16: true, Seed: 42, TrainSamplingStrategy: "random",
		},
	}, job)
	require.Equal(t, []string{
		"medical_professional_lora.json:1: append_eos is false: the rows have no end token, so the model will not learn to stop",
		"medical_professional_lora.json:26: fp16 needs a GPU: on a CPU the adapter is trained in fp32",
	}, texted(warnings, folder))
}

// Everything the second configuration leaves out has the default of transformers 5.23 and PEFT 0.21.
func TestGuidesPatientConfigurationGetsTransformersDefaults(t *testing.T) {
	folder := guideFolder(t)
	root := filepath.Dir(folder)
	job, warnings, err := LoadLoRAJob(filepath.Join(folder, "patient_lora.json"))
	require.NoError(t, err)
	require.Equal(t, spec.TrainingArgs{
		OutputDir:      filepath.Join(root, "models_files/patient_lora_checkpoints"),
		NumTrainEpochs: 3, MaxSteps: -1, PerDeviceTrainBatchSize: 4, PerDeviceEvalBatchSize: 8, GradientAccumulationSteps: 1,
		LearningRate: 2e-4, WeightDecay: 0, AdamBeta1: 0.9, AdamBeta2: 0.999, AdamEpsilon: 1e-8, MaxGradNorm: 1,
		LRSchedulerType: "linear", WarmupSteps: 0, LoggingStrategy: "steps", LoggingSteps: 500, EvalStrategy: "no", EvalSteps: 500,
		SaveStrategy: "steps", SaveSteps: 500, SaveTotalLimit: 0, Seed: 42, TrainSamplingStrategy: "random",
	}, job.Args)
	require.Equal(t, []string{
		"patient_lora.json:1: append_eos is false: the rows have no end token, so the model will not learn to stop",
		`patient_lora.json:6: eval_data_path is not read: eval_strategy is "no"`,
	}, texted(warnings, folder))
}

func texted(warnings []Warning, folder string) []string {
	var texts []string
	for _, w := range warnings {
		texts = append(texts, strings.TrimPrefix(w.String(), folder+"/"))
	}
	return texts
}

// guideLike gives a training file with one replacement, and the data it needs beside it.
func guideLike(t *testing.T, old, replacement string) string {
	t.Helper()
	const text = `{
  "base_model": "base",
  "output_dir": "out",
  "train_data_path": "train.jsonl",
  "lora_config": {
    "r": 16,
    "alpha": 32,
    "target_modules": ["c_attn"]
  },
  "training_args": {
    "learning_rate": 2e-4,
    "num_train_epochs": 3,
    "fp16": false
  },
  "max_length": 512
}
`
	require.Contains(t, text, old)
	path := write(t, "job.json", strings.Replace(text, old, replacement, 1))
	for _, name := range []string{"base", "train.jsonl"} {
		require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(path), name), nil, 0o600))
	}
	return path
}

func TestBadTrainingFilesAreRefusedWithThePlace(t *testing.T) {
	const rate, rank = `"learning_rate": 2e-4`, `"r": 16`
	wantRate := "job.json:11: training_args.learning_rate: expected a number above 0 and at most 1, found "
	for name, c := range map[string]struct{ old, replacement, want string }{
		"misspelt key": {rate, `"lerning_rate": 2e-4`,
			`job.json:11: training_args.lerning_rate: unknown key (did you mean "learning_rate"?)`},
		"key of another block":    {rate, `"target_modules": []`, `job.json:11: training_args.target_modules: unknown key`},
		"number in quotes":        {rate, `"learning_rate": "1e-4"`, wantRate + `the text "1e-4"`},
		"NaN":                     {rate, `"learning_rate": NaN`, "job.json:11: found NaN, expected a finite number"},
		"Infinity":                {rate, `"learning_rate": -Infinity`, "job.json:11: found -Infinity, expected a finite number"},
		"negative rate":           {rate, `"learning_rate": -1e-4`, wantRate + "-1e-4"},
		"rate of zero":            {rate, `"learning_rate": 0`, wantRate + "0"},
		"absurd rate":             {rate, `"learning_rate": 1e9`, wantRate + "1e9"},
		"rate beyond float64":     {rate, `"learning_rate": 1e1000`, wantRate + "1e1000"},
		"boolean for a number":    {rate, `"learning_rate": true`, wantRate + "true"},
		"null for a number":       {rate, `"learning_rate": null`, wantRate + "null"},
		"rank of zero":            {rank, `"r": 0`, "job.json:6: lora_config.r: expected a whole number from 1 to 1024, found 0"},
		"boolean for an integer":  {rank, `"r": true`, "job.json:6: lora_config.r: expected a whole number from 1 to 1024, found true"},
		"fraction for an integer": {rank, `"r": 16.0`, "job.json:6: lora_config.r: expected a whole number from 1 to 1024, found 16.0"},
		"list for an integer":     {rank, `"r": [16]`, "job.json:6: lora_config.r: expected a whole number from 1 to 1024, found a list"},
		"integer beyond 64 bits":  {rank, `"r": 99999999999999999999`, "job.json:6: lora_config.r: expected a whole number from 1 to 1024, found 99999999999999999999"},
		"alpha of zero":           {`"alpha": 32`, `"alpha": 0`, "job.json:7: lora_config.alpha: expected a number above 0 and at most 65536, found 0"},
		"number for a boolean":    {`"fp16": false`, `"fp16": 0`, "job.json:13: training_args.fp16: expected true or false, found 0"},
		"key twice":               {rank, `"r": 16, "r": 8`, `job.json:6: key "r" stands here a second time, first in line 6`},
		"no target module":        {`["c_attn"]`, `[]`, "job.json:8: lora_config.target_modules: the list is empty, expected at least one entry"},
		"target module twice":     {`["c_attn"]`, `["c_attn", "c_attn"]`, `job.json:8: target_modules[1]: "c_attn" stands there twice`},
		"pattern as target module": {`["c_attn"]`, `[".*attn"]`,
			`job.json:8: target_modules[0]: expected a module name such as q_proj or attn.c_attn; a pattern is one text, not a list, found the text ".*attn"`},
		"missing required key": {",\n    \"target_modules\": [\"c_attn\"]", ``, "job.json:5: lora_config.target_modules: missing, expected a list of module names, or a regular expression for whole names, or all-linear"},
		"block that is a list": {`"max_length": 512`, `"max_length": 512, "model_type": "seq2seq"`, `job.json:15: model_type: expected one of causal_lm, found the text "seq2seq"`},
		"unknown strategy": {rate, `"evaluation_strategy": "sometimes"`,
			`job.json:11: training_args.eval_strategy: expected one of no, steps, epoch, found the text "sometimes"`},
		"two spellings that differ": {rate, `"eval_strategy": "no", "evaluation_strategy": "steps"`,
			`job.json:11: training_args.evaluation_strategy: says the text "steps", but line 11 says the text "no" under another spelling of the same key`},
		"evaluation without data": {rate, `"eval_strategy": "epoch"`,
			`job.json:11: training_args.eval_strategy: is "epoch" but eval_data_path is missing, expected both or neither`},
		"two precisions": {`"fp16": false`, `"fp16": true, "bf16": true`, "job.json:10: training_args: fp16 and bf16 are both true, expected at most one"},
		"unknown schedule": {rate, `"lr_scheduler_type": "greedy"`, `job.json:11: training_args.lr_scheduler_type: expected one of linear, cosine, cosine_with_restarts, polynomial, ` +
			`constant, constant_with_warmup, inverse_sqrt, cosine_with_min_lr, cosine_warmup_with_min_lr, warmup_stable_decay, found the text "greedy"`},
		"max_steps of zero": {rate, `"max_steps": 0`,
			"job.json:11: training_args.max_steps: expected a whole number from 1 to 100000000, or -1, found 0"},
		"home folder":        {`"output_dir": "out"`, `"output_dir": "~/out"`, "job.json:3: output_dir: '~' is not expanded, write the folder out"},
		"text after the end": {"\"max_length\": 512\n}", "\"max_length\": 512\n}\n{}", "job.json:17: text follows the end of the JSON value, expected nothing"},
		"cut off":            {"  },\n  \"max_length\": 512\n}\n", "", "job.json:14: the JSON text ends before its closing brace"},
		"trailing comma":     {`"max_length": 512`, `"max_length": 512,`, "job.json:16: not JSON: invalid character '}' looking for beginning of object key string"},
		"not UTF-8":          {`"out"`, "\"o\xff\"", "job.json:3: holds a byte that is not UTF-8"},
		"unclosed list":      {"{\n  \"base_model\"", "[{\n  \"base_model\"", "job.json:17: the JSON text ends before its closing brace"},
	} {
		t.Run(name, func(t *testing.T) {
			path := guideLike(t, c.old, c.replacement)
			_, _, err := LoadLoRAJob(path)
			refused(t, err, path, c.want)
		})
	}
}

func TestTrainingFileThatPointsNowhereIsRefused(t *testing.T) {
	path := guideLike(t, `"train.jsonl"`, `"gone.jsonl"`)
	_, _, err := LoadLoRAJob(path)
	refused(t, err, path, `job.json:4: train_data_path: "gone.jsonl" cannot be opened: no such file or directory, expected a JSONL file`)

	_, _, err = LoadLoRAJob(path + ".gone")
	refused(t, err, path, "job.json.gone: cannot be read: no such file or directory")
	_, _, err = LoadLoRAJob(filepath.Dir(path))
	require.ErrorContains(t, err, "is a folder, expected a file")
}

func TestBothSpellingsOfAKeyAreRead(t *testing.T) {
	for _, spelling := range []string{`"eval_strategy": "epoch"`, `"evaluation_strategy": "epoch"`, `"eval_strategy": "epoch", "evaluation_strategy": "epoch"`} {
		path := guideLike(t, `"learning_rate": 2e-4`, spelling)
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		content = []byte(strings.Replace(string(content), `"max_length"`, `"eval_data_path": "train.jsonl", "max_length"`, 1))
		require.NoError(t, os.WriteFile(path, content, 0o600))
		job, _, err := LoadLoRAJob(path)
		require.NoError(t, err, spelling)
		require.Equal(t, "epoch", job.Args.EvalStrategy)
	}
	job, _, err := LoadLoRAJob(guideLike(t, `"alpha": 32`, `"lora_alpha": 64, "lora_dropout": 0.25`))
	require.NoError(t, err)
	require.InDelta(t, 64, job.LoRA.Alpha, 0)
	require.InDelta(t, 0.25, job.LoRA.Dropout, 0)
}

func TestNullStandsForPythonsNoneWhereTransformersHasIt(t *testing.T) {
	job, _, err := LoadLoRAJob(guideLike(t, `"learning_rate": 2e-4`, `"save_total_limit": null, "eval_steps": null, "data_seed": null, "logging_steps": 7`))
	require.NoError(t, err)
	require.Zero(t, job.Args.SaveTotalLimit)
	require.Nil(t, job.Args.DataSeed)
	require.EqualValues(t, 7, job.Args.EvalSteps, "as transformers does, eval_steps falls back to logging_steps")
}

func TestByteOrderMarkIsSkipped(t *testing.T) {
	_, _, err := LoadLoRAJob(guideLike(t, "{\n  \"base_model\"", "\xef\xbb\xbf{\n  \"base_model\""))
	require.NoError(t, err)
}
