//go:build torch

package optim

import (
	"fmt"
	"strconv"

	"elara/engine/tensor"
	"elara/spec/fault"
)

// AdamW is Adam with decoupled weight decay (Loshchilov and Hutter, arXiv 1711.05101) over an ordered list of parameters.
type AdamW struct {
	Beta1, Beta2, Epsilon, WeightDecay float64

	names  []string
	params []*tensor.Tensor
	m, v   []*tensor.Tensor // first and second moments, float32, pinned
	exempt []bool           // from the weight decay; nil: none
	step   int64            // steps taken
}

// NewAdamW starts with moments of zero.
func NewAdamW(names []string, params []*tensor.Tensor) *AdamW {
	o := &AdamW{Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8, names: names, params: params}
	for _, p := range params {
		e := p.Engine()
		o.m = append(o.m, e.Zeros(tensor.Float32, p.Shape()...).Pin())
		o.v = append(o.v, e.Zeros(tensor.Float32, p.Shape()...).Pin())
	}
	return o
}

// Exempt leaves the parameters whose names are chosen out of the weight decay.
func (o *AdamW) Exempt(chosen func(name string) bool) {
	o.exempt = make([]bool, len(o.names))
	for i, name := range o.names {
		o.exempt[i] = chosen(name)
	}
}

// Step moves the parameters along their gradients and drops these.
func (o *AdamW) Step(learningRate float64) {
	o.step++
	params, m, v := o.group(false)
	tensor.AdamW(params, m, v, o.step, learningRate, o.Beta1, o.Beta2, o.Epsilon, o.WeightDecay)
	params, m, v = o.group(true)
	tensor.AdamW(params, m, v, o.step, learningRate, o.Beta1, o.Beta2, o.Epsilon, 0)
	o.ZeroGrad()
}

// group gives the parameters that are exempt from the weight decay, or the others, with their moments.
func (o *AdamW) group(exempt bool) (params, m, v []*tensor.Tensor) {
	for i := range o.params {
		if (o.exempt != nil && o.exempt[i]) == exempt {
			params, m, v = append(params, o.params[i]), append(m, o.m[i]), append(v, o.v[i])
		}
	}
	return params, m, v
}

// ZeroGrad drops all gradients.
func (o *AdamW) ZeroGrad() {
	for _, p := range o.params {
		p.ZeroGrad()
	}
}

// Unscale divides the gradients by the factor that their loss was multiplied by.
func (o *AdamW) Unscale(factor float64) { tensor.ScaleGrads(o.params, 1/factor) }

// Clip scales the gradients so that their norm is at most limit, as torch.nn.utils.clip_grad_norm_ does, and gives the norm
// before. A limit of 0 only measures.
func (o *AdamW) Clip(limit float64) float64 {
	norm := tensor.GradNorm(o.params)
	if limit > 0 {
		if factor := limit / (norm + 1e-6); factor < 1 {
			tensor.ScaleGrads(o.params, factor)
		}
	}
	return norm
}

// Encode writes moments and step as safetensors.
func (o *AdamW) Encode() ([]byte, error) {
	tensors := map[string]*tensor.Tensor{}
	for i, name := range o.names {
		tensors[name+".exp_avg"] = o.m[i]
		tensors[name+".exp_avg_sq"] = o.v[i]
	}
	return tensor.EncodeSafetensors(tensors, map[string]string{"step": strconv.FormatInt(o.step, 10)})
}

// Restore reads what Encode wrote at the given step; every moment must be there in its shape.
func (o *AdamW) Restore(data []byte, step int64) error {
	const name = "optimizer.safetensors"
	file, err := tensor.ReadSafetensors(name, data)
	if err != nil {
		return err
	}
	if got, want := len(file.Names()), 2*len(o.names); got != want {
		return fault.New(fault.Corrupt, "%s: %d moments, expected %d", name, got, want)
	}
	for i, param := range o.names {
		for suffix, into := range map[string]*tensor.Tensor{".exp_avg": o.m[i], ".exp_avg_sq": o.v[i]} {
			shape, ok := file.Shape(param + suffix)
			if !ok || fmt.Sprint(shape) != fmt.Sprint(into.Shape()) {
				return fault.New(fault.Corrupt, "%s: %s%s is missing or has another shape than %v", name, param, suffix, into.Shape())
			}
			var failed error
			into.Engine().Scope(func() {
				stored, err := file.Load(into.Engine(), param+suffix)
				if err != nil {
					failed = err
					return
				}
				into.Copy(stored)
			})
			if failed != nil {
				return failed
			}
		}
	}
	o.step = step
	return nil
}

// Skipped takes steps of the run that Restore was told of and the optimiser did not take, because half precision overflowed,
// off its count.
func (o *AdamW) Skipped(steps int64) { o.step -= steps }

// Free ends the moments.
func (o *AdamW) Free() {
	for i := range o.m {
		o.m[i].Free()
		o.v[i].Free()
	}
}
