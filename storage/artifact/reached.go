package artifact

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"

	"elara/spec"
	"elara/spec/fault"
	"elara/storage"
	"elara/storage/cas"
)

// Reach is an adapter that rows have reached: they were in the data set that it was trained on or measured with.
type Reach struct {
	Adapter  spec.AdapterName `json:"adapter"`
	Ref      spec.ArtifactRef `json:"ref"`
	Dataset  spec.ArtifactRef `json:"dataset"`
	Rows     []spec.UsedRow   `json:"rows"`
	Unknown  bool             `json:"unknown,omitempty"`  // its data set is gone: whether it had the rows cannot be told
	Channels []string         `json:"channels,omitempty"` // that serve it now
}

// Reached gives the adapters that the selected rows have reached, by name and digest: those of recorded trainings, and those
// of every candidate that a channel serves, served or is offered.
func Reached(ctx context.Context, store storage.Store, rows spec.RowSelector) ([]Reach, error) {
	adapters, err := adaptersOf(ctx, store)
	if err != nil {
		return nil, err
	}
	found := make(map[spec.Digest][]spec.UsedRow) // by data set
	var reached []Reach
	for _, digest := range slices.Sorted(maps.Keys(adapters)) {
		reach := adapters[digest]
		reach.Dataset, reach.Unknown, err = datasetOf(ctx, store, reach.Ref)
		if err != nil {
			return nil, err
		}
		if reach.Unknown {
			reached = append(reached, *reach)
		}
		if reach.Dataset.IsZero() {
			continue
		}
		in, known := found[reach.Dataset.Digest]
		if !known {
			if in, err = selected(ctx, store, reach.Dataset, rows); err != nil {
				return nil, err
			}
			found[reach.Dataset.Digest] = in
		}
		if reach.Rows = in; len(in) > 0 {
			reached = append(reached, *reach)
		}
	}
	slices.SortStableFunc(reached, func(a, b Reach) int { return cmp.Compare(a.Adapter, b.Adapter) })
	return reached, nil
}

// adaptersOf finds the adapters that the store knows of, by their digests.
func adaptersOf(ctx context.Context, store storage.Store) (map[spec.Digest]*Reach, error) {
	adapters := make(map[spec.Digest]*Reach)
	add := func(name spec.AdapterName, ref spec.ArtifactRef) *Reach {
		if adapters[ref.Digest] == nil {
			adapters[ref.Digest] = &Reach{Adapter: name, Ref: ref}
		}
		return adapters[ref.Digest]
	}
	for info, err := range store.List(ctx, stagesPrefix+"train/") {
		if err != nil {
			return nil, err
		}
		content, _, err := storage.ReadAll(ctx, store, info.Key)
		if fault.Is(err, fault.NotFound) {
			continue // removed since it was listed
		}
		if err != nil {
			return nil, err
		}
		var trained spec.AdapterResult
		if err := json.Unmarshal(content, &trained); err != nil {
			return nil, fault.New(fault.Corrupt, "read stage record %q: %w", info.Key, err)
		}
		add(trained.Adapter, trained.Ref)
	}
	released, err := Released(ctx, store)
	if err != nil {
		return nil, err
	}
	for _, ref := range released {
		if ref.Kind != spec.KindCandidate {
			continue
		}
		candidate, err := ReadCandidate(ctx, store, ref)
		if err != nil {
			return nil, err
		}
		for _, adapter := range candidate.Adapters {
			add(adapter.Name, adapter.Ref)
		}
	}
	for channel, err := range channels(ctx, store, releasesPrefix) {
		if err != nil {
			return nil, err
		}
		release, err := Current(ctx, store, channel)
		if err != nil {
			return nil, err
		}
		if release.Current().IsZero() {
			continue
		}
		candidate, err := ReadCandidate(ctx, store, release.Current())
		if err != nil {
			return nil, err
		}
		for _, adapter := range candidate.Adapters {
			reach := add(adapter.Name, adapter.Ref)
			reach.Channels = append(reach.Channels, channel)
		}
	}
	return adapters, nil
}

// datasetOf finds what an adapter was trained on. It is zero when the adapter is gone, or was made of something else; gone
// tells that an ancestor is missing that may have been it.
func datasetOf(ctx context.Context, store storage.Store, adapter spec.ArtifactRef) (dataset spec.ArtifactRef, gone bool, err error) {
	ancestors, err := Lineage(ctx, store, adapter)
	if fault.Is(err, fault.NotFound) {
		return spec.ArtifactRef{}, false, nil
	}
	for _, ancestor := range ancestors {
		if ancestor.Ref.Kind == spec.KindDataset {
			return ancestor.Ref, false, nil
		}
		gone = gone || ancestor.Missing && ancestor.Depth == 1
	}
	return spec.ArtifactRef{}, gone, err
}

// selected gives the rows of a data set that are meant.
func selected(ctx context.Context, store storage.Store, dataset spec.ArtifactRef, rows spec.RowSelector) ([]spec.UsedRow, error) {
	all, err := ReadRows(ctx, store, dataset)
	return slices.DeleteFunc(all, func(row spec.UsedRow) bool { return !rows.Selects(row.File, row.Line, row.Digest) }), err
}

// ReadRows gives the rows of a data set by their identities. One that is not made of rows with such a list has none.
func ReadRows(ctx context.Context, store storage.Store, dataset spec.ArtifactRef) ([]spec.UsedRow, error) {
	manifest, err := Load(ctx, store, dataset)
	if err != nil {
		return nil, err
	}
	list, found := manifest.File(spec.RowsFile)
	if !found {
		return nil, nil
	}
	content, err := cas.Read(ctx, store, list.Digest)
	if err != nil {
		return nil, err
	}
	var rows []spec.UsedRow
	for decoder := json.NewDecoder(bytes.NewReader(content)); ; {
		var row spec.UsedRow
		err := decoder.Decode(&row)
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return nil, fault.New(fault.Corrupt, "%s of data set %s: %w", spec.RowsFile, dataset.Digest.Short(), err)
		}
		rows = append(rows, row)
	}
}
