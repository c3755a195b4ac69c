//go:build torch

package auto

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"elara/data/gguf"
	"elara/engine/model"
	"elara/engine/model/gpt2"
	"elara/engine/model/llama"
	"elara/engine/tensor"
	"elara/spec/fault"
)

// Load reads a Hugging Face folder, or one .gguf file, with all weights in dtype. It must run inside engine.Do.
func Load(e *tensor.Engine, path string, dtype tensor.DType) (model.Model, error) {
	if strings.HasSuffix(path, ".gguf") {
		return loadGGUF(e, path, dtype)
	}
	info, err := os.Stat(path)
	if err != nil || !info.IsDir() {
		return nil, fault.At(path, 0, "no such model, expected a folder with config.json and model.safetensors or pytorch_model.bin, or a .gguf file")
	}
	// A folder that holds just one GGUF file is how an imported base model looks.
	if found, err := filepath.Glob(filepath.Join(path, "*.gguf")); err == nil && len(found) == 1 {
		if _, err := os.Stat(filepath.Join(path, "config.json")); errors.Is(err, fs.ErrNotExist) {
			return loadGGUF(e, found[0], dtype)
		}
	}
	return loadFolder(e, path, dtype)
}

func loadFolder(e *tensor.Engine, path string, dtype tensor.DType) (_ model.Model, err error) {
	file := filepath.Join(path, "config.json")
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fault.At(file, 0, "cannot be read, expected the model's configuration: %w", err)
	}
	var kind struct {
		ModelType string `json:"model_type"`
	}
	if err := json.Unmarshal(data, &kind); err != nil {
		return nil, fault.At(file, 0, "not a model configuration: %w", err)
	}
	source, err := model.OpenFolder(path)
	if err != nil {
		return nil, err
	}
	reader := &model.Reader{Source: source, Engine: e, DType: dtype}
	defer func() { err = finish(reader, err) }()
	switch kind.ModelType {
	case llama.Llama, llama.Qwen2, llama.Qwen3, llama.Mistral:
		config, err := llama.ParseConfig(file, data)
		if err != nil {
			return nil, err
		}
		return llama.Load(config, reader)
	case "gpt2":
		config, err := gpt2.ParseConfig(file, data)
		if err != nil {
			return nil, err
		}
		return gpt2.Load(config, reader)
	}
	return nil, fault.At(file, 0, "model_type %q is not supported, expected gpt2, llama, mistral, qwen2 or qwen3", kind.ModelType)
}

func loadGGUF(e *tensor.Engine, path string, dtype tensor.DType) (_ model.Model, err error) {
	file, err := gguf.Open(path)
	if err != nil {
		return nil, err
	}
	config, err := llama.ConfigFromGGUF(file)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	source := model.NewGGUF(file, config.ModelType, config.NumAttentionHeads, config.NumKeyValueHeads)
	reader := &model.Reader{Source: source, Engine: e, DType: dtype}
	defer func() { err = finish(reader, err) }()
	return llama.Load(config, reader)
}

// finish closes the files, and frees what was loaded when loading failed.
func finish(r *model.Reader, err error) error {
	if err != nil {
		r.Free()
	}
	return errors.Join(err, r.Source.Close())
}
