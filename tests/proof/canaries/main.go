package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"

	"elara/spec"
	"elara/tests/ground"
)

const (
	canaries   = 4
	candidates = 512
)

// subject is a base with a training that is long enough to learn canaries by heart.
type subject struct {
	name, base string
	rows       int // of training that are no canaries, and as many held out
	repeats    int // of each canary
	steps      int
	rank       int
	rate       float64
}

// figures are what is proven.
type figures struct {
	planted, found, falseAlarms int
	spread, allowed             float64 // Kolmogorov-Smirnov distance of untrained ranks from even ones, and its limit at 1 %
}

func (f figures) isMet() bool {
	return f.planted > 0 && f.found == f.planted && f.falseAlarms == 0 && f.spread <= f.allowed
}

func main() {
	f, err := prove(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, "proof canaries:", err)
	}
	verdict := "ok"
	if err != nil || !f.isMet() {
		verdict = "short"
	}
	fmt.Printf("proof canaries: %d of %d planted found, %d of those that were not; ranks of untrained ones %.3f from even (bound all, none, %.3f) %s\n",
		f.found, f.planted, f.falseAlarms, f.spread, f.allowed, verdict)
	if verdict != "ok" {
		os.Exit(1)
	}
}

func prove(ctx context.Context) (f figures, err error) {
	dir, err := os.MkdirTemp("", "elara-canaries-")
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	smol, err := ground.SmolLM2()
	if err != nil {
		return f, err
	}
	rows, err := ground.Rows(ctx, dir, "")
	if err != nil {
		return f, err
	}
	tiny := filepath.Join(dir, "tiny-model")
	if err := ground.Run(ctx, ground.Worker, "exec", "tiny-model", "--out", tiny); err != nil {
		return f, err
	}
	if f.spread, f.allowed, err = spread(ctx, dir, tiny, rows); err != nil {
		return f, err
	}
	for _, s := range []subject{
		{name: "tiny", base: tiny, rows: 4, repeats: 4, steps: 300, rank: 64, rate: 5e-3},
		{name: "SmolLM2", base: smol, rows: 4, repeats: 4, steps: 30, rank: 16, rate: 2e-3},
	} {
		for _, isPlanted := range []bool{true, false} {
			result, err := s.remembers(ctx, dir, rows, isPlanted)
			if err != nil {
				return f, err
			}
			found := 0
			for _, c := range result.Canaries {
				if c.IsFound {
					found++
				}
			}
			fmt.Printf("%-8s planted %-5v  %d of %d found, verdict %s\n", s.name, isPlanted, found, len(result.Canaries), result.Verdict)
			if isPlanted {
				f.planted, f.found = f.planted+len(result.Canaries), f.found+found
			} else {
				f.falseAlarms += found
			}
		}
	}
	return f, nil
}

// spread asks a model that nothing was trained on, and gives how far its ranks are from even ones.
func spread(ctx context.Context, dir, base string, rows []string) (distance, allowed float64, err error) {
	train, held := filepath.Join(dir, "few.jsonl"), filepath.Join(dir, "others.jsonl")
	if err := errors.Join(ground.Write(train, rows[:4]), ground.Write(held, rows[4:8])); err != nil {
		return 0, 0, err
	}
	const count = spec.MaxCanaries
	var ranks []float64
	for seed := range 3 {
		result, err := ask(ctx, filepath.Join(dir, fmt.Sprintf("untrained-%d", seed)), map[string]any{
			"base_model": base, "train_data_path": train, "eval_data_path": held,
			"canaries": map[string]any{"count": count, "candidates": count * spec.CandidatesPerCanary, "seed": seed},
		})
		if err != nil {
			return 0, 0, err
		}
		for _, c := range result.Canaries {
			ranks = append(ranks, float64(c.Rank)/float64(c.Candidates))
		}
	}
	slices.Sort(ranks)
	n := float64(len(ranks))
	for i, rank := range ranks {
		distance = max(distance, math.Abs(rank-float64(i)/n), math.Abs(rank-float64(i+1)/n))
	}
	const critical = 1.628 // of D times the root of n at 1 %, for large n
	return distance, critical / math.Sqrt(n), nil
}

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
	if err := ground.Train(ctx, "lora", at("lora.json"), map[string]any{
		"base_model": s.base, "output_dir": at("adapter"), "train_data_path": train, "max_length": 512, "append_eos": true, "add_pad_token": false,
		"completion_only_loss": true,
		"lora_config":          map[string]any{"r": s.rank, "alpha": 2 * s.rank, "target_modules": "all-linear"},
		"training_args": map[string]any{
			"max_steps": s.steps, "per_device_train_batch_size": 20, "learning_rate": s.rate, "lr_scheduler_type": "cosine", "logging_steps": 10, "warmup_steps": 5,
			"save_strategy": "no", "eval_strategy": "no", "seed": 42,
		},
	}); err != nil {
		return result, err
	}
	return ask(ctx, at("memory"), map[string]any{
		"base_model": s.base, "adapter": at("adapter"), "train_data_path": train, "eval_data_path": held, "audience": "patient",
		"completion_only_loss": true, "canaries": map[string]any{"count": canaries, "candidates": candidates},
	})
}

// ask runs exec memory; its files begin with a name.
func ask(ctx context.Context, name string, config map[string]any) (result spec.MemoryResult, err error) {
	if err := ground.WriteJSON(name+".json", config); err != nil {
		return result, err
	}
	if err := ground.Run(ctx, ground.Worker, "exec", "memory", "--config", name+".json", "--out", name+".report.json"); err != nil {
		return result, err
	}
	text, err := os.ReadFile(name + ".report.json")
	if err != nil {
		return result, err
	}
	return result, json.Unmarshal(text, &result)
}
