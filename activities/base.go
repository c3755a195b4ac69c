package activities

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"go.temporal.io/sdk/activity"

	"elara/spec"
	"elara/spec/fault"
	"elara/storage"
	"elara/storage/artifact"
)

// ggufSuffix ends the name of a model that is one file.
const ggufSuffix = ".gguf"

// modelSuffixes end the names of the files that a model in Hugging Face form consists of. Other formats of the same
// weights, which such folders often hold too, are left where they are.
var modelSuffixes = []string{".json", safetensorsSuffix, ".txt", ".model", ".jinja"}

const safetensorsSuffix = ".safetensors"

// torchWeights are the files that hold the weights of a folder without safetensors: what torch.save wrote, whole or in
// shards.
var torchWeights = regexp.MustCompile(`^pytorch_model(-.+)?\.bin$`)

// ImportBase freezes the base model.
func (c *Control) ImportBase(ctx context.Context, in spec.BaseSource) (spec.ArtifactRef, error) {
	return run(ctx, c.Instruments, spec.StageBase, in, c.importBase)
}

func (c *Control) importBase(ctx context.Context, in spec.BaseSource) (_ spec.ArtifactRef, err error) {
	work := begin(ctx, c.Store, spec.Progress{Stage: spec.StageBase}, bulkPatience)
	defer work.end()
	ctx, store := work.ctx, work.store

	switch {
	case in.Name != "":
		return c.fetchBase(work, in.Name)
	case in.Path == "":
		return stored(ctx, store, in.Artifact)
	}
	info, err := os.Stat(in.Path)
	if err != nil {
		return spec.ArtifactRef{}, fault.At(in.Path, 0, "no such base model; expected a folder in Hugging Face form, or a %s file", ggufSuffix)
	}
	if !info.IsDir() {
		if !strings.EqualFold(filepath.Ext(in.Path), ggufSuffix) {
			return spec.ArtifactRef{}, fault.At(in.Path, 0, "not a base model; expected a folder in Hugging Face form, or a %s file", ggufSuffix)
		}
		return artifact.Publish(ctx, store, spec.KindBaseModel, in.Path, nil, nil)
	}
	folder, remove, err := scratch(c.Scratch, "base")
	if err != nil {
		return spec.ArtifactRef{}, err
	}
	defer func() { err = errors.Join(err, remove()) }()
	left, err := linkModel(in.Path, folder)
	if err != nil {
		return spec.ArtifactRef{}, err
	}
	if len(left) > 0 {
		activity.GetLogger(ctx).Info("files of the base model's folder that are no part of the model", "files", left)
	}
	return artifact.Publish(ctx, store, spec.KindBaseModel, folder, nil, nil)
}

// stored makes sure that an artifact named by the user is there.
func stored(ctx context.Context, store storage.Store, ref spec.ArtifactRef) (spec.ArtifactRef, error) {
	ref.Kind = spec.KindBaseModel
	manifest, err := artifact.Load(ctx, store, ref)
	if err != nil {
		return spec.ArtifactRef{}, err
	}
	there, err := artifact.Exists(ctx, store, ref)
	if err == nil && !there {
		err = fault.New(fault.NotFound, "base model %s: some of its files are missing", ref.Digest.Short())
	}
	ref.SizeBytes = manifest.SizeBytes()
	return ref, err
}

// linkModel lays out the files that a model consists of, without copying them, and tells which it left.
func linkModel(from, into string) (left []string, err error) {
	entries, err := os.ReadDir(from)
	if err != nil {
		return nil, fault.At(from, 0, "cannot be read: %w", errors.Unwrap(err))
	}
	isTorch := !slices.ContainsFunc(entries, func(e os.DirEntry) bool { return filepath.Ext(e.Name()) == safetensorsSuffix })
	weights, config := false, false
	for _, entry := range entries {
		path := filepath.Join(from, entry.Name())
		info, err := os.Stat(path) // the caches of model hubs consist of links
		if err != nil {
			return nil, fault.At(path, 0, "cannot be read: %w", errors.Unwrap(err))
		}
		suffix := filepath.Ext(entry.Name())
		holdsWeights := suffix == safetensorsSuffix || isTorch && torchWeights.MatchString(entry.Name())
		if !info.Mode().IsRegular() || strings.HasPrefix(entry.Name(), ".") || !holdsWeights && !slices.Contains(modelSuffixes, suffix) {
			left = append(left, entry.Name())
			continue
		}
		weights = weights || holdsWeights
		config = config || entry.Name() == "config.json"
		target, err := filepath.Abs(path)
		if err != nil {
			return nil, err
		}
		if err := os.Symlink(target, filepath.Join(into, entry.Name())); err != nil {
			return nil, onDisk(err)
		}
	}
	if !config || !weights {
		return nil, fault.At(from, 0, "not a base model; expected config.json and *.safetensors or pytorch_model.bin in the folder, or a %s file", ggufSuffix)
	}
	return left, nil
}

// base brings a base model onto this machine, and gives what the engine opens of it.
func (d *Device) base(ctx context.Context, store storage.Store, ref spec.ArtifactRef) (string, error) {
	folder, err := d.Cache.Materialise(ctx, store, ref)
	if err != nil {
		return "", err
	}
	return modelPath(folder)
}

// modelPath is what the engine opens of a materialised base model: the folder, or the one file in it.
func modelPath(folder string) (string, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return "", onDisk(err)
	}
	if len(entries) == 1 && strings.EqualFold(filepath.Ext(entries[0].Name()), ggufSuffix) {
		return filepath.Join(folder, entries[0].Name()), nil
	}
	return folder, nil
}
