package mem

import (
	"bytes"
	"context"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"elara/spec/fault"
	"elara/storage"
)

// Store keeps objects in a map. The zero value is not usable: call New.
type Store struct {
	now func() time.Time

	mu      sync.Mutex
	objects map[string]object // guarded by mu
	version int64             // guarded by mu; the source of ETags, so that no tag is ever used twice
}

type object struct {
	content []byte // never changed in place
	info    storage.Info
}

// New gives an empty store.
func New() *Store { return NewAt(time.Now) }

// NewAt gives an empty store whose objects take their time of modification from now.
func NewAt(now func() time.Time) *Store {
	return &Store{now: now, objects: make(map[string]object)}
}

// Put implements storage.Store.
func (s *Store) Put(ctx context.Context, key string, body io.ReadSeeker, condition storage.Condition) (storage.Info, error) {
	if err := check(ctx, key); err != nil {
		return storage.Info{}, err
	}
	content, err := io.ReadAll(body)
	if err != nil {
		return storage.Info{}, fault.New(fault.Transient, "put %q: read body: %w", key, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	current, exists := s.objects[key]
	if condition.Absent() && exists {
		return storage.Info{}, fault.New(fault.Conflict, "put %q: it exists already", key)
	}
	if tag := condition.ETag(); tag != "" && (!exists || current.info.ETag != tag) {
		return storage.Info{}, fault.New(fault.Conflict, "put %q: it has changed since it was read", key)
	}
	s.version++
	info := storage.Info{Key: key, ETag: strconv.FormatInt(s.version, 10), SizeBytes: int64(len(content)), Modified: s.now()}
	s.objects[key] = object{content: content, info: info}
	return info, nil
}

// Get implements storage.Store.
func (s *Store) Get(ctx context.Context, key string) (io.ReadCloser, storage.Info, error) {
	found, err := s.find(ctx, key)
	if err != nil {
		return nil, storage.Info{}, err
	}
	return io.NopCloser(bytes.NewReader(found.content)), found.info, nil
}

// Stat implements storage.Store.
func (s *Store) Stat(ctx context.Context, key string) (storage.Info, error) {
	found, err := s.find(ctx, key)
	return found.info, err
}

func (s *Store) find(ctx context.Context, key string) (object, error) {
	if err := check(ctx, key); err != nil {
		return object{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	found, exists := s.objects[key]
	if !exists {
		return object{}, fault.New(fault.NotFound, "object %q does not exist", key)
	}
	return found, nil
}

// List implements storage.Store. It yields what the store held when the iteration began.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[storage.Info, error] {
	return func(yield func(storage.Info, error) bool) {
		if err := storage.CheckPrefix(prefix); err != nil {
			yield(storage.Info{}, err)
			return
		}
		for _, info := range s.snapshot(prefix) {
			if err := ctx.Err(); err != nil {
				yield(storage.Info{}, err)
				return
			}
			if !yield(info, nil) {
				return
			}
		}
		if err := ctx.Err(); err != nil {
			yield(storage.Info{}, err)
		}
	}
}

func (s *Store) snapshot(prefix string) []storage.Info {
	s.mu.Lock()
	defer s.mu.Unlock()
	var infos []storage.Info
	for key, held := range s.objects {
		if strings.HasPrefix(key, prefix) {
			infos = append(infos, held.info)
		}
	}
	slices.SortFunc(infos, func(a, b storage.Info) int { return strings.Compare(a.Key, b.Key) })
	return infos
}

// Delete implements storage.Store.
func (s *Store) Delete(ctx context.Context, key string) error {
	if err := check(ctx, key); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.objects, key)
	return nil
}

func check(ctx context.Context, key string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return storage.CheckKey(key)
}
