//go:build torch

package lora

import (
	"cmp"
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

// Encode writes the two PEFT files: adapter_config.json and adapter_model.safetensors.
func (a *Adapter) Encode(base string) (map[string][]byte, error) {
	weights, err := a.encode(a.resize)
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

// EncodeWeights writes the trainable tensors alone, for Replace.
func (a *Adapter) EncodeWeights() ([]byte, error) { return a.encode(false) }

// EncodeSnapshot writes what Restore needs over the same base.
func (a *Adapter) EncodeSnapshot() ([]byte, error) { return a.encode(a.brings) }

// encode writes the trainable tensors, and the embeddings where asked to.
func (a *Adapter) encode(embeddings bool) (data []byte, err error) {
	a.model.Head().Engine().Scope(func() {
		tensors := map[string]*tensor.Tensor{}
		if embeddings {
			// PEFT saves the input and the output embedding, also where they are one matrix.
			input := a.model.Embeddings()[0]
			tensors[prefix+input.Name+".weight"], tensors[prefix+headName] = input.Weight, a.model.Head()
		}
		for _, p := range a.Params { // what the adapter has of its own goes over them
			tensors[p.Name] = p.stored()
		}
		data, err = tensor.EncodeSafetensors(tensors, map[string]string{"format": "pt"})
	})
	return data, err
}

// stored is the tensor as the file holds it, and the other way round.
func (p Param) stored() *tensor.Tensor {
	if p.transposed {
		return p.Tensor.T().Contiguous()
	}
	return p.Tensor
}

// ReplacesEmbeddings reports whether a PEFT folder holds embeddings that would replace the base's.
func ReplacesEmbeddings(dir string) (found bool, err error) {
	config, err := ReadConfig(dir)
	if err != nil {
		return false, err
	}
	file, err := tensor.OpenSafetensors(filepath.Join(dir, weightsFile))
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return holdsEmbeddings(file, config), nil
}

// BringsEmbeddings is ReplacesEmbeddings for the bytes of EncodeSnapshot.
func BringsEmbeddings(snapshot []byte, config spec.LoRAConfig) (bool, error) {
	file, err := tensor.ReadSafetensors(weightsFile, snapshot)
	if err != nil {
		return false, err
	}
	return holdsEmbeddings(file, config), nil
}

func holdsEmbeddings(file *tensor.Safetensors, config spec.LoRAConfig) bool {
	return slices.ContainsFunc(file.Names(), func(name string) bool {
		return !strings.Contains(name, ".lora_") && name != scoreName && !isPrivate(name, config)
	})
}

// Replace takes over the tensors that EncodeWeights wrote for the same configuration.
func (a *Adapter) Replace(weights []byte) error {
	file, err := tensor.ReadSafetensors(weightsFile, weights)
	if err != nil {
		return err
	}
	if len(file.Names()) != len(a.Params) {
		return fault.New(fault.Corrupt, "%s: %d tensors, expected %d", weightsFile, len(file.Names()), len(a.Params))
	}
	e := a.model.Head().Engine()
	for _, p := range a.Params {
		e.Scope(func() {
			e.NoGrad(func() {
				want := p.stored().Shape()
				if shape, _ := file.Shape(p.Name); !slices.Equal(shape, want) {
					err = fault.New(fault.Corrupt, "%s: %s has shape %v, expected %v", weightsFile, p.Name, shape, want)
					return
				}
				var stored *tensor.Tensor
				if stored, err = file.Load(e, p.Name); err == nil {
					p.Tensor.Copy(Param{Tensor: stored, transposed: p.transposed}.stored())
				}
			})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Load attaches the adapter of a PEFT folder. Where the folder holds embeddings, they replace the model's. It refuses a reward
// model, whose text would mean nothing.
func Load(m model.Model, slot int, dir string) (*Adapter, error) {
	return load(m, slot, dir, "", false)
}

// LoadShared is Load over a model that others run over too: embeddings that only add rows to the model's are left out, and others are
// refused.
func LoadShared(m model.Model, slot int, dir string) (*Adapter, error) {
	return load(m, slot, dir, "", true)
}

// LoadScorer attaches the adapter of a PEFT folder that has a score head, a reward model, and refuses others.
func LoadScorer(m model.Model, slot int, dir string) (*Adapter, error) {
	return load(m, slot, dir, spec.TaskSeqCls, false)
}

// LoadSharedScorer is LoadScorer over such a model.
func LoadSharedScorer(m model.Model, slot int, dir string) (*Adapter, error) {
	return load(m, slot, dir, spec.TaskSeqCls, true)
}

func load(m model.Model, slot int, dir string, task spec.TaskType, shared bool) (_ *Adapter, err error) {
	config, err := ReadConfig(dir)
	if err != nil {
		return nil, err
	}
	if config.TaskType != task {
		return nil, fault.At(filepath.Join(dir, configFile), 0, "task_type is %s, expected %s", cmp.Or(config.TaskType, causal), cmp.Or(task, causal))
	}
	path := filepath.Join(dir, weightsFile)
	file, err := tensor.OpenSafetensors(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return restored(m, slot, config, &reader{file: file, path: path, shared: shared})
}

// Restore attaches an adapter from the bytes of adapter_model.safetensors, as a snapshot holds them.
func Restore(m model.Model, slot int, config spec.LoRAConfig, weights []byte) (*Adapter, error) {
	file, err := tensor.ReadSafetensors(weightsFile, weights)
	if err != nil {
		return nil, err
	}
	return restored(m, slot, config, &reader{file: file, path: weightsFile})
}

// restored attaches what a file holds, or leaves the model as it was.
func restored(m model.Model, slot int, config spec.LoRAConfig, r *reader) (*Adapter, error) {
	a := &Adapter{Config: config, model: m, slot: slot}
	r.e, r.left = m.Head().Engine(), r.file.Names()
	var err error
	r.e.Scope(func() { err = a.restore(r) })
	if err != nil {
		a.Detach()
		return nil, err
	}
	return a, nil
}
