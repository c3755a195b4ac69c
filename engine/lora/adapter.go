//go:build torch

package lora

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"elara/engine/model"
	"elara/engine/nn"
	"elara/engine/tensor"
	"elara/spec"
	"elara/spec/fault"
)

// Adapter is one LoRA adapter attached to a model.
type Adapter struct {
	Config spec.LoRAConfig
	Params []Param // A then B of each module, in the order of the forward pass
	model  model.Model
	slot   int  // its place on the model's linear layers, beside other adapters
	resize bool // the vocabulary was changed: the embeddings belong to the adapter's files
}

// Param is a named trainable tensor.
type Param struct {
	Name   string // as in adapter_model.safetensors
	Tensor *tensor.Tensor
}

// New attaches a fresh adapter in a free slot: A uniform in ±1/sqrt(in), which is PEFT's kaiming_uniform with a = sqrt(5), B zero. Each
// matrix draws from a stream of its own, so that adding a target changes no other.
func New(m model.Model, slot int, config spec.LoRAConfig, key tensor.Key) (*Adapter, error) {
	a := &Adapter{Config: config, model: m, slot: slot}
	targets, err := match(m, config.TargetModules)
	if err != nil {
		return nil, err
	}
	for _, l := range targets {
		bound := 1 / math.Sqrt(float64(l.In()))
		e := l.Weight.Engine()
		down := e.Zeros(tensor.Float32, int64(config.R), l.In()).Uniform(-bound, bound, key.Named(l.Name))
		up := e.Zeros(tensor.Float32, l.Out(), int64(config.R))
		a.attach(l, down, up)
	}
	return a, nil
}

// attach pins the two matrices, makes them leaves, and hangs them on the layer.
func (a *Adapter) attach(l *nn.Linear, down, up *tensor.Tensor) {
	down.Pin().RequireGrad()
	up.Pin().RequireGrad()
	l.Attach(a.slot, &nn.Branch{A: down, B: up, Scale: a.Config.Alpha / float64(a.Config.R), Dropout: a.Config.Dropout})
	a.Params = append(a.Params,
		Param{Name: "base_model.model." + l.Name + ".lora_A.weight", Tensor: down},
		Param{Name: "base_model.model." + l.Name + ".lora_B.weight", Tensor: up})
}

// Detach takes the adapter off the model and frees its matrices.
func (a *Adapter) Detach() {
	for _, l := range a.model.Linears() {
		l.Attach(a.slot, nil)
	}
	for _, p := range a.Params {
		p.Tensor.Free()
	}
	a.Params = nil
}

// SetDropout sets the branches' dropout for the run at hand.
func (a *Adapter) SetDropout(p float64) {
	a.Config.Dropout = p
	for _, l := range a.model.Linears() {
		if b := l.Branch(a.slot); b != nil {
			b.Dropout = p
		}
	}
}

// Tensors lists the trainable tensors in order.
func (a *Adapter) Tensors() []*tensor.Tensor {
	all := make([]*tensor.Tensor, len(a.Params))
	for i, p := range a.Params {
		all[i] = p.Tensor
	}
	return all
}

// Trainable is the number of trainable parameters.
func (a *Adapter) Trainable() int64 {
	var n int64
	for _, p := range a.Params {
		n += p.Tensor.Numel()
	}
	return n
}

// Line is PEFT's print_trainable_parameters for a base of so many parameters.
func Line(trainable, base int64) string {
	all := trainable + base
	return fmt.Sprintf("trainable params: %s || all params: %s || trainable%%: %.4f", thousands(trainable), thousands(all), 100*float64(trainable)/float64(all))
}

func thousands(n int64) string {
	digits := fmt.Sprint(n)
	var out []byte
	for i := range len(digits) {
		if i > 0 && (len(digits)-i)%3 == 0 {
			out = append(out, ',')
		}
		out = append(out, digits[i])
	}
	return string(out)
}

// match finds the layers that the targets name: a target is a module's whole name or the end of it after a dot. Unlike PEFT,
// which is content when any target is found, a target that names nothing is an error.
func match(m model.Model, targets []string) ([]*nn.Linear, error) {
	found := map[string]bool{}
	var chosen []*nn.Linear
	for _, l := range m.Linears() {
		for _, target := range targets {
			if l.Name == target || strings.HasSuffix(l.Name, "."+target) {
				found[target] = true
				chosen = append(chosen, l)
				break
			}
		}
	}
	for _, target := range targets {
		if !found[target] {
			return nil, fault.New(fault.Invalid, "target module %q is not in the model (%s): expected of %s", target, m.Facts().Architecture, strings.Join(suffixes(m), ", "))
		}
	}
	return chosen, nil
}

// suffixes lists the last name elements of the model's linear layers.
func suffixes(m model.Model) []string {
	var names []string
	for _, l := range m.Linears() {
		name := l.Name[strings.LastIndex(l.Name, ".")+1:]
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
