//go:build torch

package lora

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
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
	AlphaPattern        rules[float64] `json:"alpha_pattern,omitempty"`
	BaseModelNameOrPath string         `json:"base_model_name_or_path"`
	Bias                string         `json:"bias"`
	ExcludeModules      *names         `json:"exclude_modules,omitempty"`
	FanInFanOut         bool           `json:"fan_in_fan_out"`
	InferenceMode       bool           `json:"inference_mode"`
	InitLoraWeights     initial        `json:"init_lora_weights"`
	LayersPattern       listOf[string] `json:"layers_pattern,omitempty"`
	LayersToTransform   listOf[int]    `json:"layers_to_transform,omitempty"`
	LoraAlpha           float64        `json:"lora_alpha"`
	LoraDropout         float64        `json:"lora_dropout"`
	ModulesToSave       []string       `json:"modules_to_save,omitempty"`
	PEFTType            string         `json:"peft_type"`
	R                   int            `json:"r"`
	RankPattern         rules[int]     `json:"rank_pattern,omitempty"`
	TargetModules       names          `json:"target_modules"`
	TaskType            string         `json:"task_type"`
	UseDora             bool           `json:"use_dora"`
	UseRslora           bool           `json:"use_rslora"`
}

// neutral are the keys that PEFT writes and that change nothing about how an adapter is applied.
var neutral = []string{
	"auto_mapping", "loftq_config", "megatron_config", "megatron_core", "peft_version", "qalora_group_size", "revision", "corda_config", "eva_config",
}

// read are the keys that this package reads.
func read() []string {
	var keys []string
	of := reflect.TypeFor[peftConfig]()
	for i := range of.NumField() {
		key, _, _ := strings.Cut(of.Field(i).Tag.Get("json"), ",")
		keys = append(keys, key)
	}
	return keys
}

// encodeConfig writes adapter_config.json with its keys in ascending order, as PEFT does; rules keep their own order, because
// the first that matches counts.
func encodeConfig(config spec.LoRAConfig, base string, fanInFanOut bool) ([]byte, error) {
	config.TaskType = cmp.Or(config.TaskType, causal)
	if config.TaskType == spec.TaskSeqCls {
		config.ModulesToSave = append(slices.Clone(config.ModulesToSave), scoreModule)
	}
	peft := peftConfig{
		BaseModelNameOrPath: base, Bias: cmp.Or(config.Bias, spec.BiasNone), FanInFanOut: fanInFanOut, InferenceMode: true, InitLoraWeights: initial(config.InitWeights),
		LayersPattern: config.LayersPattern, LayersToTransform: config.LayersToTransform, LoraAlpha: config.Alpha, LoraDropout: config.Dropout,
		ModulesToSave: config.ModulesToSave, PEFTType: "LORA", R: config.R, TargetModules: names{config.TargetModules, config.TargetPattern},
		TaskType: string(config.TaskType), UseDora: config.UseDoRA, UseRslora: config.UseRSLoRA,
	}
	if len(config.ExcludeModules) > 0 || config.ExcludePattern != "" {
		peft.ExcludeModules = &names{config.ExcludeModules, config.ExcludePattern}
	}
	for _, rule := range config.RankPattern {
		peft.RankPattern = append(peft.RankPattern, ruleOf[int]{rule.Modules, rule.R})
	}
	for _, rule := range config.AlphaPattern {
		peft.AlphaPattern = append(peft.AlphaPattern, ruleOf[float64]{rule.Modules, rule.Alpha})
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(peft); err != nil {
		return nil, fmt.Errorf("encode %s: %w", configFile, err)
	}
	return bytes.TrimRight(out.Bytes(), "\n"), nil
}

// ReadConfig reads a PEFT folder's adapter_config.json and refuses what this package would not honour.
func ReadConfig(dir string) (spec.LoRAConfig, error) {
	file := filepath.Join(dir, configFile)
	data, err := os.ReadFile(file)
	if err != nil {
		return spec.LoRAConfig{}, fault.At(file, 0, "cannot be read, expected a PEFT adapter folder: %w", err)
	}
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(data, &keys); err != nil {
		return spec.LoRAConfig{}, fault.At(file, 0, "not a PEFT configuration: %w", err)
	}
	known := append(read(), neutral...)
	if isOff(keys["modules_to_save"]) {
		known = append(known, "ensure_weight_tying") // it ties what modules_to_save trains
	}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if !slices.Contains(known, key) && !isOff(keys[key]) {
			return spec.LoRAConfig{}, fault.At(file, 0, "%s is %s, which is not supported", key, strings.Join(strings.Fields(string(keys[key])), " "))
		}
	}
	peft := peftConfig{R: 8, LoraAlpha: 8, Bias: spec.BiasNone}
	if err := json.Unmarshal(data, &peft); err != nil {
		return spec.LoRAConfig{}, fault.At(file, 0, "not a PEFT configuration: %w", err)
	}
	if err := peft.check(file); err != nil {
		return spec.LoRAConfig{}, err
	}
	return peft.config(), nil
}

