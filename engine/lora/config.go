//go:build torch

package lora

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"elara/spec"
	"elara/spec/fault"
)

const (
	configFile  = "adapter_config.json"
	weightsFile = "adapter_model.safetensors"
)

// peftConfig is adapter_config.json as PEFT reads it. Keys that are absent have PEFT's defaults.
type peftConfig struct {
	BaseModelNameOrPath string   `json:"base_model_name_or_path"`
	Bias                string   `json:"bias"`
	FanInFanOut         bool     `json:"fan_in_fan_out"`
	InferenceMode       bool     `json:"inference_mode"`
	InitLoraWeights     bool     `json:"init_lora_weights"`
	LoraAlpha           float64  `json:"lora_alpha"`
	LoraDropout         float64  `json:"lora_dropout"`
	PEFTType            string   `json:"peft_type"`
	R                   int      `json:"r"`
	TargetModules       []string `json:"target_modules"`
	TaskType            string   `json:"task_type"`
	UseDora             bool     `json:"use_dora"`
	UseRslora           bool     `json:"use_rslora"`
}

// neutral are the keys that PEFT writes and that change nothing about how an adapter is applied.
var neutral = []string{
	"auto_mapping", "inference_mode", "init_lora_weights", "layers_pattern", "loftq_config", "megatron_config", "megatron_core",
	"peft_version", "qalora_group_size", "revision", "ensure_weight_tying", "base_model_name_or_path", "corda_config", "eva_config",
}

// read are the keys that this package reads.
var read = []string{"bias", "fan_in_fan_out", "lora_alpha", "lora_dropout", "peft_type", "r", "target_modules", "task_type"}

// encodeConfig writes adapter_config.json with its keys in ascending order, as PEFT does.
func encodeConfig(config spec.LoRAConfig, base string, fanInFanOut bool) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	targets := slices.Clone(config.TargetModules)
	slices.Sort(targets)
	err := encoder.Encode(peftConfig{
		BaseModelNameOrPath: base, Bias: config.Bias, FanInFanOut: fanInFanOut, InferenceMode: true, InitLoraWeights: true,
		LoraAlpha: config.Alpha, LoraDropout: config.Dropout, PEFTType: "LORA", R: config.R, TargetModules: targets, TaskType: "CAUSAL_LM",
	})
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", configFile, err)
	}
	return bytes.TrimRight(out.Bytes(), "\n"), nil
}

// ReadConfig reads a PEFT folder's adapter_config.json and refuses what this package would not honour.
func ReadConfig(dir string) (spec.LoRAConfig, error) {
	file := filepath.Join(dir, configFile)
	var config spec.LoRAConfig
	data, err := os.ReadFile(file)
	if err != nil {
		return config, fault.At(file, 0, "cannot be read, expected a PEFT adapter folder: %w", err)
	}
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(data, &keys); err != nil {
		return config, fault.At(file, 0, "not a PEFT configuration: %w", err)
	}
	names := make([]string, 0, len(keys))
	for key := range keys {
		names = append(names, key)
	}
	slices.Sort(names)
	for _, key := range names {
		if slices.Contains(read, key) || slices.Contains(neutral, key) || isOff(keys[key]) {
			continue
		}
		return config, fault.At(file, 0, "%s is %s, which is not supported", key, strings.Join(strings.Fields(string(keys[key])), " "))
	}
	peft := peftConfig{R: 8, LoraAlpha: 8, Bias: "none"}
	if err := json.Unmarshal(data, &peft); err != nil {
		return config, fault.At(file, 0, "not a PEFT configuration: %w", err)
	}
	switch {
	case peft.PEFTType != "LORA":
		return config, fault.At(file, 0, "peft_type is %q, expected LORA", peft.PEFTType)
	case peft.Bias != "none":
		return config, fault.At(file, 0, "bias is %q, expected none", peft.Bias)
	case peft.R <= 0:
		return config, fault.At(file, 0, "r is %d, expected a positive rank", peft.R)
	case len(peft.TargetModules) == 0:
		return config, fault.At(file, 0, "target_modules is empty, expected a list of module names")
	}
	slices.Sort(peft.TargetModules)
	return spec.LoRAConfig{R: peft.R, Alpha: peft.LoraAlpha, Dropout: peft.LoraDropout, Bias: peft.Bias, TargetModules: peft.TargetModules}, nil
}

// isOff reports whether a value is one of those by which PEFT says "not used".
func isOff(value json.RawMessage) bool {
	switch string(bytes.Join(bytes.Fields(value), nil)) {
	case "null", "false", "{}", "[]", `""`, "0":
		return true
	}
	return false
}
