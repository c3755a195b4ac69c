//go:build torch

package recipes

import (
	"elara/engine/loss"
	"elara/engine/model"
	"elara/engine/nn"
	"elara/engine/tensor"
	"elara/spec"
)

// backward runs one micro-batch forth and back: it adds factor times the gradients of its loss to those of the trained tensors,
// and gives that loss, summed over the supervised tokens. It must run inside Engine.Do.
func backward(m model.Model, p *nn.Pass, args spec.TrainingArgs, factor float64) (sum float64) {
	through(m, p, args, func(hidden *tensor.Tensor) {
		total, _ := loss.Predict(m, p, hidden, args.LabelSmoothingFactor)
		sum = total.Scalar()
		total.Scale(factor).Backward()
	})
	return sum
}

// through runs one pass forth and back. back gets what the head reads, [tokens, width], and takes the first step back from there.
func through(m model.Model, p *nn.Pass, args spec.TrainingArgs, back func(hidden *tensor.Tensor)) {
	m.Head().Engine().Scope(func() {
		if args.GradientCheckpointing {
			checkpointed(m, p, back)
			return
		}
		back(model.Hidden(m, p))
	})
}

// checkpointed is through in the memory of one block (Chen et al., arXiv 1604.06174): on the way there only what goes into each
// block is kept, and on the way back each block runs again, with the same dropout, just before its gradients are taken. An
// adapter's losses and gradients are the same to the last bit; the time is that of one more forward pass.
//
// Where one matrix serves as input and output embedding and is trained, its two gradients are added up in another order.
func checkpointed(m model.Model, p *nn.Pass, back func(hidden *tensor.Tensor)) {
	e := m.Head().Engine()
	embedded, stages := m.Stages(p)
	inputs := []*tensor.Tensor{embedded.Detach()}
	// The last block and the norm are left: their way back comes at once.
	again, last := stages[:max(0, len(stages)-2)], stages[max(0, len(stages)-2):]
	e.NoGrad(func() {
		for i, stage := range again {
			e.Scope(func() { inputs = append(inputs, stage(inputs[i]).Keep()) })
		}
	})
	out := inputs[len(again)].RequireGrad()
	e.Scope(func() {
		h := out
		for _, stage := range last {
			h = stage(h)
		}
		back(h)
	})
	for i := len(again) - 1; i >= 0; i-- {
		gradient, in := out.Grad(), inputs[i].RequireGrad()
		e.Scope(func() { again[i](in).BackwardWith(gradient) })
		gradient.Free()
		out.Free()
		out = in
	}
	if embedded.RequiresGrad() {
		embedded.BackwardWith(out.Grad())
	}
}