func (p *peftConfig) check(file string) error {
	switch {
	case p.PEFTType != "LORA":
		return fault.At(file, 0, "peft_type is %q, expected LORA", p.PEFTType)
	case !slices.Contains([]string{spec.BiasNone, spec.BiasAll, spec.BiasLoRAOnly}, p.Bias):
		return fault.At(file, 0, "bias is %q, expected none, all or lora_only", p.Bias)
	case p.R <= 0:
		return fault.At(file, 0, "r is %d, expected a positive rank", p.R)
	case len(p.TargetModules.list) == 0 && p.TargetModules.pattern == "":
		return fault.At(file, 0, "target_modules is empty, expected a list of module names or a pattern")
	}
	for _, rule := range p.RankPattern {
		if rule.value <= 0 {
			return fault.At(file, 0, "rank_pattern: %q has rank %d, expected a positive rank", rule.modules, rule.value)
		}
	}
	if _, err := newSelection(p.config()); err != nil {
		return fault.At(file, 0, "%w", err)
	}
	return nil
}

func (p *peftConfig) config() spec.LoRAConfig {
	config := spec.LoRAConfig{
		R: p.R, Alpha: p.LoraAlpha, Dropout: p.LoraDropout, Bias: p.Bias, TargetModules: p.TargetModules.list, TargetPattern: p.TargetModules.pattern,
		LayersToTransform: p.LayersToTransform, LayersPattern: p.LayersPattern, UseRSLoRA: p.UseRslora, UseDoRA: p.UseDora,
		ModulesToSave: p.ModulesToSave, InitWeights: spec.LoRAInit(p.InitLoraWeights),
	}
	if spec.TaskType(p.TaskType) == spec.TaskSeqCls {
		config.TaskType = spec.TaskSeqCls
		config.ModulesToSave = slices.DeleteFunc(slices.Clone(p.ModulesToSave), func(name string) bool { return name == scoreModule || name == "classifier" })
	}
	if strings.EqualFold(config.TargetPattern, spec.AllLinear) {
		config.TargetPattern = spec.AllLinear
	}
	if p.ExcludeModules != nil {
		config.ExcludeModules, config.ExcludePattern = p.ExcludeModules.list, p.ExcludeModules.pattern
	}
	for _, rule := range p.RankPattern {
		config.RankPattern = append(config.RankPattern, spec.RankRule{Modules: rule.modules, R: rule.value})
	}
	for _, rule := range p.AlphaPattern {
		config.AlphaPattern = append(config.AlphaPattern, spec.AlphaRule{Modules: rule.modules, Alpha: rule.value})
	}
	return config
}

// Differs names the first key by which two configurations apply an adapter differently, apart from its targets; none: "".
func Differs(a, b spec.LoRAConfig) string {
	switch {
	case a.R != b.R:
		return "r"
	case a.Alpha != b.Alpha:
		return "alpha"
	case a.Bias != b.Bias:
		return "bias"
	case !slices.Equal(a.RankPattern, b.RankPattern):
		return "rank_pattern"
	case !slices.Equal(a.AlphaPattern, b.AlphaPattern):
		return "alpha_pattern"
	case a.UseRSLoRA != b.UseRSLoRA:
		return "use_rslora"
	case a.UseDoRA != b.UseDoRA:
		return "use_dora"
	case !slices.Equal(a.ModulesToSave, b.ModulesToSave):
		return "modules_to_save"
	}
	return ""
}

// isOff reports whether a value is one of those by which PEFT says "not used", or is not there.
func isOff(value json.RawMessage) bool {
	switch string(bytes.Join(bytes.Fields(value), nil)) {
	case "", "null", "false", "{}", "[]", `""`, "0":
		return true
	}
	return false
}
