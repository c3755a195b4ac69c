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
	"elara/data/modelconfig"
	"elara/engine/model"
	"elara/engine/model/gpt2"
	"elara/engine/model/llama"
	"elara/engine/tensor"
	"elara/spec/fault"
)

// Load reads a Hugging Face folder, or one .gguf file, with all weights in dtype. It must run inside engine.Do.
func Load(e *tensor.Engine, path string, dtype tensor.DType) (model.Model, error) {
	reader := &model.Reader{Engine: e, DType: dtype}
	m, err := open(reader, path)
	return m, finish(reader, err)
}

// Stream opens what Load loads, and leaves the weights in their files until they are needed. It must run inside engine.Do; the
// caller frees and closes it.
func Stream(e *tensor.Engine, path string, dtype tensor.DType) (*model.Streamed, error) {
	reader := &model.Reader{Engine: e, DType: dtype, Hollow: true}
	m, err := open(reader, path)
	if err != nil {
		return nil, finish(reader, err)
	}
	return model.NewStreamed(m, reader), nil
}

// open gives the model of a path, and its open files to the reader.
func open(reader *model.Reader, path string) (model.Model, error) {
	if strings.HasSuffix(path, ".gguf") {
		return openGGUF(reader, path)
	}
	info, err := os.Stat(path)
	if err != nil || !info.IsDir() {
		return nil, fault.At(path, 0, "no such model, expected a folder with config.json and model.safetensors or pytorch_model.bin, or a .gguf file")
	}
	// A folder that holds just one GGUF file is how an imported base model looks.
	if found, err := filepath.Glob(filepath.Join(path, "*.gguf")); err == nil && len(found) == 1 {
		if _, err := os.Stat(filepath.Join(path, "config.json")); errors.Is(err, fs.ErrNotExist) {
			return openGGUF(reader, found[0])
		}
	}
	return openFolder(reader, path)
}

func openFolder(reader *model.Reader, path string) (model.Model, error) {
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
	reader.Source = source
	switch kind.ModelType {
	case modelconfig.Llama, modelconfig.Qwen2, modelconfig.Qwen3, modelconfig.Mistral:
		config, err := modelconfig.ParseLlama(file, data)
		if err != nil {
			return nil, err
		}
		return llama.Load(config, reader)
	case modelconfig.GPT2:
		config, err := modelconfig.ParseGPT2(file, data)
		if err != nil {
			return nil, err
		}
		return gpt2.Load(config, reader)
	}
	return nil, fault.At(file, 0, "model_type %q is not supported, expected gpt2, llama, mistral, qwen2 or qwen3", kind.ModelType)
}

func openGGUF(reader *model.Reader, path string) (model.Model, error) {
	file, err := gguf.Open(path)
	if err != nil {
		return nil, err
	}
	config, err := modelconfig.LlamaFromGGUF(file)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	reader.Source = model.NewGGUF(file, config.ModelType, config.NumAttentionHeads, config.NumKeyValueHeads)
	return llama.Load(config, reader)
}

// finish closes the files, and frees what was loaded when loading failed.
func finish(r *model.Reader, err error) error {
	if err != nil {
		r.Free()
	}
	if r.Source == nil {
		return err
	}
	return errors.Join(err, r.Source.Close())
}
