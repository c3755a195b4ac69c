//go:build torch

package merge

import (
	"slices"
	"strings"

	"elara/engine/lora"
	"elara/engine/nn"
	"elara/engine/tensor"
	"elara/spec"
	"elara/spec/fault"
)

// Encode merges into one adapter: its configuration, and the bytes of adapter_model.safetensors. Each is called before each
// layer, with how many layers there are; its error ends the merge.
func (m *Merge) Encode(each func(layers int) error) (config spec.LoRAConfig, weights []byte, err error) {
	layers := slices.DeleteFunc(m.base.Linears(), func(l *nn.Linear) bool { return len(m.on(l)) == 0 })
	config = m.config(layers)
	tensors := map[string]*tensor.Tensor{}
	m.base.Head().Engine().Scope(func() {
		for _, l := range layers {
			if err = each(len(layers)); err != nil {
				return
			}
			if err = m.encodeLayer(l, tensors); err != nil {
				return
			}
		}
		if err = m.encodeCopies(config, tensors); err != nil {
			return
		}
		weights, err = tensor.EncodeSafetensors(tensors, map[string]string{"format": "pt"})
	})
	return config, weights, err
}

func (m *Merge) encodeLayer(l *nn.Linear, into map[string]*tensor.Tensor) (err error) {
	l.Weight.Engine().Scope(func() {
		var f factors
		if f, err = m.factors(l); err != nil {
			return
		}
		down, up := lora.Matrices(l.Name)
		into[down], into[up] = f.down.Contiguous().Keep(), f.up.Contiguous().Keep()
	})
	return err
}

// encodeCopies adds w + sum_i weight_i (w_i - w) of every weight of the base that some adapter has a copy of.
func (m *Merge) encodeCopies(config spec.LoRAConfig, into map[string]*tensor.Tensor) error {
	places, err := lora.Places(m.base, config)
	if err != nil {
		return err
	}
	byName := map[string]*tensor.Tensor{}
	for _, w := range m.base.Stored() {
		byName[w.Name] = w.Tensor
	}
	for _, p := range places {
		if byName[p.Name] == nil { // a tied head is no weight of its own
			return fault.New(fault.Invalid, "modules_to_save trains %s, which the base has tied to its input embedding: expected adapters that do not", p.Name)
		}
		w, err := m.base.Read(p.Stored)
		if err != nil {
			return err
		}
		sum := w
		for i, s := range m.Sources {
			if own := s.copies[p.Name]; own != nil {
				sum = sum.Add(own.Sub(w).Scale(m.Method.Weights[i]))
			}
		}
		if p.Transposed {
			sum = sum.T()
		}
		into[p.File] = sum.Contiguous()
	}
	return nil
}

// config is that of the merged adapter: all scales are in its factors, so that its own is 1.
func (m *Merge) config(layers []*nn.Linear) spec.LoRAConfig {
	config := spec.LoRAConfig{
		R: int(m.rank), Alpha: float64(m.rank), Dropout: m.Sources[0].Adapter.Config.Dropout, Bias: spec.BiasNone,
		TargetModules: m.targets(layers), InitWeights: spec.InitDefault,
	}
	for _, s := range m.Sources {
		own := s.Adapter.Config
		if own.Bias == spec.BiasAll || own.Bias == spec.BiasLoRAOnly && config.Bias == spec.BiasNone {
			config.Bias = own.Bias
		}
		config.ModulesToSave = append(config.ModulesToSave, own.ModulesToSave...)
	}
	slices.Sort(config.ModulesToSave)
	config.ModulesToSave = slices.Compact(config.ModulesToSave)
	return config
}

// targets names the merged layers: by the ends of their names where those name no other layer, else in full.
func (m *Merge) targets(layers []*nn.Linear) []string {
	var full, ends []string
	for _, l := range layers {
		full, ends = append(full, l.Name), append(ends, end(l))
	}
	for _, l := range m.base.Linears() {
		if !slices.Contains(full, l.Name) && slices.Contains(ends, end(l)) {
			return full
		}
	}
	slices.Sort(ends)
	return slices.Compact(ends)
}

func end(l *nn.Linear) string { return l.Name[strings.LastIndex(l.Name, ".")+1:] }
