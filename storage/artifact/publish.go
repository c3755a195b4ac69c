package artifact

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"elara/spec"
	"elara/spec/fault"
	"elara/storage"
	"elara/storage/cas"
)

// Publish stores a folder with everything below it, or a single file, and gives its reference. Links to files are
// followed, as the caches of model hubs are made of them; links to folders and anything else are refused. inputs are
// the artifacts it was made from. Files come before the manifest: an interrupted Publish leaves no artifact.
func Publish(ctx context.Context, store storage.Store, kind spec.ArtifactKind, folderOrFile string, inputs []spec.Digest, meta map[string]string) (spec.ArtifactRef, error) {
	paths, err := find(folderOrFile)
	if err != nil {
		return spec.ArtifactRef{}, err
	}
	m := Manifest{Kind: kind, Files: []File{}}
	for _, name := range slices.Sorted(maps.Keys(paths)) {
		blob, err := putFile(ctx, store, paths[name])
		if err != nil {
			return spec.ArtifactRef{}, err
		}
		m.Files = append(m.Files, File{Name: name, Blob: blob})
	}
	return m.publish(ctx, store, inputs, meta)
}

// PublishBytes stores files that are in memory.
func PublishBytes(ctx context.Context, store storage.Store, kind spec.ArtifactKind, files map[string][]byte, inputs []spec.Digest, meta map[string]string) (spec.ArtifactRef, error) {
	m := Manifest{Kind: kind, Files: []File{}}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		blob, err := cas.PutBytes(ctx, store, files[name])
		if err != nil {
			return spec.ArtifactRef{}, err
		}
		m.Files = append(m.Files, File{Name: name, Blob: blob})
	}
	return m.publish(ctx, store, inputs, meta)
}

func (m Manifest) publish(ctx context.Context, store storage.Store, inputs []spec.Digest, meta map[string]string) (spec.ArtifactRef, error) {
	m.Format = manifestFormat
	m.Inputs = slices.Compact(slices.Sorted(slices.Values(inputs)))
	m.Meta = meta
	content, err := m.encode()
	if err != nil {
		return spec.ArtifactRef{}, err
	}
	blob, err := cas.PutBytes(ctx, store, content)
	return spec.ArtifactRef{Kind: m.Kind, Digest: blob.Digest, SizeBytes: m.SizeBytes()}, err
}

// find gives the path of every file by the name it will have.
func find(folderOrFile string) (map[string]string, error) {
	info, err := os.Stat(folderOrFile)
	if err != nil {
		return nil, notReadable(err)
	}
	if info.Mode().IsRegular() {
		return map[string]string{filepath.Base(folderOrFile): folderOrFile}, nil
	}
	paths := make(map[string]string)
	root := filepath.Clean(folderOrFile) + string(filepath.Separator) // with it, a link to a folder is followed
	err = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return notReadable(err)
		}
		if entry.IsDir() {
			return nil
		}
		info, err := os.Stat(path)
		if err != nil {
			return notReadable(err)
		}
		if !info.Mode().IsRegular() {
			return fault.At(path, 0, "expected a file or a link to a file, found %s", info.Mode().Type())
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		paths[filepath.ToSlash(name)] = path
		return nil
	})
	return paths, err
}

func notReadable(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return fault.At(at.Path, 0, "cannot be read: %w", at.Err)
	}
	return err
}

func putFile(ctx context.Context, store storage.Store, path string) (_ cas.Blob, err error) {
	file, err := os.Open(path)
	if err != nil {
		return cas.Blob{}, notReadable(err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	blob, err := cas.Measure(file)
	if err != nil {
		return cas.Blob{}, notReadable(err)
	}
	return blob, cas.Put(ctx, store, blob, file)
}
