package artifact

import (
	"context"
	"slices"

	"elara/spec"
	"elara/spec/fault"
	"elara/storage"
)

// Taught is what a model or an adapter was made over and taught by, however many steps ago.
type Taught struct {
	Bases     []spec.Digest // base models, other than the artifact itself
	Templates []string      // hashes of the templates of its data sets
	Audiences []string      // of its data sets

	seen map[spec.Digest]bool
}

// TaughtBy reads the manifests of all that an artifact was made from, as far as the base models: what those were made from in their
// turn (a pre-training, a merge) is in them already. One that was cleared away tells nothing any more.
func TaughtBy(ctx context.Context, store storage.Store, ref spec.ArtifactRef) (Taught, error) {
	t := Taught{seen: map[spec.Digest]bool{}}
	m, err := Load(ctx, store, ref)
	if err == nil {
		err = t.follow(ctx, store, ref.Digest, m)
	}
	return t, err
}

func (t *Taught) follow(ctx context.Context, store storage.Store, digest spec.Digest, m Manifest) error {
	isAsked := len(t.seen) == 0
	if t.seen[digest] = true; m.Kind == spec.KindBaseModel && !isAsked {
		t.Bases = append(t.Bases, digest)
		return nil
	}
	t.Templates = add(t.Templates, m.Meta["template"])
	t.Audiences = add(t.Audiences, m.Meta["audience"])
	for _, input := range m.Inputs {
		if t.seen[input] {
			continue
		}
		next, err := Load(ctx, store, spec.ArtifactRef{Digest: input})
		if fault.Is(err, fault.NotFound) {
			continue
		}
		if err != nil {
			return err
		}
		if err := t.follow(ctx, store, input, next); err != nil {
			return err
		}
	}
	return nil
}

func add(to []string, value string) []string {
	if value == "" || slices.Contains(to, value) {
		return to
	}
	return append(to, value)
}
