package configs

import (
	"maps"
	"os"
	"path/filepath"
	"testing"

	"elara/spec"

	"github.com/stretchr/testify/require"
)

func TestEveryKeyOfADistillationFileIsRead(t *testing.T) {
	base := map[string]any{
		"teacher_model": "t", "student_model": "s", "output_dir": "o", "train_data_path": "t", "eval_data_path": "e", "training_args.lmbda": 0,
	}
	maps.Copy(base, measured())
	served := distillJobKeys(&spec.DistillJob{})
	args, _, _ := served.find("training_args")
	refusedKeys := map[string]bool{"bf16": true, "fp16": true, "label_smoothing_factor": true, "gradient_checkpointing": true}
	var kept []key
	for _, k := range args.object.keys {
		if !refusedKeys[k.name] {
			kept = append(kept, k)
		}
	}
	args.object.keys = kept
	prove(t, served, base, func(doc map[string]any) (any, error) {
		if doc["training_args.lmbda"] != 0 { // which does not go without prompts
			doc = maps.Clone(doc)
			doc["completion_only_loss"] = true
		}
		job, _, err := readDistillJob(tree(t, doc, "/d"))
		return job, err
	}, ".Args.BF16", ".Args.FP16", ".Args.LabelSmoothingFactor", ".Args.GradientCheckpointing")
}

func TestDistillationFilesHaveTRLsDefaults(t *testing.T) {
	doc := map[string]any{
		"teacher_model_name_or_path": "t", "student_config.num_hidden_layers": 2, "output_dir": "o", "train_data_path": "t", "completion_only_loss": true,
	}
	job, _, err := readDistillJob(tree(t, doc, "/d"))
	require.NoError(t, err)
	require.Equal(t, []any{0.9, 0.5, 0.5, 128, 1.0}, []any{job.Temperature, job.Lmbda, job.Beta, job.MaxNewTokens, job.KDRatio})
	require.Equal(t, []any{"/d/t", "/d/o_student", "/d/o_checkpoints", 64}, []any{job.TeacherModel, job.StudentModel, job.Args.OutputDir, job.TopK})
}

func TestBadDistillationFilesAreRefused(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"base", "rows.jsonl"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), nil, 0o600))
	}
	for more, want := range map[string]string{
		`"student_model": "base", "training_args": {"lambda": 0}`:                                        `job.json:2: training_args.lambda: unknown key (did you mean "lmbda"?)`,
		`"student_model": "base", "training_args": {}`:                                                   "job.json:2: training_args.lmbda: is 0.5, but without completion_only_loss rows have no prompt to answer, expected 0",
		`"student_model": "base", "training_args": {"lmbda": 0, "seq_kd": true}`:                         "job.json:2: training_args.seq_kd: true is not supported: answers of the teacher are rows like others: generate them first",
		`"student_model": "base", "training_args": {"lmbda": 0, "bf16": true}`:                           "job.json:2: training_args.bf16: is true, but all weights are trained in float32, expected false",
		`"student_model": "base", "training_args": {"lmbda": 0, "eval_strategy": "steps"}`:               `job.json:2: training_args.eval_strategy: is "steps" but eval_data_path is missing, expected both or neither`,
		`"student_model": "base", "training_args": {"lmbda": 0, "kd_ratio": 0}, "teacher_logprobs": "l"`: "job.json:2: teacher_logprobs: is set, but with kd_ratio 0 they are not used, expected none",
		`"student_model": "none", "training_args": {"lmbda": 0}`:                                         `job.json:2: student_model: "none" cannot be opened: no such file or directory, expected a model folder or a .gguf file on this machine`,
		`"control_model": "base", "student_model": "base", "training_args": {"lmbda": 0}`:                "job.json:2: control_model: is set but eval_data_path is missing, expected both or neither",
		`"training_args": {"lmbda": 0}`:                                                                  "job.json:1: student_model: missing, expected it or student_config",
	} {
		path := filepath.Join(dir, "job.json")
		require.NoError(t, os.WriteFile(path, []byte(`{"teacher_model": "base", "output_dir": "o", "train_data_path": "rows.jsonl",
`+more+`}`), 0o600))
		_, _, err := LoadDistillJob(path)
		refused(t, err, path, want)
	}
}
