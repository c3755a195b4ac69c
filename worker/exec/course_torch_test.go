//go:build torch

package exec

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The teacher is asked before the student's first step, and its parts are no points of the student's curve.
func TestTrainingsFromOneFileKeepTheirCurves(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	run := func(args ...string) string {
		var out bytes.Buffer
		c := Command()
		c.SetOut(&out)
		c.SetErr(&out)
		c.SetArgs(args)
		require.NoError(t, c.ExecuteContext(t.Context()), out.String())
		return out.String()
	}
	run("tiny-model", "--out", filepath.Join(dir, "tiny"))
	write("texts.jsonl", strings.Repeat(`{"text": "What helps? Rest and water."}`+"\n", 20))
	write("pairs.jsonl", strings.Repeat(`{"prompt": "What helps?", "chosen": "Rest.", "rejected": "Wine."}`+"\n", 8))
	args := `"training_args": {"max_steps": 3, "logging_steps": 1`
	for name, config := range map[string]string{
		"pretrain": `{"base_model": "tiny", "output_dir": "pretrained", "train_data_path": "texts.jsonl", ` + args + `}}`,
		"distill": `{"teacher_model": "tiny", "student_model": "student", "student_config": {"num_hidden_layers": 1}, "teacher_logprobs": "said",
			"output_dir": "distilled", "train_data_path": "texts.jsonl", ` + args + `, "lmbda": 0}}`,
		"dpo": `{"base_model": "tiny", "output_dir": "aligned", "train_data_path": "pairs.jsonl", "lora_config": {"r": 2, "target_modules": ["q_proj"]}, ` + args + `}}`,
	} {
		out := run(name, "--config", write(name+".json", config), "--logging-dir", filepath.Join(dir, "curves"))
		found, err := filepath.Glob(filepath.Join(dir, "curves", name, "*", "series.jsonl"))
		require.NoError(t, err)
		require.Len(t, found, 1, name)
		series, err := os.ReadFile(found[0])
		require.NoError(t, err)
		require.Len(t, strings.Split(strings.TrimSpace(string(series)), "\n"), 3, name)
		require.Contains(t, out, "curves: "+filepath.Join(dir, "curves", name, "report.html"))
		require.Equal(t, name == "distill", strings.Contains(out, "teacher: part 1 of 1 of the rows\n"))
	}
}
