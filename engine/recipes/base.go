//go:build torch

package recipes

import (
	"context"
	"path/filepath"

	"elara/data/tokenizer"
	"elara/engine/lora"
	"elara/engine/model"
	"elara/engine/model/auto"
	"elara/engine/tensor"
	"elara/spec/fault"
)

// baseKey says which base model a recipe runs over, and what it does to it.
type baseKey struct {
	path   string // folder in Hugging Face form, or a .gguf file
	dtype  tensor.DType
	addPad bool // the guide's <PAD> token, with one more row in the embeddings
	// alone is set by a recipe that replaces the embeddings: it gets a base of its own, which is freed after it.
	alone bool
}

// base is a loaded model with its tokenizer, shared by the recipes that run over it at the same time.
type base struct {
	key     baseKey
	model   model.Model
	tok     *tokenizer.Tokenizer
	resized bool // the embeddings have more rows than the files
	users   int
	slots   []bool // places on the model's linear layers: true where an adapter sits
}

// slot gives a free place for an adapter. It must run inside Engine.Do.
func (b *base) slot() int {
	for i, taken := range b.slots {
		if !taken {
			b.slots[i] = true
			return i
		}
	}
	b.slots = append(b.slots, true)
	return len(b.slots) - 1
}

// put lets attach fill a free place with an adapter. It must run inside Engine.Do.
func (b *base) put(attach func(slot int) (*lora.Adapter, error)) (*lora.Adapter, error) {
	slot := b.slot()
	a, err := attach(slot)
	if err != nil {
		b.slots[slot] = false
		return nil, err
	}
	return a, nil
}

// remove takes an adapter off and frees its place. It must run inside Engine.Do.
func (b *base) remove(a *lora.Adapter) {
	b.slots[a.Slot()] = false
	a.Detach()
}

// acquire gives the base that a recipe asks for; the caller releases it. A device holds one base at a time: a recipe that
// wants another waits until nobody uses the present one.
func (r *Runner) acquire(ctx context.Context, key baseKey) (*base, error) {
	key.path = filepath.Clean(key.path)
	for {
		b, wait, err := r.tryAcquire(key)
		if b != nil || err != nil {
			return b, err
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// tryAcquire gives the base, or what to wait for.
func (r *Runner) tryAcquire(key baseKey) (*base, <-chan struct{}, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.base != nil && r.base.users > 0 && (r.base.key != key || key.alone):
		if r.freed == nil {
			r.freed = make(chan struct{})
		}
		return nil, r.freed, nil
	case r.base == nil || r.base.key != key:
		if err := r.change(key); err != nil {
			return nil, nil, err
		}
	}
	r.base.users++
	return r.base, nil, nil
}

// release ends a recipe's use of its base.
func (r *Runner) release(b *base) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if b.users--; b.users > 0 {
		return
	}
	if b.key.alone {
		r.drop()
	}
	if r.freed != nil {
		close(r.freed)
		r.freed = nil
	}
}

// change frees the present base and loads another.
func (r *Runner) change(key baseKey) error {
	r.drop()
	return r.Engine.Do(func() error {
		loaded, err := auto.Load(r.Engine, key.path, key.dtype)
		if err != nil {
			return err
		}
		b := &base{key: key, model: loaded}
		if b.tok, b.resized, err = vocabulary(loaded, key.path, key.addPad); err != nil {
			model.Free(loaded)
			return err
		}
		r.base = b
		return nil
	})
}

// drop frees the present base and gives its memory back to the system.
func (r *Runner) drop() {
	if r.base == nil {
		return
	}
	// Freeing cannot fail.
	_ = r.Engine.Do(func() error {
		model.Free(r.base.model)
		r.Engine.Trim()
		return nil
	})
	r.base = nil
}

// alone reports whether an adapter folder replaces the base's embeddings. An empty dir does not.
func alone(dir string) (bool, error) {
	if dir == "" {
		return false, nil
	}
	return lora.ReplacesEmbeddings(dir)
}

// facts are those of a model whose weights stay in their files. It must not run inside Engine.Do.
func (r *Runner) facts(path string) (facts model.Facts, err error) {
	err = r.Engine.Do(func() error {
		m, err := auto.Stream(r.Engine, path, tensor.Float32)
		if err != nil {
			return err
		}
		facts = m.Facts()
		return m.Close()
	})
	return facts, err
}

// vocabulary loads the tokenizer of a base, with the guide's padding token where it is asked for, and makes the model's
// embeddings fit. It must run inside Engine.Do.
func vocabulary(m model.Model, path string, addPad bool) (tok *tokenizer.Tokenizer, resized bool, err error) {
	tok, err = tokenizer.Load(path)
	if err != nil {
		return nil, false, err
	}
	if addPad {
		if _, err := tok.SetPAD("<PAD>"); err != nil {
			return nil, false, err
		}
	}
	before := m.Facts().Vocabulary
	switch size := int64(tok.VocabSize()); {
	case addPad && size > before:
		model.Resize(m, size)
		return tok, true, nil
	case size > before:
		return nil, false, fault.At(path, 0, "the tokenizer has %d tokens, the model's embedding %d rows", size, before)
	}
	return tok, false, nil
}
