package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"elara/data/instruct"
	"elara/tests/ground"
)

const (
	answers    = 16 // of an iteration, each to a prompt of its own
	window     = 53 // tokens of every answer: TRL's default, and nothing ends one before
	iterations = 2  // of a process; the last one is timed
)

// field is what both sides run on.
type field struct {
	dir           string // scratch
	interpreter   string // of TRL
	base, reward  string // folders: SmolLM2-135M-Instruct, and an adapter with a score head over it, in PEFT's form
	prompts       string // JSONL of {"text": …}
	length, alike int    // tokens of each prompt, and of the beginning that all share
	runs          int
}

func prepare(ctx context.Context, dir string) (*field, error) {
	python, err := ground.Peer(ctx, "tests/peer/venv")
	if err != nil {
		return nil, err
	}
	trl, err := ground.Peer(ctx, "tests/peer/ppo/venv")
	if err != nil {
		return nil, err
	}
	model, err := ground.SmolLM2()
	if err != nil {
		return nil, err
	}
	f := &field{
		dir: dir, interpreter: trl, base: filepath.Join(dir, "base"), reward: filepath.Join(dir, "reward"),
		prompts: filepath.Join(dir, "prompts.jsonl"),
	}
	if err := ground.Run(ctx, python, "tests/bench/base.py", model, f.base); err != nil {
		return nil, err
	}
	if err := ground.Run(ctx, trl, "tests/peer/ppo/scorer.py", f.base, f.reward); err != nil {
		return nil, err
	}
	return f, f.ask(ctx)
}

// ask writes the first prompts that are of one length: TRL pads a batch to its longest, which would count against it.
func (f *field) ask(ctx context.Context) error {
	rows, err := ground.Rows(ctx, f.dir, "")
	if err != nil {
		return err
	}
	var all []string
	seen := map[string]bool{}
	for _, row := range rows {
		var line struct {
			Text string `json:"text"`
		}
		if err := json.Unmarshal([]byte(row), &line); err != nil {
			return err
		}
		question, _, found := strings.Cut(line.Text, instruct.AssistantMarker)
		if !found || seen[question] {
			continue
		}
		seen[question] = true
		line.Text = question + instruct.AssistantMarker
		text, err := json.Marshal(line)
		if err != nil {
			return err
		}
		all = append(all, string(text)+"\n")
	}
	ids, err := f.tokens(ctx, all)
	if err != nil {
		return err
	}
	of := map[int][]int{} // by length
	for n, prompt := range ids {
		length := len(prompt)
		if of[length] = append(of[length], n); len(of[length]) < answers {
			continue
		}
		var chosen []string
		f.length, f.alike = length, length
		for _, m := range of[length] {
			chosen = append(chosen, all[m])
			f.alike = min(f.alike, beginning(prompt, ids[m]))
		}
		return ground.Write(f.prompts, chosen)
	}
	return fmt.Errorf("no %d prompts of one length among %d", answers, len(all))
}

// tokens are the ids of texts.
func (f *field) tokens(ctx context.Context, texts []string) ([][]int32, error) {
	in, out := filepath.Join(f.dir, "texts.jsonl"), filepath.Join(f.dir, "ids.jsonl")
	if err := ground.Write(in, texts); err != nil {
		return nil, err
	}
	err := ground.Run(ctx, ground.Worker, "exec", "tokenize", "--tokenizer", f.base, "--in", in, "--out", out)
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(out)
	if err != nil {
		return nil, err
	}
	var all [][]int32
	for row := range strings.Lines(string(data)) {
		var line struct {
			IDs []int32 `json:"ids"`
		}
		if err := json.Unmarshal([]byte(row), &line); err != nil {
			return nil, err
		}
		all = append(all, line.IDs)
	}
	if len(all) != len(texts) {
		return nil, errors.New("the tokenizer lost a text")
	}
	return all, nil
}

// beginning is how many tokens two texts begin with alike.
func beginning(a, b []int32) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}

// file writes a PPO file of its own for a run. TRL reads it too, so only what both know under one name stands in it.
func (f *field) file() (path string, err error) {
	f.runs++
	path = filepath.Join(f.dir, fmt.Sprintf("run%d.json", f.runs))
	return path, ground.WriteJSON(path, map[string]any{
		"base_model": f.base, "reward_model_path": f.reward, "train_data_path": f.prompts,
		"output_dir": strings.TrimSuffix(path, ".json"),
		"lora_config": map[string]any{
			"r": 16, "alpha": 32, "dropout": 0, "target_modules": []string{"q_proj", "k_proj", "v_proj", "o_proj"},
		},
		"ppo_config": map[string]any{
			"total_episodes": iterations * answers, "num_ppo_epochs": 4, "num_mini_batches": 2,
			"local_rollout_forward_batch_size": answers,
			"response_length":                  window, "stop_token": "none", "temperature": 0.7, "kl_coef": 0.05,
		},
		"training_args": map[string]any{
			"per_device_train_batch_size": 8, "gradient_accumulation_steps": 1, "learning_rate": 3e-6,
			"logging_steps": 1, "save_strategy": "no", "bf16": true, "seed": 42,
		},
	})
}
