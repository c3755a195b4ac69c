package hub

import (
	"crypto/sha1" // git names its objects so; large files have SHA-256
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"

	"elara/spec/fault"
)

// Digests are told apart by their length in hexadecimal digits.
const (
	sha256Digits = 2 * sha256.Size
	sha1Digits   = 2 * sha1.Size
)

// hasDigest reports whether an ETag says what the file's bytes must be.
func hasDigest(etag string) bool {
	_, err := hex.DecodeString(etag)
	return err == nil && (len(etag) == sha256Digits || len(etag) == sha1Digits)
}

// verify reads a file and compares it with what the hub said about it: a large file's ETag is its SHA-256, a small one's
// is git's name for it, the SHA-1 of "blob SIZE", a zero byte and the contents.
func verify(about subject, path string, said metadata) (err error) {
	file, err := os.Open(path)
	if err != nil {
		return onDisk(err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	info, err := file.Stat()
	if err != nil {
		return onDisk(err)
	}
	if said.size >= 0 && info.Size() != said.size {
		return fault.New(fault.Corrupt, "%s: %d bytes came, expected %d", about, info.Size(), said.size)
	}
	if !hasDigest(said.etag) {
		return nil
	}
	var sum hash.Hash
	if len(said.etag) == sha256Digits {
		sum = sha256.New()
	} else {
		sum = sha1.New()
		_, _ = fmt.Fprintf(sum, "blob %d\x00", info.Size()) // a hash takes all
	}
	if _, err := io.Copy(sum, file); err != nil {
		return onDisk(err)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != said.etag {
		return fault.New(fault.Corrupt, "%s: digest mismatch: want %s, got %s", about, said.etag, got)
	}
	return nil
}
