//go:build torch

package model

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/nlpodyssey/safetensors"

	"elara/engine/tensor"
)

// storedTypes are safetensors' names of the types that weights are written in.
func storedTypes() map[tensor.DType]safetensors.DType {
	return map[tensor.DType]safetensors.DType{
		tensor.Float32: safetensors.F32, tensor.Float16: safetensors.F16, tensor.BFloat16: safetensors.BF16,
	}
}

// view is a weight as a file holds it.
type view struct {
	stored Stored
	dtype  tensor.DType
}

func (v view) shape() []int64 {
	shape := v.stored.Tensor.Shape()
	if v.stored.Transposed {
		shape[0], shape[1] = shape[1], shape[0]
	}
	return shape
}

func (v view) size() int64 { return v.stored.Tensor.Numel() * int64(v.dtype.Size()) }

// header is what safetensors says of one tensor.
type header struct {
	DType   safetensors.DType `json:"dtype"`
	Shape   []int64           `json:"shape"`
	Offsets [2]int64          `json:"data_offsets"`
}

// writeSafetensors writes weights of one type in the order of their names, as the safetensors library of Python does: each is
// made, converted and written piece by piece when its turn has come, and not before.
func writeSafetensors(w io.Writer, views []view) error {
	views = slices.Clone(views)
	slices.SortFunc(views, func(a, b view) int { return cmp.Compare(a.stored.Name, b.stored.Name) })
	text := []byte(`{"__metadata__":{"format":"pt"}`)
	var offset int64
	for _, v := range views {
		name, err := json.Marshal(v.stored.Name)
		if err != nil {
			return fmt.Errorf("encode the name of weight %q: %w", v.stored.Name, err)
		}
		about, err := json.Marshal(header{storedTypes()[v.dtype], v.shape(), [2]int64{offset, offset + v.size()}})
		if err != nil {
			return fmt.Errorf("encode the header of weight %q: %w", v.stored.Name, err)
		}
		offset += v.size()
		text = append(append(append(append(text, ','), name...), ':'), about...)
	}
	text = append(text, '}')
	for len(text)%8 != 0 { // the elements begin at a multiple of 8
		text = append(text, ' ')
	}
	if _, err := w.Write(append(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text...)); err != nil {
		return err
	}
	for _, v := range views {
		if err := v.write(w); err != nil {
			return err
		}
	}
	return nil
}

// writePiece is how many elements are converted and copied at once.
const writePiece = 1 << 20

func (v view) write(w io.Writer) (err error) {
	e := v.stored.Tensor.Engine()
	e.Scope(func() {
		e.NoGrad(func() {
			t := v.stored.Tensor
			if v.stored.Read != nil {
				if t, err = v.stored.Read(); err != nil {
					return
				}
			}
			if v.stored.Transposed {
				t = t.T()
			}
			rows, width := int64(1), t.Numel()
			if shape := t.Shape(); len(shape) > 1 {
				rows, width = shape[0], t.Numel()/shape[0]
			} else {
				t = t.View(1, width)
			}
			step := max(1, writePiece/max(1, width))
			for at := int64(0); at < rows && err == nil; at += step {
				e.Scope(func() {
					_, err = w.Write(t.Narrow(0, at, min(step, rows-at)).To(v.dtype).Contiguous().Bytes())
				})
			}
		})
	})
	return err
}
