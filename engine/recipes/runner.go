//go:build torch

package recipes

import (
	"elara/data/tokenizer"
	"elara/engine/lora"
	"elara/engine/model"
	"elara/engine/model/auto"
	"elara/engine/tensor"
	"elara/spec/fault"
)

// Runner runs recipes on one engine, one at a time. It keeps the last base model between calls: the weights are frozen, and a
// run of four adapters on one base need not read it eight times.
type Runner struct {
	Engine      *tensor.Engine
	Notice      func(string) // lines for the person who watches; nil: none
	Timings     bool         // write tokens per second into trainer_state.json
	InitAdapter string       // PEFT folder to begin from instead of a fresh adapter; empty: fresh

	base  model.Model
	path  string
	dtype tensor.DType
}

func (r *Runner) notice(line string) {
	if r.Notice != nil {
		r.Notice(line)
	}
}

// load gives the base model; it must run inside Engine.Do.
func (r *Runner) load(path string, dtype tensor.DType) (model.Model, error) {
	if r.base != nil && r.path == path && r.dtype == dtype {
		return r.base, nil
	}
	r.forget()
	base, err := auto.Load(r.Engine, path, dtype)
	if err != nil {
		return nil, err
	}
	r.base, r.path, r.dtype = base, path, dtype
	return base, nil
}

// forget frees the base model, because an adapter changed its embeddings or another base is asked for.
func (r *Runner) forget() {
	if r.base != nil {
		model.Free(r.base)
		r.base = nil
	}
}

// takeOff frees an adapter, and with it a base whose embeddings it changed. It must run inside Engine.Do.
func (r *Runner) takeOff(adapter *lora.Adapter) {
	changed := adapter.ChangedEmbeddings()
	adapter.Detach()
	if changed {
		r.forget()
	}
}

// vocabulary loads the tokenizer of a base, with the guide's padding token where it is asked for, and makes the model's
// embeddings fit. It must run inside Engine.Do.
func vocabulary(base model.Model, path string, addPad bool) (tok *tokenizer.Tokenizer, resized bool, err error) {
	tok, err = tokenizer.Load(path)
	if err != nil {
		return nil, false, err
	}
	if addPad {
		if _, err := tok.SetPAD("<PAD>"); err != nil {
			return nil, false, err
		}
	}
	before := base.Facts().Vocabulary
	switch size := int64(tok.VocabSize()); {
	case addPad && size > before:
		model.Resize(base, size)
		return tok, true, nil
	case size > before:
		return nil, false, fault.At(path, 0, "the tokenizer has %d tokens, the model's embedding %d rows", size, before)
	}
	return tok, false, nil
}
