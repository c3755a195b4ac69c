package storage

import (
	"context"
	"io"
	"iter"
	"time"
)

// Store is an object store with strong read-after-write consistency and conditional writes.
// All methods may be called from many goroutines at once. Errors carry a fault kind: NotFound (the object does not
// exist, and nothing else is meant), Conflict (a condition did not hold), Transient (worth trying again), Invalid
// (bad key, no access, no such bucket). A cancelled context gives its own error.
//
// After a Put, Transient and Conflict both leave the outcome unknown: the write may have happened and only its answer
// been lost, and a retry below this interface may have met the object that the first attempt wrote. Read back and
// compare before deciding, as Replace does.
//
// Keys pass CheckKey. No key may lie under another as under a folder ("a" beside "a/b"): stores over a file system
// cannot hold both.
type Store interface {
	// Put writes the object whole or not at all; a reader never sees a part of it. The body is read from its current
	// position to its end and may be rewound and read again for a retry. The returned Info carries the new ETag.
	Put(ctx context.Context, key string, body io.ReadSeeker, condition Condition) (Info, error)
	// Get opens the object; the caller closes it. The Info is of the version being read.
	Get(ctx context.Context, key string) (io.ReadCloser, Info, error)
	// Stat looks without reading.
	Stat(ctx context.Context, key string) (Info, error)
	// List yields the objects whose key starts with prefix, in ascending byte order of the key. After an error it stops.
	// The order is S3's promise; some servers sort a folder as if its name ended without the slash ("a/1" before "a-b").
	// Whoever needs an order for correctness sorts.
	List(ctx context.Context, prefix string) iter.Seq2[Info, error]
	// Delete removes the object; removing one that is not there is no error.
	Delete(ctx context.Context, key string) error
}

// Info describes one object. ETag is opaque: good for comparing and for IfMatch only, and equal content may have equal
// tags. Modified is the store's time; a Put may leave it zero.
type Info struct {
	Key       string
	ETag      string
	SizeBytes int64
	Modified  time.Time
}

// Condition is what must hold for a Put to take place. The zero value is no condition.
type Condition struct {
	ifAbsent bool
	etag     string
}

// Always puts no condition on a Put.
func Always() Condition { return Condition{} }

// IfAbsent lets a Put succeed only when no object has the key.
func IfAbsent() Condition { return Condition{ifAbsent: true} }

// IfMatch lets a Put succeed only when the object's ETag is still this one.
func IfMatch(etag string) Condition { return Condition{etag: etag} }

// Absent reports whether the condition is IfAbsent.
func (c Condition) Absent() bool { return c.ifAbsent }

// ETag gives the tag of IfMatch, or "".
func (c Condition) ETag() string { return c.etag }
