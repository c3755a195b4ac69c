package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"elara/telemetry/runlog"
	"elara/telemetry/series"
	"elara/tests/ground"
)

// system is one of the programs that are compared.
type system struct {
	name string
	run  func(context.Context, *field) (figures, error)
}

// The systems by name.
const (
	guide    = "guide's script"
	best     = "transformers + PEFT at best"
	sft      = "TRL's SFTTrainer at best"
	float32s = "Elara, float32"
	one      = "Elara"
	four     = "Elara, four adapters"
)

var systems = []system{
	{guide, func(ctx context.Context, g *field) (figures, error) { return g.python(ctx, "guide") }},
	{best, func(ctx context.Context, g *field) (figures, error) { return g.python(ctx, "best") }},
	{sft, func(ctx context.Context, g *field) (figures, error) { return g.python(ctx, "sft") }},
	{float32s, func(ctx context.Context, g *field) (figures, error) { return g.elara(ctx, 1, false) }},
	{one, func(ctx context.Context, g *field) (figures, error) { return g.elara(ctx, 1, true) }},
	{four, func(ctx context.Context, g *field) (figures, error) { return g.elara(ctx, 4, true) }},
}

// python runs the peer, which measures itself.
func (g *field) python(ctx context.Context, mode string) (figures, error) {
	var got figures
	c := exec.CommandContext(ctx, g.interpreter, filepath.Join("tests", "bench", "peer.py"), mode, g.base, g.train, g.held, strconv.Itoa(g.steps))
	c.Env = append(os.Environ(), "HF_HUB_OFFLINE=1", "TRANSFORMERS_VERBOSITY=error")
	if mode != "guide" { // at its best
		c.Env = append(c.Env, ground.WorkerSettings()...)
	}
	out := &bytes.Buffer{}
	c.Stdout, c.Stderr = out, out
	if err := c.Run(); err != nil {
		return got, fmt.Errorf("%w\n%s", err, out)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	return got, json.Unmarshal([]byte(lines[len(lines)-1]), &got)
}

// elara trains adapters at once and scores all of them on the held-out rows; the worst one stands for them.
func (g *field) elara(ctx context.Context, adapters int, bf16 bool) (figures, error) {
	var got figures
	dir, err := os.MkdirTemp(g.dir, "run-")
	if err != nil {
		return got, err
	}
	const run = "bench"
	args := []string{"exec", "lora", "--logging-dir", dir, "--run-name", run}
	for i := range adapters {
		config, err := g.config(dir, i, bf16)
		if err != nil {
			return got, err
		}
		args = append(args, "--config", config)
	}
	c := exec.CommandContext(ctx, ground.Worker, args...)
	watch := &firstStep{began: time.Now()}
	c.Stdout, c.Stderr = watch, watch
	if err := c.Run(); err != nil {
		return got, fmt.Errorf("%w\n%s", err, watch.text.String())
	}
	got.Seconds = time.Since(watch.began).Seconds()
	got.SecondsToFirstStep = watch.after.Seconds()
	got.PeakRSSMB = float64(c.ProcessState.SysUsage().(*syscall.Rusage).Maxrss) / 1024
	if got.TokensPerSecond, err = rate(dir, adapters, got); err != nil {
		return got, err
	}
	if got.MatmulShare, err = matmulShare(dir, run); err != nil {
		return got, err
	}
	for i := range adapters {
		loss, err := g.score(ctx, adapterFolder(dir, i))
		if err != nil {
			return got, err
		}
		got.HeldOutLoss = max(got.HeldOutLoss, loss)
	}
	return got, nil
}

func adapterFolder(dir string, i int) string { return filepath.Join(dir, fmt.Sprintf("adapter%d", i)) }

// config writes the training file of one adapter: the same keys that peer.py sets.
func (g *field) config(dir string, adapter int, bf16 bool) (string, error) {
	path := filepath.Join(dir, fmt.Sprintf("adapter%d.json", adapter))
	return path, ground.WriteJSON(path, map[string]any{
		"base_model": g.base, "output_dir": adapterFolder(dir, adapter), "train_data_path": g.train,
		"max_length": 512, "append_eos": true,
		"lora_config": map[string]any{"r": 16, "alpha": 32, "dropout": 0.1, "target_modules": []string{"q_proj", "k_proj", "v_proj", "o_proj"}},
		"training_args": map[string]any{
			"max_steps": g.steps, "per_device_train_batch_size": 4, "gradient_accumulation_steps": 2, "learning_rate": 1e-3, "warmup_steps": 4,
			"logging_steps": 1, "save_strategy": "no", "eval_strategy": "no", "bf16": bf16, "seed": 42 + adapter,
		},
	})
}

// score measures an adapter in float32, token by token, as the peer does.
func (g *field) score(ctx context.Context, adapter string) (float64, error) {
	out := adapter + ".scores.jsonl"
	if err := ground.Run(ctx, ground.Worker, "exec", "score", "--model", g.base, "--adapter", adapter, "--in", g.ended, "--out", out); err != nil {
		return 0, err
	}
	data, err := os.ReadFile(out)
	if err != nil {
		return 0, err
	}
	var total float64
	var count int
	for line := range strings.Lines(string(data)) {
		var row struct{ LogProbs []float64 }
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			return 0, err
		}
		for _, l := range row.LogProbs[:min(len(row.LogProbs), 511)] {
			total -= l
			count++
		}
	}
	return total / float64(count), nil
}

// rate is the real tokens per second of a training: one adapter's as it logs it, that of several over the time from where the
// first step begins to the end of the process.
func rate(dir string, adapters int, f figures) (float64, error) {
	var tokens int64
	last := math.NaN()
	for i := range adapters {
		data, err := os.ReadFile(filepath.Join(adapterFolder(dir, i), "trainer_state.json"))
		if err != nil {
			return 0, err
		}
		var state struct {
			Tokens     int64 `json:"num_input_tokens_seen"`
			LogHistory []struct {
				TokensPerSecond *float64 `json:"tokens_per_second"`
			} `json:"log_history"`
		}
		if err := json.Unmarshal(data, &state); err != nil {
			return 0, err
		}
		tokens += state.Tokens
		for _, entry := range state.LogHistory {
			if entry.TokensPerSecond != nil {
				last = *entry.TokensPerSecond
			}
		}
	}
	if adapters == 1 {
		return last, nil
	}
	return float64(tokens) / (f.Seconds - f.SecondsToFirstStep), nil
}

// matmulShare is the mean of the steps' shares of the measured matmul peak, over the curves of a run.
func matmulShare(dir, run string) (float64, error) {
	folders, err := filepath.Glob(filepath.Join(dir, run, "*", runlog.RunFile))
	if err != nil || len(folders) == 0 {
		return 0, fmt.Errorf("no curve in %s: %w", dir, errors.Join(err, fs.ErrNotExist))
	}
	var sum float64
	var count int
	for _, file := range folders {
		curve, err := runlog.Read(filepath.Dir(file))
		if err != nil {
			return 0, err
		}
		for _, point := range curve.Points {
			for _, value := range point.Values {
				if value.Key == series.TrainMatmulShare {
					sum, count = sum+value.Number, count+1
				}
			}
		}
	}
	return sum / float64(max(1, count)), nil
}

// firstStep notes when a program says what it is about to train: everything is loaded then, and the first step begins.
type firstStep struct {
	began time.Time
	after time.Duration
	text  bytes.Buffer
}

func (f *firstStep) Write(p []byte) (int, error) {
	if f.after == 0 && bytes.Contains(p, []byte("trainable params")) {
		f.after = time.Since(f.began)
	}
	return f.text.Write(p)
}
