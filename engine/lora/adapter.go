//go:build torch

package lora

import (
	"fmt"
	"math"

	"elara/engine/model"
	"elara/engine/nn"
	"elara/engine/tensor"
	"elara/spec"
)

// Adapter is one LoRA adapter attached to a model.
type Adapter struct {
	Config spec.LoRAConfig
	Params []Param   // A, B and the magnitude of each module, in the order of the forward pass, and the copies of the base's weights
	Score  *nn.Score // of an adapter for spec.TaskSeqCls, else nil; its weight is one of Params
	model  model.Model
	slot   int            // its place on the model's linear layers, beside other adapters
	input  *tensor.Tensor // its own input embedding, or nil
	biases int64          // elements of the base's biases that it trains
	resize bool           // the vocabulary was changed: the embeddings belong to the adapter's files
	brings bool           // embeddings came with it that are not the base's: they belong to its snapshots, too
}

// Param is a named trainable tensor.
type Param struct {
	Name   string // as in adapter_model.safetensors
	Tensor *tensor.Tensor

	transposed bool // the file holds it as [in, out]
}

// New attaches a fresh adapter in a free slot. Each matrix draws from a stream of its own, so that adding a target changes no
// other.
func New(m model.Model, slot int, config spec.LoRAConfig, key tensor.Key) (*Adapter, error) {
	a := &Adapter{Config: config, model: m, slot: slot}
	targets, err := match(m, config)
	if err != nil {
		return nil, err
	}
	if err := refuseIdle(m, config, targets); err != nil {
		return nil, err
	}
	own, err := privates(m, config, targets)
	if err != nil {
		return nil, err
	}
	e := m.Head().Engine()
	e.Scope(func() {
		for _, t := range targets {
			down, up := drawn(t, config.InitWeights, key)
			var magnitude *tensor.Tensor
			if config.UseDoRA {
				magnitude = tensor.RowNorms(t.Weight, down, up, t.scale)
			}
			a.attach(t, down, up, magnitude)
		}
		for _, p := range own {
			copied := e.Zeros(tensor.Float32, p.Tensor.Shape()...)
			copied.Copy(p.Tensor)
			a.keep(p, copied)
		}
		if config.TaskType == spec.TaskSeqCls {
			a.score(nn.NewScore(e, m.Facts().Width, key.Named("score")))
		}
	})
	return a, nil
}

// drawn makes the two matrices of a module: A is uniform in ±1/sqrt(in), which is PEFT's kaiming_uniform with a = sqrt(5), and B
// zero, unless the configuration says otherwise.
func drawn(t module, init spec.LoRAInit, key tensor.Key) (down, up *tensor.Tensor) {
	e := t.Weight.Engine()
	down, up = e.Zeros(tensor.Float32, t.rank, t.In()), e.Zeros(tensor.Float32, t.Out(), t.rank)
	if init == spec.InitGaussian {
		return down.Normal(0, 1/float64(t.rank), key.Named(t.Name)), up
	}
	bound := 1 / math.Sqrt(float64(t.In()))
	down.Uniform(-bound, bound, key.Named(t.Name))
	if init == spec.InitRandom {
		bound = 1 / math.Sqrt(float64(t.rank))
		up.Uniform(-bound, bound, key.Named(t.Name+".lora_B"))
	}
	return down, up
}

// attach pins the tensors, makes them leaves, and hangs them on the layer. A nil magnitude is none.
func (a *Adapter) attach(t module, down, up, magnitude *tensor.Tensor) {
	t.Attach(a.slot, &nn.Branch{A: down, B: up, Magnitude: magnitude, Scale: t.scale, Dropout: a.Config.Dropout})
	for _, part := range []struct {
		suffix string
		tensor *tensor.Tensor
	}{{".lora_A.weight", down}, {".lora_B.weight", up}, {".lora_magnitude_vector", magnitude}} {
		if part.tensor != nil {
			part.tensor.Pin().RequireGrad()
			a.Params = append(a.Params, Param{Name: prefix + t.Name + part.suffix, Tensor: part.tensor})
		}
	}
}

// Slot is the adapter's place on the model.
func (a *Adapter) Slot() int { return a.slot }

// Detach takes the adapter off the model and frees its tensors.
func (a *Adapter) Detach() {
	for _, l := range a.model.Linears() {
		l.Attach(a.slot, nil)
	}
	a.model.Private().Drop(a.slot)
	for _, p := range a.Params {
		p.Tensor.Free()
	}
	a.Params, a.input, a.Score = nil, nil, nil
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

// Names lists what those are called in adapter_model.safetensors.
func (a *Adapter) Names() []string {
	all := make([]string, len(a.Params))
	for i, p := range a.Params {
		all[i] = p.Name
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

// Frozen is the number of parameters that are not trained, for a base of so many: biases are counted once, with the adapter.
func (a *Adapter) Frozen(base int64) int64 { return base - a.biases }

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
