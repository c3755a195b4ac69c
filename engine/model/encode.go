//go:build torch

package model

import (
	"bytes"
	"fmt"
	"slices"

	"elara/engine/tensor"
	"elara/spec/fault"
)

// headerRoom is more than the header of a safetensors file takes for one tensor.
const headerRoom = 256

// Encode gives weights as one safetensors file under the names of the checkpoint, in their own type. Memory for the file and for
// the largest tensor is all it takes. It must run inside Engine.Do.
func Encode(all []Stored) ([]byte, error) {
	size := int64(headerRoom)
	views := make([]view, len(all))
	for i, s := range all {
		views[i] = view{s, s.Tensor.DType()}
		size += views[i].size() + headerRoom
	}
	out := bytes.NewBuffer(make([]byte, 0, size))
	if err := writeSafetensors(out, views); err != nil {
		return nil, fmt.Errorf("encode weights: %w", err)
	}
	return out.Bytes(), nil
}

// Decode overwrites weights by what Encode gave; file stands for it in errors. Every one must be there in its shape. It must run
// inside Engine.Do.
func Decode(file string, data []byte, all []Stored) error {
	source, err := tensor.ReadSafetensors(file, data)
	if err != nil {
		return err
	}
	if got := len(source.Names()); got != len(all) {
		return fault.New(fault.Corrupt, "%s: %d weights, expected %d", file, got, len(all))
	}
	for _, s := range all {
		e := s.Tensor.Engine()
		e.Scope(func() {
			e.NoGrad(func() {
				var t *tensor.Tensor
				if t, err = source.Load(e, s.Name); err != nil {
					return
				}
				if s.Transposed {
					t = t.T()
				}
				if got, want := t.Shape(), s.Tensor.Shape(); !slices.Equal(got, want) {
					err = fault.New(fault.Corrupt, "%s: weight %q has shape %v, expected %v", file, s.Name, got, want)
					return
				}
				s.Tensor.Copy(t)
			})
		})
		if err != nil {
			return err
		}
	}
	return nil
}
