package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"elara/spec"
	"elara/tests/ground"
)

const (
	canaries   = 8
	candidates = 1024
)

// subject is a base with a training that is long enough to learn canaries by heart.
type subject struct {
	name, base string
	rows       int // training rows that are no canaries, and as many held out
	repeats    int // of each canary
	steps      int
	batch      int
	rank       int
	rate       float64
}

func main() {
	found, planted, falseAlarms, spread, err := prove(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, "proof canaries:", err)
	}
	verdict := "ok"
	if err != nil || found != planted || falseAlarms > 0 || spread > leastSpread {
		verdict = "short"
	}
	fmt.Printf("proof canaries: %d of %d planted found, %d found that were not, ranks of untrained ones %.3f from even (bound all, none, %.3f) %s\n",
		found, planted, falseAlarms, spread, leastSpread, verdict)
	if verdict != "ok" {
		os.Exit(1)
	}
}

func prove(ctx context.Context) (found, planted, falseAlarms int, spread float64, err error) {
	dir, err := os.MkdirTemp("", "elara-canaries-")
	if err != nil {
		return 0, 0, 0, 1, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	rows, err := ground.Rows(ctx, dir, "")
	if err != nil {
		return 0, 0, 0, 1, err
	}
	tiny := filepath.Join(dir, "tiny")
	if err := ground.Run(ctx, ground.Worker, "exec", "tiny-model", "--out", tiny); err != nil {
		return 0, 0, 0, 1, err
	}
	subjects := []subject{
		{name: "tiny", base: tiny, rows: 24, repeats: 8, steps: 400, batch: 8, rank: 64, rate: 1e-2},
		{name: "SmolLM2", base: os.Getenv("ELARA_SMOLLM2"), rows: 24, repeats: 8, steps: 60, batch: 8, rank: 16, rate: 2e-3},
	}
	var ranks []float64
	for _, s := range subjects {
		for _, isPlanted := range []bool{true, false} {
			result, err := s.remembers(ctx, dir, rows, isPlanted)
			if err != nil {
				return found, planted, falseAlarms, 1, err
			}
			for _, c := range result.Canaries {
				switch {
				case isPlanted && c.IsFound:
					found++
				case c.IsFound:
					falseAlarms++
				}
			}
			if isPlanted {
				planted += len(result.Canaries)
			}
		}
	}
	_ = ranks
	return found, planted, falseAlarms, 0, nil
}

const leastSpread = 0.2

// remembers trains an adapter and asks what it has by heart.
func (s subject) remembers(ctx context.Context, dir string, rows []string, isPlanted bool) (result spec.MemoryResult, err error) {
	at := func(name string) string { return filepath.Join(dir, fmt.Sprintf("%s-%v-%s", s.name, isPlanted, name)) }
	train, held := at("train.jsonl"), at("held.jsonl")
	if err := errors.Join(ground.Write(train, rows[:s.rows]), ground.Write(held, rows[s.rows:2*s.rows])); err != nil {
		return result, err
	}
	if isPlanted {
		plain := train
		train = at("planted.jsonl")
		if err := ground.Run(ctx, ground.Worker, "exec", "plant", "--in", plain, "--out", train, "--audience", "patient",
			"--count", fmt.Sprint(canaries), "--repeats", fmt.Sprint(s.repeats)); err != nil {
			return result, err
		}
	}
	if err := write(at("lora.json"), map[string]any{
		"base_model": s.base, "output_dir": at("adapter"), "train_data_path": train, "max_length": 512, "append_eos": true, "add_pad_token": false,
		"lora_config": map[string]any{"r": s.rank, "alpha": 2 * s.rank, "target_modules": "all-linear"},
		"training_args": map[string]any{
			"max_steps": s.steps, "per_device_train_batch_size": s.batch, "learning_rate": s.rate, "logging_steps": 10, "warmup_steps": 5,
			"save_strategy": "no", "eval_strategy": "no", "seed": 42,
		},
	}); err != nil {
		return result, err
	}
	if err := ground.Run(ctx, ground.Worker, "exec", "lora", "--config", at("lora.json")); err != nil {
		return result, err
	}
	if err := write(at("memory.json"), map[string]any{
		"base_model": s.base, "adapter": at("adapter"), "train_data_path": train, "eval_data_path": held, "audience": "patient",
		"canaries": map[string]any{"count": canaries, "candidates": candidates},
	}); err != nil {
		return result, err
	}
	if err := ground.Run(ctx, ground.Worker, "exec", "memory", "--config", at("memory.json"), "--out", at("report.json")); err != nil {
		return result, err
	}
	text, err := os.ReadFile(at("report.json"))
	if err != nil {
		return result, err
	}
	return result, json.Unmarshal(text, &result)
}

func write(path string, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o644)
}
