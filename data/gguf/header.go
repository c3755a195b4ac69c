package gguf

import (
	"math/bits"
)

const (
	magic            = "GGUF"
	headerBytes      = 24 // magic, version, tensor count, key count
	defaultAlignment = 32 // of tensor data, when general.alignment is absent

	smallestEntry      = 8 + 1 + 4 + 1 // key length, one character, type, one byte of value
	smallestTensorInfo = 8 + 1 + 4 + 4 + 8

	alignmentKey = "general.alignment"
)

// parse reads the header and checks every tensor's place.
func parse(path string, data []byte) (*File, error) {
	c := &cursor{path: path, data: data}
	if len(data) < headerBytes || string(data[:4]) != magic {
		return nil, corruptAt(path, "file begins with %q, expected %q", data[:min(4, len(data))], magic)
	}
	c.offset = len(magic)
	version, err := c.uint32("the version")
	if err != nil {
		return nil, err
	}
	if swapped := bits.ReverseBytes32(version); swapped == 2 || swapped == 3 {
		return nil, corruptAt(path, "file is big-endian, expected a little-endian GGUF file")
	}
	if version != 2 && version != 3 {
		return nil, corruptAt(path, "GGUF version is %d, expected 2 or 3", version)
	}
	tensorCount, err := c.count(smallestTensorInfo, "the number of tensors")
	if err != nil {
		return nil, err
	}
	keyCount, err := c.count(smallestEntry, "the number of metadata keys")
	if err != nil {
		return nil, err
	}
	file := &File{path: path, version: version, contents: data,
		values: make(map[string]value), byName: make(map[string]int)}
	for range keyCount {
		if err := file.readEntry(c); err != nil {
			return nil, err
		}
	}
	alignment, err := file.alignment()
	if err != nil {
		return nil, err
	}
	for range tensorCount {
		if err := file.readTensorInfo(c); err != nil {
			return nil, err
		}
	}
	if err := file.placeTensors(uint64(c.offset), alignment); err != nil {
		return nil, err
	}
	return file, nil
}

// readEntry reads one metadata key with its value.
func (f *File) readEntry(c *cursor) error {
	key, err := c.name("a metadata key")
	if err != nil {
		return err
	}
	if _, twice := f.values[key]; twice {
		return corruptAt(f.path, "metadata key %q appears twice, expected once", key)
	}
	v, err := readValue(c, key)
	if err != nil {
		return err
	}
	f.keys = append(f.keys, key)
	f.values[key] = v
	return nil
}

// alignment is what tensor offsets are multiples of.
func (f *File) alignment() (uint64, error) {
	v, found := f.values[alignmentKey]
	if !found {
		return defaultAlignment, nil
	}
	n, isUint32 := v.content.(uint64)
	if v.kind != kindUint32 || !isUint32 || n == 0 || n&(n-1) != 0 {
		return 0, corruptAt(f.path, "metadata key %q is %v of type %s, expected a power of two of type uint32",
			alignmentKey, v.content, v.kind)
	}
	return n, nil
}
