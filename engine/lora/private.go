//go:build torch

package lora

import (
	"slices"
	"strings"

	"elara/engine/model"
	"elara/engine/tensor"
	"elara/spec"
	"elara/spec/fault"
)

const (
	prefix   = "base_model.model."
	headName = "lm_head.weight"
)

// weight is one weight of the base by its name in transformers.
type weight struct {
	model.Stored
	isEmbedding bool // its rows are the vocabulary
}

// stored lists the base's weights, the output embedding among them also where it is the input's matrix.
func stored(m model.Model) []weight {
	var all []weight
	for _, s := range m.Stored() {
		isEmbedding := slices.ContainsFunc(m.Embeddings(), func(e *model.Embedding) bool { return e.Weight == s.Tensor })
		all = append(all, weight{s, isEmbedding})
	}
	if m.Facts().TiedHead {
		all = append(all, weight{model.Stored{Name: headName, Tensor: m.Head()}, true})
	}
	return all
}

// modules lists the modules that hold the weight, from the outermost inwards.
func (w weight) modules() []string {
	var names []string
	for i := range w.Name {
		if w.Name[i] == '.' {
			names = append(names, w.Name[:i])
		}
	}
	return names
}

// savedBy gives the entry of modules_to_save that a weight belongs to. As in PEFT an entry is the end of a module's name, with
// or without a dot before it, and all below that module belongs to it.
func (w weight) savedBy(entries []string) (string, bool) {
	for _, entry := range entries {
		if slices.ContainsFunc(w.modules(), func(name string) bool { return strings.HasSuffix(name, entry) }) {
			return entry, true
		}
	}
	return "", false
}

// private is a weight of the base that the adapter trains, as a copy of its own.
type private struct {
	weight
	name  string // in adapter_model.safetensors
	saved bool   // it belongs to modules_to_save; else it is a bias
}

// privates lists what a configuration trains of the base: modules_to_save, and biases.
func privates(m model.Model, config spec.LoRAConfig, targets []module) ([]private, error) {
	adapted := map[string]bool{}
	for _, t := range targets {
		adapted[t.Name] = true
	}
	var all []private
	found := map[string]bool{}
	for _, w := range stored(m) {
		modules := w.modules()
		holder := modules[len(modules)-1]
		isBias := strings.HasSuffix(w.Name, ".bias")
		entry, saved := w.savedBy(config.ModulesToSave)
		found[entry] = true
		switch {
		case saved && adapted[holder]:
			return nil, fault.New(fault.Invalid, "modules_to_save: %q is trained whole and target_modules adapts %s, expected one of both", entry, holder)
		case saved:
			all = append(all, private{w, prefix + w.Name, true})
		case isBias && adapted[holder] && (config.Bias == spec.BiasAll || config.Bias == spec.BiasLoRAOnly):
			all = append(all, private{w, prefix + holder + ".base_layer.bias", false})
		case isBias && config.Bias == spec.BiasAll:
			all = append(all, private{w, prefix + w.Name, false})
		}
	}
	for _, entry := range config.ModulesToSave {
		if !found[entry] {
			return nil, fault.New(fault.Invalid, "modules_to_save: %q is not in the model (%s)", entry, m.Facts().Architecture)
		}
	}
	return all, nil
}

// keep pins a copy, makes it a leaf, and puts it in the place of the base's weight.
func (a *Adapter) keep(p private, own *tensor.Tensor) {
	own.Pin().RequireGrad()
	if p.Name == headName {
		a.model.Private().SetHead(a.slot, own)
	} else {
		a.model.Private().Set(a.slot, p.Tensor, own)
	}
	if p.Name == a.model.Embeddings()[0].Name+".weight" {
		a.input = own
	}
	a.Params = append(a.Params, Param{Name: p.name, Tensor: own, transposed: p.Transposed})
	if !p.saved {
		a.biases += own.Numel()
	}
}

// Settle brings the gradients of a step into transformers' form: the padding token's row of an input embedding has none.
func (a *Adapter) Settle() {
	row, ok := a.model.Facts().PaddingRow()
	if !ok || a.input == nil {
		return
	}
	e := a.input.Engine()
	e.Scope(func() {
		e.NoGrad(func() {
			if gradient := a.input.Grad(); gradient != nil {
				padding := gradient.Narrow(0, row, 1)
				padding.Copy(e.Zeros(tensor.Float32, padding.Shape()...))
			}
		})
	})
}

// isPrivate reports whether a tensor of a PEFT folder belongs to what its configuration trains of the base. It knows no model.
func isPrivate(name string, config spec.LoRAConfig) bool {
	w := weight{Stored: model.Stored{Name: strings.TrimPrefix(name, prefix)}}
	_, saved := w.savedBy(config.ModulesToSave)
	return saved || strings.HasSuffix(name, ".bias")
}

// isEcho reports whether a tensor of a PEFT folder says again what another one says: with bias "all" PEFT 0.21 also writes the
// biases of a module that is saved whole under the names of its wrapper.
func isEcho(name string, config spec.LoRAConfig) bool {
	return config.Bias == spec.BiasAll && (strings.HasSuffix(name, ".original_module.bias") || strings.HasSuffix(name, ".modules_to_save.bias"))
}
