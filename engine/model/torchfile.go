//go:build torch

package model

import (
	"fmt"
	"io"

	"elara/data/torchfile"
	"elara/engine/tensor"
	"elara/spec/fault"
)

const torchFile = "pytorch_model.bin"

// torchWeights reads a file of torch.save. What no model asks for, such as the masks of GPT-2's attention, stays on the
// disk, whatever its type.
type torchWeights struct{ file *torchfile.File }

func openTorch(path string) (weights, error) {
	file, err := torchfile.Open(path)
	if err != nil {
		return nil, err
	}
	return torchWeights{file}, nil
}

func (w torchWeights) Names() []string {
	tensors := w.file.Tensors()
	names := make([]string, len(tensors))
	for i, t := range tensors {
		names[i] = t.Name
	}
	return names
}

func (w torchWeights) Shape(name string) ([]int64, bool) {
	t, err := w.file.Tensor(name) // its only error says that there is none
	return t.Shape, err == nil
}

func (w torchWeights) Load(e *tensor.Engine, name string) (*tensor.Tensor, error) {
	t, err := w.file.Tensor(name)
	if err != nil {
		return nil, err
	}
	dtype, ok := torchTypes()[t.DType]
	if !ok {
		return nil, fault.At(w.file.Path(), 0, "tensor %q has type %s, expected F32, F16, BF16 or I64", name, t.DType)
	}
	from, err := w.file.Data(name)
	if err != nil {
		return nil, err
	}
	data := make([]byte, t.SizeBytes())
	if _, err := io.ReadFull(from, data); err != nil {
		return nil, fmt.Errorf("read tensor %q of %s: %w", name, w.file.Path(), err)
	}
	return e.FromBytes(data, dtype, t.Shape...), nil
}

func (w torchWeights) Close() error { return w.file.Close() }

// torchTypes are those that tensor.Safetensors loads, too.
func torchTypes() map[torchfile.DType]tensor.DType {
	return map[torchfile.DType]tensor.DType{
		torchfile.F32: tensor.Float32, torchfile.F16: tensor.Float16, torchfile.BF16: tensor.BFloat16, torchfile.I64: tensor.Int64,
	}
}
