package torchfile

import (
	"encoding/binary"
	"fmt"
	"io"

	"elara/spec/fault"
)

const (
	// legacyMagic is 0x1950a86a20f9469cfc6c as a pickle holds it.
	legacyMagic = long("\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19")

	legacyProtocol = int64(1001)
)

// parseLegacy reads the form before PyTorch 1.6: five pickles in a row (magic number, protocol, facts on the machine, the
// object, the keys of its storages), and then for each key the count of its numbers and the numbers.
func parseLegacy(path string, from io.ReaderAt, size int64) ([]Tensor, error) {
	in := newCursor(path, "", from, size)
	found := &storages{byKey: map[string]*storage{}}
	magic, err := run(in, found)
	if err != nil {
		return nil, err
	}
	if magic != legacyMagic {
		return nil, fault.At(path, 0, "a pickle without the magic number of torch.save, expected its zip form or its legacy form")
	}
	protocol, err := run(in, found)
	if err != nil {
		return nil, err
	}
	if protocol != legacyProtocol {
		return nil, fault.At(path, 0, "the protocol of the legacy form is not %d", legacyProtocol)
	}
	machine, err := run(in, found)
	if err != nil {
		return nil, err
	}
	facts, ok := machine.(*dict)
	if !ok {
		return nil, corrupt(path, "the facts on the machine that wrote the file are %s, expected a dictionary", describe(machine))
	}
	if little, _ := facts.find("little_endian"); little != true {
		return nil, fault.At(path, 0, "the file was written on a big-endian machine, expected a little-endian one")
	}
	built, err := run(in, found)
	if err != nil {
		return nil, err
	}
	keys, err := run(in, found)
	if err != nil {
		return nil, err
	}
	if err := placeInTurn(in, from, found.byKey, keys); err != nil {
		return nil, err
	}
	return named(path, built)
}

// placeInTurn finds where the numbers of each storage lie, in the order of the keys.
func placeInTurn(in *cursor, from io.ReaderAt, byKey map[string]*storage, keys value) error {
	listed, ok := keys.(*list)
	if !ok || len(listed.items) != len(byKey) {
		return corrupt(in.path, "the file lists %s for the keys of its %d storages", describe(keys), len(byKey))
	}
	at, placed := in.at, make(map[string]bool, len(byKey))
	for _, item := range listed.items {
		key, _ := item.(string)
		s := byKey[key]
		if s == nil || placed[key] {
			return corrupt(in.path, "the file lists %s for a storage, expected each key of the pickle once", describe(item))
		}
		placed[key] = true
		if in.end-at < 8 || in.end-at-8 < s.bytes() {
			return corrupt(in.path, "storage %q needs %d bytes at byte %d, the file ends at byte %d", key, s.bytes(), at, in.end)
		}
		var count [8]byte
		if _, err := from.ReadAt(count[:], at); err != nil {
			return fmt.Errorf("read %s: %w", in.path, err)
		}
		if n := binary.LittleEndian.Uint64(count[:]); n != uint64(s.count) {
			return corrupt(in.path, "storage %q has %d numbers at byte %d, expected %d", key, n, at, s.count)
		}
		s.at = at + int64(len(count))
		at = s.at + s.bytes()
	}
	return nil
}
