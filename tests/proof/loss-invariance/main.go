package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"elara/tests/ground"
)

const lossBound, gradientBound = 1e-5, 1e-4

type certificate struct {
	Rows           int
	Loss, Gradient float64
	Holds          bool
}

func main() {
	c, err := certified(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	ok := err == nil && c.Holds && c.Rows == 3 && c.Loss <= lossBound && c.Gradient <= gradientBound && c.Gradient > 0
	verdict := "ok"
	if !ok {
		verdict = "short"
	}
	fmt.Printf("proof loss-invariance: loss %.1e relative, gradients %.1e of the largest (bound %.0e and %.0e) %s\n", c.Loss, c.Gradient, lossBound, gradientBound, verdict)
	if !ok {
		os.Exit(1)
	}
}

func certified(ctx context.Context) (c certificate, err error) {
	base, err := ground.SmolLM2()
	if err != nil {
		return c, err
	}
	dir, err := os.MkdirTemp("", "elara-invariance-")
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	rows, err := ground.Rows(ctx, dir, "")
	if err != nil {
		return c, err
	}
	train, out := filepath.Join(dir, "train.jsonl"), filepath.Join(dir, "adapter")
	if err := ground.Write(train, rows[:16]); err != nil {
		return c, err
	}
	err = ground.Train(ctx, "lora", filepath.Join(dir, "config.json"), map[string]any{
		"base_model": base, "output_dir": out, "train_data_path": train, "max_length": 128, "append_eos": true,
		"lora_config":   map[string]any{"r": 16, "alpha": 32, "dropout": 0, "target_modules": []string{"q_proj", "k_proj", "v_proj", "o_proj"}},
		"training_args": map[string]any{"max_steps": 3, "per_device_train_batch_size": 4, "learning_rate": 1e-3, "save_strategy": "no", "eval_strategy": "no"},
	})
	if err != nil {
		return c, err
	}
	data, err := os.ReadFile(filepath.Join(out, "trainer_state.json"))
	if err != nil {
		return c, err
	}
	var state struct {
		Elara struct {
			Certificate certificate `json:"loss_invariance"`
		}
	}
	err = json.Unmarshal(data, &state)
	return state.Elara.Certificate, err
}
