package faulty

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"slices"
	"sync"

	"elara/storage"
)

// Kind is the method that an operation is a call of.
type Kind string

const (
	Put    Kind = "put"
	Get    Kind = "get"
	Stat   Kind = "stat"
	List   Kind = "list"
	Delete Kind = "delete"
)

// Op is one call of the store. Number counts from 1 in the order in which calls begin.
type Op struct {
	Number int
	Kind   Kind
	Key    string // prefix for List
}

// Fault is what happens to one operation. The zero value is nothing.
type Fault struct {
	Before           error                    // the operation does not take place and answers this
	After            error                    // the operation takes place and answers this
	Wait             <-chan struct{}          // it begins only when this is closed: a paused process, a slow network
	Body             func(body []byte) []byte // what a Get reads instead
	BodyError        error                    // how a Get's body ends, instead of with its end
	IgnoreConditions bool                     // a Put takes place whatever its condition
}

// Plan decides what happens to each operation. It is called from many goroutines, but never twice at once.
type Plan func(Op) Fault

// Store is the wrapper.
type Store struct {
	inner storage.Store
	plan  Plan

	mu  sync.Mutex
	ops []Op // guarded by mu
}

// New wraps a store; a nil plan means no faults.
func New(inner storage.Store, plan Plan) *Store {
	if plan == nil {
		plan = func(Op) Fault { return Fault{} }
	}
	return &Store{inner: inner, plan: plan}
}

// Ops gives the operations that began so far.
func (s *Store) Ops() []Op {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.ops)
}

// begin counts the operation, waits and gives the fault that is due.
func (s *Store) begin(ctx context.Context, kind Kind, key string) (Fault, error) {
	s.mu.Lock()
	op := Op{Number: len(s.ops) + 1, Kind: kind, Key: key}
	s.ops = append(s.ops, op)
	due := s.plan(op)
	s.mu.Unlock()
	if due.Wait != nil {
		select {
		case <-due.Wait:
		case <-ctx.Done():
			return Fault{}, ctx.Err()
		}
	}
	return due, due.Before
}

// Put implements storage.Store.
func (s *Store) Put(ctx context.Context, key string, body io.ReadSeeker, condition storage.Condition) (storage.Info, error) {
	due, err := s.begin(ctx, Put, key)
	if err != nil {
		return storage.Info{}, err
	}
	if due.IgnoreConditions {
		condition = storage.Always()
	}
	info, err := s.inner.Put(ctx, key, body, condition)
	return due.answer(info, err)
}

func (f Fault) answer(info storage.Info, err error) (storage.Info, error) {
	if err == nil {
		err = f.After
	}
	if err != nil {
		return storage.Info{}, err
	}
	return info, nil
}

// Get implements storage.Store.
func (s *Store) Get(ctx context.Context, key string) (io.ReadCloser, storage.Info, error) {
	due, err := s.begin(ctx, Get, key)
	if err != nil {
		return nil, storage.Info{}, err
	}
	body, info, err := s.inner.Get(ctx, key)
	info, err = due.answer(info, err)
	if err != nil {
		if body != nil {
			err = errors.Join(err, body.Close())
		}
		return nil, storage.Info{}, err
	}
	if due.Body == nil && due.BodyError == nil {
		return body, info, nil
	}
	content, err := io.ReadAll(body)
	if err = errors.Join(err, body.Close()); err != nil {
		return nil, storage.Info{}, err
	}
	if due.Body != nil {
		content = due.Body(content)
	}
	return io.NopCloser(&brokenBody{bytes.NewReader(content), due.BodyError}), info, nil
}

// brokenBody ends with an error of its own, if it has one.
type brokenBody struct {
	content *bytes.Reader
	end     error
}

func (b *brokenBody) Read(p []byte) (int, error) {
	n, err := b.content.Read(p)
	if err == io.EOF && b.end != nil {
		err = b.end
	}
	return n, err
}

// Stat implements storage.Store.
func (s *Store) Stat(ctx context.Context, key string) (storage.Info, error) {
	due, err := s.begin(ctx, Stat, key)
	if err != nil {
		return storage.Info{}, err
	}
	info, err := s.inner.Stat(ctx, key)
	return due.answer(info, err)
}

// List implements storage.Store. After means after the last object.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[storage.Info, error] {
	return func(yield func(storage.Info, error) bool) {
		due, err := s.begin(ctx, List, prefix)
		if err != nil {
			yield(storage.Info{}, err)
			return
		}
		for info, err := range s.inner.List(ctx, prefix) {
			if !yield(info, err) {
				return
			}
		}
		if due.After != nil {
			yield(storage.Info{}, due.After)
		}
	}
}

// Delete implements storage.Store.
func (s *Store) Delete(ctx context.Context, key string) error {
	due, err := s.begin(ctx, Delete, key)
	if err != nil {
		return err
	}
	_, err = due.answer(storage.Info{}, s.inner.Delete(ctx, key))
	return err
}
