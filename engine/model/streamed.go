//go:build torch

package model

import (
	"regexp"
	"strconv"

	"elara/engine/nn"
	"elara/engine/tensor"
)

// Streamed is a model whose weights stay in their files. A forward pass takes those of one block at a time, a writer those of
// one tensor: memory for the embeddings and one block is all it takes, however many blocks there are. Its methods must run
// inside Engine.Do.
type Streamed struct {
	Model
	reader *Reader
	blocks map[int][]Stored
	others []Stored // embeddings, head and last norm
}

// NewStreamed wraps a model whose reader was hollow. It closes the reader's files.
func NewStreamed(m Model, r *Reader) *Streamed {
	s := &Streamed{Model: m, reader: r, blocks: map[int][]Stored{}}
	for _, w := range m.Stored() {
		if block, ok := BlockOf(w.Name); ok {
			s.blocks[block] = append(s.blocks[block], w)
		} else {
			s.others = append(s.others, w)
		}
	}
	return s
}

// numbered finds the number of the block in a weight's name: model.layers.3.mlp.up_proj.weight, transformer.h.3.ln_1.weight.
var numbered = regexp.MustCompile(`\.(\d+)\.`)

// BlockOf gives the number of the block that a weight belongs to by its name, if it does to one.
func BlockOf(name string) (block int, found bool) {
	at := numbered.FindStringSubmatchIndex(name)
	if at == nil {
		return 0, false
	}
	block, err := strconv.Atoi(name[at[2]:at[3]])
	return block, err == nil
}

// WithBlock is the name of the same weight of another block. It must belong to one.
func WithBlock(name string, block int) string {
	at := numbered.FindStringSubmatchIndex(name)
	return name[:at[2]] + strconv.Itoa(block) + name[at[3]:]
}

// Read loads one weight, in the reader's type, laid out as the model has it: a linear layer as [out, in].
func (s *Streamed) Read(w Stored) (*tensor.Tensor, error) {
	shape := w.Tensor.Shape()
	if !w.Transposed {
		return s.reader.read(w.Name, shape)
	}
	t, err := s.reader.read(w.Name, []int64{shape[1], shape[0]})
	if err != nil {
		return nil, err
	}
	return t.T().Contiguous(), nil
}

// Forward runs some passes, each block of all of them while its weights are there, and hands over what the head reads of each,
// [tokens, width], while Head holds its weights.
func (s *Streamed) Forward(passes []*nn.Pass, then func(pass int, hidden *tensor.Tensor)) (err error) {
	defer s.empty(s.others)
	if err := s.fill(s.others); err != nil {
		return err
	}
	s.reader.Engine.Scope(func() {
		streams, stages := make([]*tensor.Tensor, len(passes)), make([][]Stage, len(passes))
		for i, p := range passes {
			streams[i], stages[i] = s.Stages(p)
		}
		for at := range stages[0] {
			block := s.blocks[at] // none for the last norm
			if err = s.fill(block); err == nil {
				for i := range passes {
					streams[i] = Run(streams[i], stages[i][at:at+1])
				}
			}
			s.empty(block)
			if err != nil {
				return
			}
		}
		for i, hidden := range streams {
			then(i, hidden)
		}
	})
	return err
}

func (s *Streamed) fill(list []Stored) (err error) {
	for _, w := range list {
		s.reader.Engine.Scope(func() {
			var t *tensor.Tensor
			if t, err = s.Read(w); err == nil {
				w.Tensor.Become(t)
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Streamed) empty(list []Stored) {
	for _, w := range list {
		s.reader.Engine.Scope(func() { w.Tensor.Become(s.reader.Engine.Hollow(w.Tensor.DType(), w.Tensor.Shape()...)) })
	}
}

// Close frees the model and lets go of its files.
func (s *Streamed) Close() error {
	Free(s.Model)
	return s.reader.Source.Close()
}
