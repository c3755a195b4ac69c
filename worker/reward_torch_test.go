//go:build torch

package main

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A reward model is trained, scores answers in a sum with other scorers and judges a policy, and an adapter is trained from the same
// pairs.
func TestPreferencesTrainARewardModelAndAnAdapter(t *testing.T) {
	s := site{dir: t.TempDir()}
	const pair = `{"prompt": "What is gout? ", "chosen": "Crystals in a joint.", "rejected": "A rash.", "margin": 0.5}` + "\n"
	s.write(t, "pairs.jsonl", pair)
	s.write(t, "plain.jsonl", strings.ReplaceAll(pair, `, "margin": 0.5`, ""))
	const file = `{"base_model": "model", "output_dir": "OUT", "train_data_path": "DATA", "eval_data_path": "plain.jsonl",
 "lora_config": {"r": 2, "alpha": 4, "target_modules": ["q_proj", "v_proj"]}, "training_args": {"max_steps": 2, "eval_strategy": "steps", "max_length": 64}}`
	s.write(t, "reward.json", strings.NewReplacer("OUT", "reward", "DATA", "pairs.jsonl").Replace(file))
	s.write(t, "dpo.json", strings.NewReplacer("OUT", "dpo", "DATA", "plain.jsonl").Replace(file))
	s.write(t, "ppo.json", `{"base_model": "model", "reward_model_path": "reward", "output_dir": "policy", "train_data_path": "prompts.jsonl", "eval_data_path": "prompts.jsonl",
 "lora_config": {"r": 2, "alpha": 4, "target_modules": ["q_proj", "v_proj"]}, "ppo_config": {"total_episodes": 4, "num_ppo_epochs": 1, "response_length": 4},
 "training_args": {"per_device_train_batch_size": 2}}`)
	s.write(t, "prompts.jsonl", `{"text": "What is gout? "}`+"\n"+`{"text": "What is croup? "}`+"\n")
	s.write(t, "answers.jsonl", `{"question": "What is gout? ", "answer": "Crystals in a joint."}`+"\n")
	s.write(t, "scorers.json", `{"scorers": [{"name": "model", "kind": "reward", "weight": 1}, {"name": "brief", "kind": "length", "weight": 0.5, "words": 8}]}`)
	for _, args := range [][]string{
		{"tiny-model", "--out", s.path("model")},
		{"reward", "--config", s.path("reward.json")},
		{"reward", "--config", s.path("reward.json"), "--resume"},
		{"score-reward", "--model", s.path("model"), "--reward", s.path("reward"), "--in", s.path("answers.jsonl"), "--out", s.path("alone.jsonl")},
		{"score-reward", "--model", s.path("model"), "--reward", s.path("reward"), "--in", s.path("answers.jsonl"), "--out", s.path("mixed.jsonl"), "--scorers", s.path("scorers.json")},
		{"dpo", "--config", s.path("dpo.json")},
		{"ppo", "--config", s.path("ppo.json")},
	} {
		var stderr bytes.Buffer
		require.Equal(t, 0, execute(t.Context(), append([]string{"exec"}, args...), &stderr), stderr.String())
	}
	type line struct {
		Score, Reward float64
		Parts         map[string]float64
	}
	read := func(name string) (l line) {
		text, err := os.ReadFile(s.path(name))
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(text, &l))
		return l
	}
	alone, mixed := read("alone.jsonl"), read("mixed.jsonl")
	require.Nil(t, alone.Parts)
	require.Equal(t, map[string]float64{"model": alone.Reward, "brief": -0.5}, mixed.Parts)
	require.InDelta(t, alone.Reward-0.25, mixed.Reward, 1e-12)
	require.FileExists(t, s.path("dpo", "adapter_model.safetensors"))
	for folder, shows := range map[string]string{"reward": "Calibration", "policy": "What is croup?"} {
		page, err := os.ReadFile(s.path(folder, "report.html"))
		require.NoError(t, err)
		require.Contains(t, string(page), shows)
	}

	var stderr bytes.Buffer
	s.write(t, "dpo.json", strings.NewReplacer("OUT", "dpo", "DATA", "pairs.jsonl").Replace(file))
	require.Equal(t, 2, execute(t.Context(), []string{"exec", "dpo", "--config", s.path("dpo.json")}, &stderr))
	require.Contains(t, stderr.String(), "pairs.jsonl:1: the pair has a margin or is a tie")
}
