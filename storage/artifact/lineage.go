package artifact

import (
	"context"

	"elara/spec"
	"elara/spec/fault"
	"elara/storage"
	"elara/storage/cas"
)

// Ancestor is an artifact that another one was made from, directly or not.
type Ancestor struct {
	Ref      spec.ArtifactRef
	Manifest Manifest
	Depth    int  // 0: the artifact itself
	Missing  bool // its manifest is gone or damaged; only Ref.Digest and Depth are set
}

// Lineage walks from an artifact to everything it was made from, nearest first, each once. An ancestor that is gone is
// told, not an error.
func Lineage(ctx context.Context, store storage.Store, ref spec.ArtifactRef) ([]Ancestor, error) {
	root, err := Load(ctx, store, ref)
	if err != nil {
		return nil, err
	}
	ancestors := []Ancestor{{Ref: refOf(ref.Digest, root), Manifest: root}}
	seen := map[spec.Digest]bool{ref.Digest: true}
	for i := 0; i < len(ancestors); i++ {
		for _, input := range ancestors[i].Manifest.Inputs {
			if seen[input] {
				continue
			}
			seen[input] = true
			next := Ancestor{Depth: ancestors[i].Depth + 1}
			next.Manifest, err = Load(ctx, store, spec.ArtifactRef{Digest: input})
			switch {
			case fault.Is(err, fault.NotFound) || fault.Is(err, fault.Corrupt):
				next.Ref.Digest = input
				next.Missing = true
			case err != nil:
				return nil, err
			default:
				next.Ref = refOf(input, next.Manifest)
			}
			ancestors = append(ancestors, next)
		}
	}
	return ancestors, nil
}

func refOf(digest spec.Digest, m Manifest) spec.ArtifactRef {
	return spec.ArtifactRef{Kind: m.Kind, Digest: digest, SizeBytes: m.SizeBytes()}
}

// Mark marks the blobs of artifacts and of everything they were made from, for cas.Sweep. An artifact that is gone
// marks nothing.
func Mark(ctx context.Context, store storage.Store, marks cas.Marks, refs ...spec.ArtifactRef) error {
	for _, ref := range refs {
		ancestors, err := Lineage(ctx, store, ref)
		if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Corrupt) {
			continue
		}
		if err != nil {
			return err
		}
		for _, ancestor := range ancestors {
			marks.Add(ancestor.Ref.Digest)
			for _, file := range ancestor.Manifest.Files {
				marks.Add(file.Digest)
			}
		}
	}
	return nil
}
