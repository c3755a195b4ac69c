package storage

import (
	"bytes"
	"context"

	"elara/spec/fault"
)

// Replace puts a small object and settles what a Put leaves unknown: after a conflict or a lost answer it looks, and finding
// exactly these bytes is success. Conflict: other bytes are there. NotFound: the object that was to be replaced is gone. Transient: it
// did not happen, or the outcome cannot be known.
func Replace(ctx context.Context, store Store, key string, content []byte, condition Condition) (Info, error) {
	info, err := PutBytes(ctx, store, key, content, condition)
	if err == nil || !fault.Is(err, fault.Conflict) && !fault.Is(err, fault.Transient) {
		return info, err
	}
	held, info, readErr := ReadAll(ctx, store, key)
	switch {
	case readErr == nil && bytes.Equal(held, content):
		return info, nil
	case fault.Is(readErr, fault.NotFound) && condition.etag != "":
		return Info{}, fault.New(fault.NotFound, "write %q: it is gone, somebody removed it", key)
	case readErr != nil && !fault.Is(readErr, fault.NotFound):
		return Info{}, fault.New(fault.Transient, "write %q: outcome unknown: %w; then: %w", key, err, readErr)
	case readErr == nil && (condition.ifAbsent || condition.etag != "" && condition.etag != info.ETag):
		return Info{}, fault.New(fault.Conflict, "write %q: another changed it: %w", key, err)
	}
	return Info{}, fault.New(fault.Transient, "write %q: %w", key, err) // it did not happen
}
