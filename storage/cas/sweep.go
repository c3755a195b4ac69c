package cas

import (
	"context"
	"strings"
	"time"

	"elara/spec"
	"elara/spec/fault"
	"elara/storage"
)

// Marks is the set of blobs that something needs.
type Marks map[spec.Digest]struct{}

// Add marks blobs.
func (m Marks) Add(digests ...spec.Digest) {
	for _, digest := range digests {
		m[digest] = struct{}{}
	}
}

// Has reports whether a blob is marked.
func (m Marks) Has(digest spec.Digest) bool {
	_, marked := m[digest]
	return marked
}

// Sweep removes the blobs that are not marked and were last written more than grace before now, and gives their names.
// Mark everything that is to stay first: checkpoint.Mark and artifact.Mark do so for what they know. grace must be at
// least twice FreshFor and longer than the longest upload takes.
func Sweep(ctx context.Context, store storage.Store, marks Marks, grace time.Duration, now time.Time) ([]Blob, error) {
	if err := CheckGrace(grace); err != nil {
		return nil, err
	}
	var removed []Blob
	for info, err := range store.List(ctx, Prefix) {
		if err != nil {
			return removed, err
		}
		digest := spec.Digest(strings.TrimPrefix(info.Key, Prefix))
		if digest.Check() != nil || marks.Has(digest) || now.Sub(info.Modified) <= grace {
			continue
		}
		current, err := store.Stat(ctx, info.Key) // a writer may have sent it again since it was listed
		if fault.Is(err, fault.NotFound) || (err == nil && now.Sub(current.Modified) <= grace) {
			continue
		}
		if err != nil {
			return removed, err
		}
		if err := store.Delete(ctx, info.Key); err != nil {
			return removed, err
		}
		removed = append(removed, Blob{Digest: digest, SizeBytes: current.SizeBytes})
	}
	return removed, nil
}

// CheckGrace refuses a grace period within which Put may have taken a blob as found.
func CheckGrace(grace time.Duration) error {
	if grace < 2*FreshFor {
		return fault.New(fault.Invalid, "sweep with a grace period of %v: expected at least %v", grace, 2*FreshFor)
	}
	return nil
}
