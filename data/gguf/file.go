package gguf

import (
	"errors"
	"fmt"
	"math"
	"os"

	"golang.org/x/sys/unix"

	"elara/spec/fault"
)

// File is an open GGUF file. Its methods may be called from several goroutines at once, but none during or after
// Close.
type File struct {
	path     string
	version  uint32
	keys     []string         // in file order
	values   map[string]value // by key
	tensors  []Tensor         // in file order
	byName   map[string]int   // index into tensors
	mapping  []byte           // what Close unmaps
	contents []byte           // the whole file
}

// Open maps the file read-only and checks its header and the place of each tensor. The caller closes it.
// Bytes that break the format are fault.Corrupt; a readable file that this package does not serve is fault.Invalid.
func Open(path string) (_ *File, err error) {
	handle, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fault.At(path, 0, "no such file, expected a GGUF file")
	}
	if err != nil {
		return nil, fmt.Errorf("open GGUF file: %w", err)
	}
	// The mapping outlives the handle.
	defer func() { err = errors.Join(err, handle.Close()) }()
	info, err := handle.Stat()
	if err != nil {
		return nil, fmt.Errorf("stat GGUF file: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fault.At(path, 0, "not a regular file, expected a GGUF file")
	}
	if info.Size() < headerBytes || info.Size() > math.MaxInt {
		return nil, corruptAt(path, "file has %d bytes, expected a GGUF header of at least %d", info.Size(), headerBytes)
	}
	mapping, err := unix.Mmap(int(handle.Fd()), 0, int(info.Size()), unix.PROT_READ, unix.MAP_PRIVATE)
	if err != nil {
		return nil, fmt.Errorf("map %s: %w", path, err)
	}
	file, err := parse(path, mapping)
	if err != nil {
		return nil, errors.Join(err, unix.Munmap(mapping))
	}
	file.mapping = mapping
	return file, nil
}

// Close releases the mapping. Views from ReadRaw must not be touched afterwards. Closing twice is allowed.
func (f *File) Close() error {
	mapping := f.mapping
	f.mapping, f.contents = nil, nil
	if mapping == nil {
		return nil
	}
	if err := unix.Munmap(mapping); err != nil {
		return fmt.Errorf("unmap %s: %w", f.path, err)
	}
	return nil
}

// Path is the path the file was opened under.
func (f *File) Path() string { return f.path }

// Version is the format version, 2 or 3.
func (f *File) Version() int { return int(f.version) }

// corruptAt makes a fault.Corrupt error about a file.
func corruptAt(path, format string, args ...any) error {
	return &fault.Error{Kind: fault.Corrupt, Place: path, Err: fmt.Errorf(format, args...)}
}
