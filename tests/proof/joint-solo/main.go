package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"elara/tests/ground"
)

const adapters, steps = 4, 3

func main() {
	equal, total, err := compare(context.Background())
	verdict := "ok"
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	if err != nil || equal != total {
		verdict = "short"
	}
	fmt.Printf("proof joint-solo: %d of %d adapters trained at once equal those trained alone, in turns (bound all, byte for byte) %s\n", equal, total, verdict)
	if verdict != "ok" {
		os.Exit(1)
	}
}

func compare(ctx context.Context) (equal, total int, err error) {
	total = 2 * adapters
	base, err := ground.SmolLM2()
	if err != nil {
		return 0, total, err
	}
	dir, err := os.MkdirTemp("", "elara-joint-")
	if err != nil {
		return 0, total, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	rows, err := ground.Rows(ctx, dir, "")
	if err != nil {
		return 0, total, err
	}
	train := filepath.Join(dir, "train.jsonl")
	if err := ground.Write(train, rows[:64]); err != nil {
		return 0, total, err
	}
	for _, bf16 := range []bool{false, true} {
		together := []string{"exec", "lora"}
		for i := range adapters {
			config, err := configure(dir, "joint", base, train, i, bf16)
			if err != nil {
				return equal, total, err
			}
			together = append(together, "--config", config)
		}
		if err := ground.Run(ctx, ground.Worker, together...); err != nil {
			return equal, total, err
		}
		for i := range adapters {
			config, err := configure(dir, "solo", base, train, i, bf16)
			if err != nil {
				return equal, total, err
			}
			if err := ground.Run(ctx, ground.Worker, "exec", "lora", "--config", config); err != nil {
				return equal, total, err
			}
			same, err := sameAdapter(dir, i, bf16)
			if err != nil {
				return equal, total, err
			}
			fmt.Printf("bf16 %-5v adapter %d: equal %v\n", bf16, i, same)
			if same {
				equal++
			}
		}
	}
	return equal, total, nil
}

func folder(dir, how string, adapter int, bf16 bool) string {
	return filepath.Join(dir, fmt.Sprintf("%s-%d-%v", how, adapter, bf16))
}

// configure writes a training file whose every number depends on the adapter.
func configure(dir, how, base, train string, i int, bf16 bool) (string, error) {
	path := folder(dir, how, i, bf16) + ".json"
	return path, ground.WriteJSON(path, map[string]any{
		"base_model": base, "output_dir": folder(dir, how, i, bf16), "train_data_path": train, "max_length": 128, "append_eos": true,
		"lora_config": map[string]any{"r": 4 << i, "alpha": 16, "dropout": 0.05 * float64(i), "target_modules": []string{"q_proj", "k_proj", "v_proj", "o_proj"}},
		"training_args": map[string]any{
			"max_steps": steps, "per_device_train_batch_size": 1 + i, "learning_rate": 1e-4 * float64(i+1), "logging_steps": 1,
			"save_strategy": "no", "eval_strategy": "no", "bf16": bf16, "seed": 42 + i,
		},
	})
}

// sameAdapter compares weights and configuration.
func sameAdapter(dir string, adapter int, bf16 bool) (bool, error) {
	for _, name := range []string{"adapter_model.safetensors", "adapter_config.json"} {
		joint, err := os.ReadFile(filepath.Join(folder(dir, "joint", adapter, bf16), name))
		if err != nil {
			return false, err
		}
		solo, err := os.ReadFile(filepath.Join(folder(dir, "solo", adapter, bf16), name))
		if err != nil {
			return false, err
		}
		if !bytes.Equal(joint, solo) {
			return false, nil
		}
	}
	return true, nil
}
