package cas

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"time"

	"elara/spec"
	"elara/spec/fault"
	"elara/storage"
)

// Prefix begins the key of every blob.
const Prefix = "cas/sha256/"

// FreshFor is how long a blob is taken as found after it was last written. Sweep never removes one that is younger
// than twice that.
const FreshFor = 24 * time.Hour

// Key gives the object key of a blob.
func Key(digest spec.Digest) string { return Prefix + string(digest) }

// Blob names content by its digest and size.
type Blob struct {
	Digest    spec.Digest `json:"digest"`
	SizeBytes int64       `json:"size_bytes"`
}

// BlobOf computes the name of content.
func BlobOf(content []byte) Blob {
	return Blob{Digest: spec.DigestOf(sha256.Sum256(content)), SizeBytes: int64(len(content))}
}

// Measure computes the name of what body holds from its current position, and returns to that position.
func Measure(body io.ReadSeeker) (Blob, error) {
	start, err := body.Seek(0, io.SeekCurrent)
	if err != nil {
		return Blob{}, err
	}
	hash := sha256.New()
	size, err := io.Copy(hash, body)
	if err != nil {
		return Blob{}, err
	}
	_, err = body.Seek(start, io.SeekStart)
	return Blob{Digest: spec.DigestOf([32]byte(hash.Sum(nil))), SizeBytes: size}, err
}

// PutBytes stores content and gives its name.
func PutBytes(ctx context.Context, store storage.Store, content []byte) (Blob, error) {
	blob := BlobOf(content)
	return blob, Put(ctx, store, blob, bytes.NewReader(content))
}

// Put makes sure that the store holds the blob. It sends body unless a fresh object of the right size is there. Bytes
// that turn out different from the digest (a file that changed under the reader) are never stored whole.
func Put(ctx context.Context, store storage.Store, blob Blob, body io.ReadSeeker) error {
	if err := blob.Digest.Check(); err != nil {
		return err
	}
	found, err := store.Stat(ctx, Key(blob.Digest))
	switch {
	case fault.Is(err, fault.NotFound):
		return send(ctx, store, blob, body, storage.IfAbsent())
	case err != nil:
		return err
	case found.SizeBytes != blob.SizeBytes || time.Since(found.Modified) > FreshFor:
		return send(ctx, store, blob, body, storage.Always())
	}
	return nil
}

// Ensure is Put for blobs that must be readable afterwards: what it finds it reads, and sends again when it is damaged.
func Ensure(ctx context.Context, store storage.Store, blob Blob, body io.ReadSeeker) error {
	if err := blob.Digest.Check(); err != nil {
		return err
	}
	err := Verify(ctx, store, blob)
	switch {
	case fault.Is(err, fault.NotFound):
		return send(ctx, store, blob, body, storage.IfAbsent())
	case fault.Is(err, fault.Corrupt):
		return send(ctx, store, blob, body, storage.Always())
	case err != nil:
		return err
	}
	return Put(ctx, store, blob, body) // which refreshes it when it is old
}

// send puts the body. A conflict or a lost answer is an unknown outcome, and any writer of this key writes these
// bytes: finding them there is success.
func send(ctx context.Context, store storage.Store, blob Blob, body io.ReadSeeker, condition storage.Condition) error {
	checked, err := newCheckedBody(body, blob)
	if err != nil {
		return err
	}
	_, err = store.Put(ctx, Key(blob.Digest), checked, condition)
	if checked.mismatch != nil {
		return checked.mismatch
	}
	if !fault.Is(err, fault.Conflict) && !fault.Is(err, fault.Transient) {
		return err
	}
	found, statErr := store.Stat(ctx, Key(blob.Digest))
	if statErr == nil && found.SizeBytes == blob.SizeBytes {
		return nil
	}
	return errors.Join(err, statErr)
}

// Read gives the bytes of a blob, or Corrupt when they do not match its digest.
func Read(ctx context.Context, store storage.Store, digest spec.Digest) ([]byte, error) {
	if err := digest.Check(); err != nil {
		return nil, err
	}
	content, _, err := storage.ReadAll(ctx, store, Key(digest))
	if err != nil {
		return nil, err
	}
	if got := BlobOf(content).Digest; got != digest {
		return nil, corrupt(digest, got)
	}
	return content, nil
}

// CopyTo writes the bytes of a blob to w and reports Corrupt when they did not match; w has them by then.
func CopyTo(ctx context.Context, store storage.Store, blob Blob, w io.Writer) (err error) {
	if err := blob.Digest.Check(); err != nil {
		return err
	}
	body, info, err := store.Get(ctx, Key(blob.Digest))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, body.Close()) }()
	if info.SizeBytes != blob.SizeBytes {
		return fault.New(fault.Corrupt, "blob %s has %d bytes, expected %d", blob.Digest, info.SizeBytes, blob.SizeBytes)
	}
	hash := sha256.New()
	size, err := io.Copy(io.MultiWriter(w, hash), body)
	if err != nil {
		return err
	}
	if size != blob.SizeBytes {
		return fault.New(fault.Transient, "read blob %s: got %d bytes, expected %d", blob.Digest, size, blob.SizeBytes)
	}
	if got := spec.DigestOf([32]byte(hash.Sum(nil))); got != blob.Digest {
		return corrupt(blob.Digest, got)
	}
	return nil
}

// Verify reads a blob and compares it with its digest and size.
func Verify(ctx context.Context, store storage.Store, blob Blob) error {
	return CopyTo(ctx, store, blob, io.Discard)
}

func corrupt(want, got spec.Digest) error {
	return fault.New(fault.Corrupt, "blob %s is damaged: its content has digest %s", want, got.Short())
}
