//go:build torch

package lora

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"elara/engine/model"
	"elara/engine/tensor"
	"elara/spec/fault"
)

// held is an embedding of the base with what a folder holds in its place.
type held struct {
	*model.Embedding
	name string // in adapter_model.safetensors
}

// embeddings reads the embeddings that take the place of the base's own, because the adapter was trained over a base with more
// tokens. It gives what puts them there.
//
// Over a base that is shared nothing takes their place. PEFT saves the embeddings whole where a row was added for a new token, such
// as the guide's <PAD>, though LoRA left the others as they were: then the adapter runs over the base's own vocabulary, whose logits
// are the same without the new row.
func (a *Adapter) embeddings(r *reader, own []private) (replace func(), err error) {
	all, err := a.held(r, own)
	if err != nil {
		return nil, err
	}
	if r.shared {
		difference, err := a.difference(r, all, own)
		if err == nil && difference != "" {
			err = fault.At(r.path, 0, "the adapter replaces the base's embeddings (%s), expected the base's own, with rows for new tokens at most", difference)
		}
		return func() {}, err
	}
	stored, brings := make([]*tensor.Tensor, len(all)), false
	for i, h := range all {
		t, err := r.file.Load(r.e, h.name)
		if err != nil {
			return nil, err
		}
		stored[i] = t.To(h.Weight.DType())
		brings = brings || stored[i].Size(0) != h.Weight.Size(0) || rowsApart(h.Weight, stored[i]) > 0
	}
	return func() {
		for i, h := range all {
			h.Weight.Free()
			h.Embedding.Weight = stored[i].Pin()
			a.resize, a.brings = true, brings
		}
	}, nil
}

// held lists the embeddings that a folder holds without training them.
func (a *Adapter) held(r *reader, own []private) (all []held, err error) {
	for _, emb := range a.model.Embeddings() {
		name := prefix + emb.Name + ".weight"
		if isOwn(own, name) {
			// With one matrix for both, the head still is the base's.
			if name = prefix + headName; !a.model.Facts().TiedHead || isOwn(own, name) {
				continue
			}
		}
		shape, ok := r.file.Shape(name)
		if !ok {
			continue
		}
		if len(shape) != 2 || shape[1] != emb.Weight.Size(1) || shape[0] < emb.Weight.Size(0) {
			return nil, fault.At(r.path, 0, "embedding %q has shape %v, this base has %v: adapter of another base", name, shape, emb.Weight.Shape())
		}
		all = append(all, held{emb, name})
		r.drop(func(n string) bool { return n == name })
	}
	if len(all) > 0 && !isOwn(own, prefix+headName) {
		// With one matrix for both, PEFT still saves the output embedding; it equals the input's.
		r.drop(func(name string) bool { return name == prefix+headName })
	}
	return all, nil
}

func isOwn(own []private, name string) bool {
	return slices.ContainsFunc(own, func(p private) bool { return p.name == name })
}

// difference says what keeps an adapter from running over the base's own embeddings; it is empty where nothing does.
func (a *Adapter) difference(r *reader, all []held, own []private) (string, error) {
	if len(all) == 0 {
		return "", nil
	}
	for _, p := range own {
		if shape, ok := r.file.Shape(p.name); ok && p.isEmbedding && len(shape) == 2 && shape[0] > p.Tensor.Size(0) {
			return p.Name + " is trained with rows for new tokens", nil
		}
	}
	if head := (held{all[0].Embedding, prefix + headName}); a.model.Facts().TiedHead && !isOwn(own, head.name) {
		first, _ := r.file.Shape(all[0].name)
		if shape, ok := r.file.Shape(head.name); ok && slices.Equal(shape, first) {
			all = append(slices.Clone(all), head)
		}
	}
	for _, h := range all {
		other, err := a.others(r, h)
		if err != nil {
			return "", err
		}
		if other > 0 {
			return fmt.Sprintf("%d of %d rows of %s differ", other, h.Weight.Size(0), strings.TrimPrefix(h.name, prefix)), nil
		}
	}
	return "", nil
}

// others counts the rows of the base that a folder does not repeat bit for bit.
func (a *Adapter) others(r *reader, h held) (count int64, err error) {
	r.e.Scope(func() {
		base := h.Weight
		if s, ok := a.model.(*model.Streamed); ok {
			if base, err = s.Read(model.Stored{Name: h.Name + ".weight", Tensor: base}); err != nil {
				return
			}
		}
		var stored *tensor.Tensor
		if stored, err = r.file.Load(r.e, h.name); err == nil {
			count = rowsApart(base, stored)
		}
	})
	return count, err
}

// rowsApart counts the rows of base, [rows, width], that the first rows of stored do not repeat bit for bit. Both are rounded to
// the types of both: the rows were copied in the one, from a base that may have been held in the other.
func rowsApart(base, stored *tensor.Tensor) (count int64) {
	const step = 1024 // rows that are compared at a time
	for at, rows := int64(0), base.Size(0); at < rows; at += step {
		n := min(step, rows-at)
		base.Engine().Scope(func() {
			ours := base.Narrow(0, at, n).To(stored.DType()).Bytes()
			theirs := stored.Narrow(0, at, n).To(base.DType()).To(stored.DType()).Bytes()
			width := len(ours) / int(n)
			for row := range int(n) {
				if !bytes.Equal(ours[row*width:][:width], theirs[row*width:][:width]) {
					count++
				}
			}
		})
	}
	return count
}
