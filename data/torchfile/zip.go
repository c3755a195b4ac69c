package torchfile

import (
	"archive/zip"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"strconv"
	"strings"

	"elara/spec/fault"
)

// maxFormat is the newest version of the zip form that is known; torch has written 3 since 1.6.
const maxFormat = 10

// archive is the zip form: data.pkl, a file data/KEY for each storage, and a few short records, all below one folder.
type archive struct {
	path    string
	from    io.ReaderAt
	root    string // of the folder, with its slash
	entries map[string]entry
}

// entry is where a record lies in the file.
type entry struct {
	name     string
	at, size int64
	sum      uint32 // 0 where torch was told not to compute it
}

func parseZip(path string, from io.ReaderAt, size int64) ([]Tensor, error) {
	a, err := openArchive(path, from, size)
	if err != nil {
		return nil, err
	}
	if err := a.checkRecords(); err != nil {
		return nil, err
	}
	pickle, err := a.record("data.pkl", maxPickleBytes)
	if err != nil {
		return nil, err
	}
	in := newCursor(path, a.root+"data.pkl", bytes.NewReader(pickle), int64(len(pickle)))
	built, err := run(in, &storages{byKey: map[string]*storage{}, place: a.place})
	if err != nil {
		return nil, err
	}
	return named(path, built)
}

// openArchive reads the zip's directory. Every record must be stored as it is, once, apart from all others.
func openArchive(path string, from io.ReaderAt, size int64) (*archive, error) {
	reader, err := zip.NewReader(from, size)
	if err != nil {
		return nil, corrupt(path, "not a whole zip file: %w", err)
	}
	if slices.ContainsFunc(reader.File, func(f *zip.File) bool { return strings.HasSuffix(f.Name, "/constants.pkl") }) {
		return nil, fault.At(path, 0, "a TorchScript archive, which is a program, expected a dictionary of tensors from torch.save")
	}
	a := &archive{path: path, from: from, entries: make(map[string]entry, len(reader.File))}
	placed := make([]entry, 0, len(reader.File))
	for _, file := range reader.File {
		e := entry{name: file.Name, size: int64(file.UncompressedSize64), sum: file.CRC32}
		if file.Method != zip.Store || file.CompressedSize64 != file.UncompressedSize64 || file.Flags&1 != 0 {
			return nil, corrupt(path, "zip entry %q is compressed or encrypted, expected it stored as it is", file.Name)
		}
		if _, twice := a.entries[file.Name]; twice {
			return nil, corrupt(path, "zip entry %q appears twice, expected once", file.Name)
		}
		if e.at, err = file.DataOffset(); err != nil {
			return nil, corrupt(path, "zip entry %q has no header where the directory puts it: %w", file.Name, err)
		}
		if e.size < 0 || e.at < 0 || e.at > size || e.size > size-e.at {
			return nil, corrupt(path, "zip entry %q of %d bytes at byte %d leaves the file of %d bytes", file.Name, e.size, e.at, size)
		}
		a.entries[file.Name] = e
		placed = append(placed, e)
		if folder, isPickle := strings.CutSuffix(file.Name, "/data.pkl"); isPickle && !strings.Contains(folder, "/") {
			if a.root != "" {
				return nil, corrupt(path, "the zip holds data.pkl in two folders, expected one")
			}
			a.root = folder + "/"
		}
	}
	if a.root == "" {
		return nil, fault.At(path, 0, "a zip file without FOLDER/data.pkl, expected one that torch.save wrote")
	}
	slices.SortFunc(placed, func(a, b entry) int { return cmp.Compare(a.at, b.at) })
	for i := 1; i < len(placed); i++ {
		if before := placed[i-1]; before.at+before.size > placed[i].at {
			return nil, corrupt(path, "zip entries %q and %q overlap, expected them apart", before.name, placed[i].name)
		}
	}
	return a, nil
}

// checkRecords looks at the short records on byte order and version.
func (a *archive) checkRecords() error {
	order, err := a.record("byteorder", 64)
	if err != nil {
		return err
	}
	if order := strings.TrimSpace(string(order)); order != "" && order != "little" {
		return fault.At(a.path, 0, "the byte order is %q, expected little", order)
	}
	version, err := a.record("version", 64)
	if err != nil {
		return err
	}
	if version == nil { // the very first releases of the form had none
		return nil
	}
	if n, err := strconv.Atoi(strings.TrimSpace(string(version))); err != nil || n < 1 || n > maxFormat {
		return fault.At(a.path, 0, "the format version is %q, expected 1 to %d", version, maxFormat)
	}
	return nil
}

// record reads a short record and compares its checksum. It is nil where there is none.
func (a *archive) record(name string, maxBytes int64) ([]byte, error) {
	e, ok := a.entries[a.root+name]
	if !ok {
		return nil, nil
	}
	if e.size > maxBytes {
		return nil, corrupt(a.path, "zip entry %q has %d bytes, expected at most %d", e.name, e.size, maxBytes)
	}
	text := make([]byte, e.size)
	if _, err := a.from.ReadAt(text, e.at); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read %s: %w", a.path, err)
	}
	if sum := crc32.ChecksumIEEE(text); e.sum != 0 && sum != e.sum {
		return nil, corrupt(a.path, "zip entry %q has checksum %08x, expected %08x", e.name, sum, e.sum)
	}
	return text, nil
}

// place finds the numbers of a storage.
func (a *archive) place(s *storage) error {
	name := a.root + "data/" + s.key
	e, ok := a.entries[name]
	if !ok {
		return corrupt(a.path, "zip entry %q is missing, expected the numbers of a storage", name)
	}
	if e.size != s.bytes() {
		return corrupt(a.path, "zip entry %q has %d bytes, expected %d numbers of type %s", name, e.size, s.count, s.dtype)
	}
	s.at = e.at
	return nil
}
