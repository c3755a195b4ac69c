package artifact

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"elara/spec"
	"elara/spec/fault"
	"elara/storage"
	"elara/storage/cas"
)

const manifestFormat = 1

// Manifest is what an artifact consists of. Its JSON form is canonical: files by name, inputs by digest, meta by key,
// without a time or a place.
type Manifest struct {
	Format int               `json:"format"`
	Kind   spec.ArtifactKind `json:"kind"`
	Files  []File            `json:"files"`
	Inputs []spec.Digest     `json:"inputs,omitempty"` // artifacts it was made from
	Meta   map[string]string `json:"meta,omitempty"`
}

// File is one file of an artifact. Its name is relative, with slashes.
type File struct {
	Name string `json:"name"`
	cas.Blob
}

// SizeBytes is that of all files together.
func (m Manifest) SizeBytes() int64 {
	var total int64
	for _, file := range m.Files {
		total += file.SizeBytes
	}
	return total
}

// File finds a file by name.
func (m Manifest) File(name string) (File, bool) {
	i, found := slices.BinarySearchFunc(m.Files, name, func(f File, name string) int { return strings.Compare(f.Name, name) })
	if !found {
		return File{}, false
	}
	return m.Files[i], true
}

// check refuses what no honest publisher wrote: the manifest comes from a store that others can write to.
func (m Manifest) check() error {
	if m.Format != manifestFormat {
		return fault.New(fault.Invalid, "manifest format %d: expected %d", m.Format, manifestFormat)
	}
	if m.Kind == "" {
		return fault.New(fault.Invalid, "manifest names no kind")
	}
	for i, file := range m.Files {
		if err := checkName(file.Name); err != nil {
			return err
		}
		if i > 0 && m.Files[i-1].Name >= file.Name {
			return fault.New(fault.Invalid, "manifest lists %q after %q: expected each name once, in order",
				file.Name, m.Files[i-1].Name)
		}
		for folder := path.Dir(file.Name); folder != "."; folder = path.Dir(folder) {
			if _, both := m.File(folder); both {
				return fault.New(fault.Invalid, "manifest lists %q as a file and as a folder", folder)
			}
		}
		if err := file.Digest.Check(); err != nil {
			return err
		}
		if file.SizeBytes < 0 {
			return fault.New(fault.Invalid, "manifest gives %q %d bytes", file.Name, file.SizeBytes)
		}
	}
	for _, input := range m.Inputs {
		if err := input.Check(); err != nil {
			return err
		}
	}
	return nil
}

// checkName refuses names that could leave the folder an artifact is laid out in.
func checkName(name string) error {
	if name == "" || name == "." || strings.ContainsAny(name, "\\\x00") || !filepath.IsLocal(filepath.FromSlash(name)) ||
		filepath.ToSlash(filepath.Clean(filepath.FromSlash(name))) != name {
		return fault.New(fault.Invalid, "file name %q: expected a plain relative path with slashes", name)
	}
	return nil
}

func (m Manifest) encode() ([]byte, error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	return json.Marshal(m)
}

func decodeManifest(content []byte) (Manifest, error) {
	var m Manifest
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&m); err != nil {
		return Manifest{}, err
	}
	return m, m.check()
}

// Load reads the manifest of an artifact and makes sure that it is what the reference says. A reference with the
// digest alone is enough; kind and size are compared when they are set.
func Load(ctx context.Context, store storage.Store, ref spec.ArtifactRef) (Manifest, error) {
	content, err := cas.Read(ctx, store, ref.Digest)
	if err != nil {
		return Manifest{}, fmt.Errorf("load %s artifact %s: %w", ref.Kind, ref.Digest.Short(), err)
	}
	m, err := decodeManifest(content)
	if err != nil {
		return Manifest{}, fault.New(fault.Corrupt, "load %s artifact %s: not a manifest: %w", ref.Kind, ref.Digest.Short(), err)
	}
	if ref.Kind != "" && ref.Kind != m.Kind {
		return Manifest{}, fault.New(fault.Invalid, "artifact %s is of kind %s, expected %s", ref.Digest.Short(), m.Kind, ref.Kind)
	}
	if ref.SizeBytes != 0 && ref.SizeBytes != m.SizeBytes() {
		return Manifest{}, fault.New(fault.Invalid, "artifact %s has %d bytes, expected %d", ref.Digest.Short(), m.SizeBytes(), ref.SizeBytes)
	}
	return m, nil
}

// ReadFile reads one file of an artifact.
func ReadFile(ctx context.Context, store storage.Store, ref spec.ArtifactRef, name string) ([]byte, error) {
	m, err := Load(ctx, store, ref)
	if err != nil {
		return nil, err
	}
	file, found := m.File(name)
	if !found {
		return nil, fault.New(fault.NotFound, "%s artifact %s has no file %q", m.Kind, ref.Digest.Short(), name)
	}
	return cas.Read(ctx, store, file.Digest)
}

// Exists reports whether the artifact and all its files are there, with the right sizes. It does not read the files:
// Verify does.
func Exists(ctx context.Context, store storage.Store, ref spec.ArtifactRef) (bool, error) {
	m, err := Load(ctx, store, ref)
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Corrupt) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	for _, file := range m.Files {
		info, err := store.Stat(ctx, cas.Key(file.Digest))
		if fault.Is(err, fault.NotFound) || (err == nil && info.SizeBytes != file.SizeBytes) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
	}
	return true, nil
}

// Verify reads every file of the artifact and compares it with its digest.
func Verify(ctx context.Context, store storage.Store, ref spec.ArtifactRef) error {
	m, err := Load(ctx, store, ref)
	if err != nil {
		return err
	}
	for _, file := range m.Files {
		if err := cas.Verify(ctx, store, file.Blob); err != nil {
			return fmt.Errorf("%s artifact %s: file %q: %w", m.Kind, ref.Digest.Short(), file.Name, err)
		}
	}
	return nil
}
