package storage

import (
	"bytes"
	"context"
	"errors"
	"io"

	"elara/spec/fault"
)

// ReadAll reads a whole object. A body that is shorter or longer than its Info says is Transient.
func ReadAll(ctx context.Context, store Store, key string) (_ []byte, info Info, err error) {
	body, info, err := store.Get(ctx, key)
	if err != nil {
		return nil, Info{}, err
	}
	defer func() { err = errors.Join(err, body.Close()) }()
	var content bytes.Buffer
	if _, err := content.ReadFrom(body); err != nil {
		return nil, Info{}, err
	}
	if int64(content.Len()) != info.SizeBytes {
		return nil, Info{}, fault.New(fault.Transient, "read %q: got %d bytes, expected %d",
			key, content.Len(), info.SizeBytes)
	}
	return content.Bytes(), info, nil
}

// PutBytes stores a small object.
func PutBytes(ctx context.Context, store Store, key string, content []byte, condition Condition) (Info, error) {
	return store.Put(ctx, key, bytes.NewReader(content), condition)
}

// Exists reports whether an object has the key.
func Exists(ctx context.Context, store Store, key string) (bool, error) {
	_, err := store.Stat(ctx, key)
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	return err == nil, err
}

// SizeOf gives the number of bytes from the current position of body to its end, and leaves the position as it was.
func SizeOf(body io.Seeker) (int64, error) {
	start, err := body.Seek(0, io.SeekCurrent)
	if err != nil {
		return 0, err
	}
	end, err := body.Seek(0, io.SeekEnd)
	if err != nil {
		return 0, err
	}
	_, err = body.Seek(start, io.SeekStart)
	return end - start, err
}
