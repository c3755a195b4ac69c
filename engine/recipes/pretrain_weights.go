//go:build torch

package recipes

import (
	"elara/engine/model"
	"elara/engine/tensor"
	"elara/spec/fault"
)

// weightsFile is the name of a snapshot's weights: transformers' own, with its names and layout.
const weightsFile = "model.safetensors"

// weights is a model all of whose weights are trained.
//
// transformers gives the input embedding's row of the padding token no gradient, wherever the token stands, but the output
// embedding's row of it has one. Where one matrix serves as both, the head is a leaf of its own over the same memory, so that
// the two gradients are told apart until settle adds them up.
type weights struct {
	model.Model
	stored  []model.Stored
	input   *tensor.Tensor // the input embedding
	head    *tensor.Tensor // of a tied model with a padding token; nil elsewhere
	padding int64          // row of the input embedding without a gradient; -1: none
}

// newWeights makes a model trainable. It must run inside Engine.Do.
func newWeights(m model.Model) *weights {
	w := &weights{Model: m, stored: m.Stored(), input: m.Embeddings()[0].Weight, padding: -1}
	facts := m.Facts()
	if len(facts.Pad) > 0 && facts.Architecture != "gpt2" { // whose embedding knows no padding token in transformers
		if w.padding = int64(facts.Pad[0]); w.padding < 0 { // counted from the end, as torch does
			w.padding += facts.Vocabulary
		}
	}
	if w.padding >= facts.Vocabulary {
		w.padding = -1
	}
	if w.padding >= 0 && facts.TiedHead {
		w.head = w.input.Detach().Pin().RequireGrad()
	}
	for _, s := range w.stored {
		s.Tensor.RequireGrad()
	}
	return w
}

// Head implements model.Model.
func (w *weights) Head() *tensor.Tensor {
	if w.head != nil {
		return w.head
	}
	return w.Model.Head()
}

// named lists what the optimiser moves, in the order of a checkpoint.
func (w *weights) named() (names []string, params []*tensor.Tensor) {
	for _, s := range w.stored {
		names, params = append(names, s.Name), append(params, s.Tensor)
	}
	return names, params
}

// settle brings the gradients of a step into transformers' form. It must run inside Engine.Do.
func (w *weights) settle() {
	if w.padding < 0 {
		return
	}
	e := w.input.Engine()
	unrecorded(e, func() {
		gradient := w.input.Grad()
		row := gradient.Narrow(0, w.padding, 1)
		row.Copy(e.Zeros(tensor.Float32, row.Shape()...))
		if w.head != nil {
			gradient.Copy(gradient.Add(w.head.Grad()))
			w.head.ZeroGrad()
		}
	})
}

// forget drops the gradients that the optimiser does not know of.
func (w *weights) forget() {
	if w.head != nil {
		w.head.ZeroGrad()
	}
}

// encode gives the weights as a file of a snapshot. It must run inside Engine.Do.
func (w *weights) encode() (map[string][]byte, error) {
	data, err := model.Encode(w.stored)
	return map[string][]byte{weightsFile: data}, err
}

// decode takes over the weights of a snapshot. It must run inside Engine.Do.
func (w *weights) decode(files map[string][]byte) error {
	data, found := files[weightsFile]
	if !found {
		return fault.New(fault.Corrupt, "the snapshot lacks %s", weightsFile)
	}
	return model.Decode(weightsFile, data, w.stored)
}

// free ends what does not belong to the model.
func (w *weights) free() {
	if w.head != nil {
		w.head.Free()
	}
}
