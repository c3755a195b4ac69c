//go:build torch

package lora

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"elara/engine/model"
	"elara/engine/tensor"
	"elara/spec"
	"elara/spec/fault"
)

// KeepEmbeddings makes the embeddings part of what is saved, because their number of rows was changed.
func (a *Adapter) KeepEmbeddings() { a.resize = true }

// ChangedEmbeddings reports whether the embeddings are the adapter's now: the base cannot serve without it any more.
func (a *Adapter) ChangedEmbeddings() bool { return a.resize }

// Encode writes the two PEFT files: adapter_config.json and adapter_model.safetensors.
func (a *Adapter) Encode(base string) (map[string][]byte, error) {
	tensors := a.named()
	if a.resize {
		// PEFT saves the input and the output embedding, also where they are one matrix.
		embeddings := a.model.Embeddings()
		tensors["base_model.model."+embeddings[0].Name+".weight"] = embeddings[0].Weight
		tensors["base_model.model.lm_head.weight"] = a.model.Head()
	}
	weights, err := tensor.EncodeSafetensors(tensors, map[string]string{"format": "pt"})
	if err != nil {
		return nil, err
	}
	fanInFanOut := false
	for _, l := range a.model.Linears() {
		fanInFanOut = fanInFanOut || (l.Branch(a.slot) != nil && l.FanInFanOut)
	}
	config, err := encodeConfig(a.Config, base, fanInFanOut)
	if err != nil {
		return nil, err
	}
	return map[string][]byte{configFile: config, weightsFile: weights}, nil
}

// EncodeWeights writes the trainable matrices alone, as a snapshot needs them.
func (a *Adapter) EncodeWeights() ([]byte, error) {
	return tensor.EncodeSafetensors(a.named(), map[string]string{"format": "pt"})
}

func (a *Adapter) named() map[string]*tensor.Tensor {
	tensors := map[string]*tensor.Tensor{}
	for _, p := range a.Params {
		tensors[p.Name] = p.Tensor
	}
	return tensors
}

// ReplacesEmbeddings reports whether a PEFT folder holds embeddings, which would replace the base's.
func ReplacesEmbeddings(dir string) (found bool, err error) {
	if _, err := ReadConfig(dir); err != nil {
		return false, err
	}
	file, err := tensor.OpenSafetensors(filepath.Join(dir, weightsFile))
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	for _, name := range file.Names() {
		found = found || !strings.Contains(name, ".lora_")
	}
	return found, nil
}

// Replace takes over the matrices that EncodeWeights wrote for the same configuration.
func (a *Adapter) Replace(weights []byte) error {
	file, err := tensor.ReadSafetensors(weightsFile, weights)
	if err != nil {
		return err
	}
	if len(file.Names()) != len(a.Params) {
		return fault.New(fault.Corrupt, "%s: %d matrices, expected %d", weightsFile, len(file.Names()), len(a.Params))
	}
	for _, p := range a.Params {
		if shape, _ := file.Shape(p.Name); !slices.Equal(shape, p.Tensor.Shape()) {
			return fault.New(fault.Corrupt, "%s: %s has shape %v, expected %v", weightsFile, p.Name, shape, p.Tensor.Shape())
		}
		e := p.Tensor.Engine()
		e.Scope(func() {
			e.NoGrad(func() {
				var stored *tensor.Tensor
				if stored, err = file.Load(e, p.Name); err == nil {
					p.Tensor.Copy(stored)
				}
			})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Load attaches the adapter of a PEFT folder. Where the folder holds embeddings, they replace the model's.
func Load(m model.Model, slot int, dir string) (_ *Adapter, err error) {
	config, err := ReadConfig(dir)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, weightsFile)
	file, err := tensor.OpenSafetensors(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return restored(m, slot, config, file, path)
}

// Restore attaches an adapter from the bytes of adapter_model.safetensors, as a snapshot holds them.
func Restore(m model.Model, slot int, config spec.LoRAConfig, weights []byte) (*Adapter, error) {
	file, err := tensor.ReadSafetensors(weightsFile, weights)
	if err != nil {
		return nil, err
	}
	return restored(m, slot, config, file, weightsFile)
}

// restored attaches what a file holds, or leaves the model as it was.
func restored(m model.Model, slot int, config spec.LoRAConfig, file *tensor.Safetensors, path string) (*Adapter, error) {
	a := &Adapter{Config: config, model: m, slot: slot}
	var err error
	m.Head().Engine().Scope(func() { err = a.restore(file, path) })
	if err != nil {
		a.Detach()
		return nil, err
	}
	return a, nil
}

func (a *Adapter) restore(file *tensor.Safetensors, path string) error {
	targets, err := match(a.model, a.Config.TargetModules)
	if err != nil {
		return fault.At(path, 0, "adapter of another base: %w", err)
	}
	left := file.Names()
	e := a.model.Head().Engine()
	take := func(name string, shape ...int64) (*tensor.Tensor, error) {
		got, ok := file.Shape(name)
		if !ok {
			return nil, fault.At(path, 0, "tensor %q is missing: adapter of another base", name)
		}
		if !slices.Equal(got, shape) {
			return nil, fault.At(path, 0, "tensor %q has shape %v, this base needs %v: adapter of another base", name, got, shape)
		}
		left = slices.DeleteFunc(left, func(n string) bool { return n == name })
		t, err := file.Load(e, name)
		if err != nil {
			return nil, err
		}
		return t.To(tensor.Float32), nil
	}
	rank := int64(a.Config.R)
	for _, l := range targets {
		down, err := take("base_model.model."+l.Name+".lora_A.weight", rank, l.In())
		if err != nil {
			return err
		}
		up, err := take("base_model.model."+l.Name+".lora_B.weight", l.Out(), rank)
		if err != nil {
			return err
		}
		a.attach(l, down, up)
	}
	var replaced []*model.Embedding
	var stored []*tensor.Tensor
	for _, emb := range a.model.Embeddings() {
		name := "base_model.model." + emb.Name + ".weight"
		shape, ok := file.Shape(name)
		if !ok {
			continue
		}
		if len(shape) != 2 || shape[1] != emb.Weight.Size(1) || shape[0] < emb.Weight.Size(0) {
			return fault.At(path, 0, "embedding %q has shape %v, this base has %v: adapter of another base", name, shape, emb.Weight.Shape())
		}
		t, err := file.Load(e, name)
		if err != nil {
			return err
		}
		replaced, stored = append(replaced, emb), append(stored, t.To(emb.Weight.DType()))
		left = slices.DeleteFunc(left, func(n string) bool { return n == name })
	}
	// With one matrix for both, PEFT still saves the output embedding; it equals the input's.
	left = slices.DeleteFunc(left, func(n string) bool { return len(replaced) > 0 && n == "base_model.model.lm_head.weight" })
	if len(left) > 0 {
		return fault.At(path, 0, "tensor %q has no place in this base: adapter of another base", left[0])
	}
	for i, emb := range replaced {
		emb.Weight.Free()
		emb.Weight = stored[i].Pin()
		a.resize = true
	}
	return nil
}
