//go:build torch

package lora

import (
	"encoding/json"
	"os"
	"path/filepath"

	"elara/engine/model"
	"elara/engine/tensor"
	"elara/spec"
	"elara/spec/fault"
)

// Place is a weight of the base that an adapter trains a copy of: a bias, or a part of modules_to_save.
type Place struct {
	model.Stored        // of the base
	File         string // its name in adapter_model.safetensors
}

// Places lists what a configuration trains of the base.
func Places(m model.Model, config spec.LoRAConfig) ([]Place, error) {
	targets, err := match(m, config)
	if err != nil {
		return nil, err
	}
	own, err := privates(m, config, targets)
	if err != nil {
		return nil, err
	}
	places := make([]Place, len(own))
	for i, p := range own {
		places[i] = Place{p.Stored, p.name}
	}
	return places, nil
}

// Copies gives the adapter's copies by the names of the base's weights, laid out as those are here.
func (a *Adapter) Copies() (map[string]*tensor.Tensor, error) {
	places, err := Places(a.model, a.Config)
	if err != nil {
		return nil, err
	}
	byFile := map[string]*tensor.Tensor{}
	for _, p := range a.Params {
		byFile[p.Name] = p.Tensor
	}
	copies := map[string]*tensor.Tensor{}
	for _, p := range places {
		copies[p.Name] = byFile[p.File]
	}
	return copies, nil
}

// Matrices are the names of a module's A and B in adapter_model.safetensors.
func Matrices(module string) (down, up string) {
	return prefix + module + ".lora_A.weight", prefix + module + ".lora_B.weight"
}

// BaseName is the base that a PEFT folder says it was trained over: a name on a hub or a folder. It is empty where it says none.
func BaseName(dir string) (string, error) {
	file := filepath.Join(dir, configFile)
	data, err := os.ReadFile(file)
	if err != nil {
		return "", fault.At(file, 0, "cannot be read, expected a PEFT adapter folder: %w", err)
	}
	var config struct {
		Base string `json:"base_model_name_or_path"`
	}
	if err := json.Unmarshal(data, &config); err != nil {
		return "", fault.At(file, 0, "not a PEFT configuration: %w", err)
	}
	return config.Base, nil
}
