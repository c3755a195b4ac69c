//go:build torch

// Package model says what a causal language model is to the rest of the engine, where its weights come from, and how it is
// written back: a Hugging Face folder (config.json with model.safetensors or pytorch_model.bin, sharded or not) or one GGUF
// file, and Save, which writes the folder that transformers would write. The architectures are in folders of their own; package auto picks one by
// the configuration.
//
// A configuration or a weight that would be passed over is refused by name. What a configuration says beyond the model's
// numbers is kept, and written back as it was.
//
//	m, err := auto.Load(e, "models/qwen3", tensor.Float32)
//	if err != nil {
//		return err
//	}
//	defer model.Free(m)
//	return model.Save("models/copy", m, tensor.BFloat16, model.MaxShardBytes)
package model
