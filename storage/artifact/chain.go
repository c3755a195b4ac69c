package artifact

import (
	"context"
	"slices"

	"elara/spec"
	"elara/spec/fault"
	"elara/storage"
	"elara/storage/cas"
)

// beforeKey is the note in a manifest that names the artifact before it in a chain.
const beforeKey = "before"

// PublishLink stores the next artifact of a chain. before is the newest one so far, zero for the first; it counts as an
// input, so that the chain is kept by its head.
func PublishLink(ctx context.Context, store storage.Store, kind spec.ArtifactKind, files map[string][]byte, before spec.ArtifactRef, inputs []spec.Digest) (spec.ArtifactRef, error) {
	if before.IsZero() {
		return PublishBytes(ctx, store, kind, files, inputs, nil)
	}
	return PublishBytes(ctx, store, kind, files, append([]spec.Digest{before.Digest}, inputs...), map[string]string{beforeKey: string(before.Digest)})
}

// ReadChain reads one file of every artifact of a chain, the oldest first. A zero head is an empty chain.
func ReadChain(ctx context.Context, store storage.Store, head spec.ArtifactRef, name string) ([][]byte, error) {
	var contents [][]byte
	for ref := head; !ref.IsZero(); {
		m, err := Load(ctx, store, ref)
		if err != nil {
			return nil, err
		}
		file, found := m.File(name)
		if !found {
			return nil, fault.New(fault.Corrupt, "%s artifact %s has no file %q", m.Kind, ref.Digest.Short(), name)
		}
		content, err := cas.Read(ctx, store, file.Digest)
		if err != nil {
			return nil, err
		}
		contents = append(contents, content)
		ref = spec.ArtifactRef{Kind: ref.Kind, Digest: spec.Digest(m.Meta[beforeKey])}
	}
	slices.Reverse(contents)
	return contents, nil
}
