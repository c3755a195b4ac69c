package retention

import (
	"context"
	"io"
	"iter"

	"elara/spec/fault"
	"elara/storage"
)

// rehearsal is a store in which removing takes no effect outside of it: what was removed is hidden from this one user,
// so that a sweep over it removes exactly what it would remove of the store. It is for one goroutine.
type rehearsal struct {
	storage.Store
	gone map[string]bool
}

func (r *rehearsal) Delete(_ context.Context, key string) error {
	r.gone[key] = true
	return nil
}

func (r *rehearsal) Get(ctx context.Context, key string) (io.ReadCloser, storage.Info, error) {
	if r.gone[key] {
		return nil, storage.Info{}, removed(key)
	}
	return r.Store.Get(ctx, key)
}

func (r *rehearsal) Stat(ctx context.Context, key string) (storage.Info, error) {
	if r.gone[key] {
		return storage.Info{}, removed(key)
	}
	return r.Store.Stat(ctx, key)
}

func (r *rehearsal) List(ctx context.Context, prefix string) iter.Seq2[storage.Info, error] {
	return func(yield func(storage.Info, error) bool) {
		for info, err := range r.Store.List(ctx, prefix) {
			if err == nil && r.gone[info.Key] {
				continue
			}
			if !yield(info, err) {
				return
			}
		}
	}
}

// Put refuses: a rehearsal writes nothing.
func (r *rehearsal) Put(_ context.Context, key string, _ io.ReadSeeker, _ storage.Condition) (storage.Info, error) {
	return storage.Info{}, fault.New(fault.Invalid, "put %q in a rehearsal: nothing is written", key)
}

func removed(key string) error {
	return fault.New(fault.NotFound, "object %q was removed in this rehearsal", key)
}
