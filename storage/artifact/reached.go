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
	"strings"

	"elara/spec"
	"elara/spec/fault"
	"elara/storage"
	"elara/storage/cas"
)

// Reach is an adapter, or a model that adapters were merged into, that rows have reached: they were in a data set that it, or an
// adapter that it was made of, was trained on or measured with.
type Reach struct {
	// Adapter is its name. What has none of its own, an aligned adapter or a merge, has those of the adapters that it was made of,
	// with a plus between them.
	Adapter  spec.AdapterName   `json:"adapter"`
	Ref      spec.ArtifactRef   `json:"ref"`
	Datasets []spec.ArtifactRef `json:"datasets,omitempty"` // that had the rows
	Rows     []spec.UsedRow     `json:"rows"`
	Unknown  bool               `json:"unknown,omitempty"`  // a data set may be gone: whether it had the rows cannot be told
	Channels []string           `json:"channels,omitempty"` // that serve it now
}

// Reached gives the adapters that the selected rows have reached, by name and digest: those of recorded stages, and those
// of every candidate that a channel serves, served or is offered.
func Reached(ctx context.Context, store storage.Store, rows spec.RowSelector) ([]Reach, error) {
	adapters, err := adaptersOf(ctx, store)
	if err != nil {
		return nil, err
	}
	found := make(map[spec.Digest][]spec.UsedRow) // by data set
	var reached []Reach
	for _, digest := range slices.Sorted(maps.Keys(adapters)) {
		reach := *adapters[digest]
		ancestors, err := Lineage(ctx, store, reach.Ref)
		if fault.Is(err, fault.NotFound) {
			continue // it is gone itself
		}
		if err != nil {
			return nil, err
		}
		if reach.Adapter == "" {
			reach.Adapter = nameAfter(ancestors, adapters)
		}
		datasets, gone := datasetsAmong(ancestors)
		for _, dataset := range datasets {
			in, known := found[dataset.Digest]
			if !known {
				if in, err = selected(ctx, store, dataset, rows); err != nil {
					return nil, err
				}
				found[dataset.Digest] = in
			}
			if len(in) > 0 {
				reach.Datasets = append(reach.Datasets, dataset)
				reach.Rows = append(reach.Rows, in...)
			}
		}
		reach.Rows = eachOnce(reach.Rows)
		reach.Unknown = gone && len(reach.Rows) == 0
		if reach.Unknown || len(reach.Rows) > 0 {
			reached = append(reached, reach)
		}
	}
	slices.SortStableFunc(reached, func(a, b Reach) int { return cmp.Compare(a.Adapter, b.Adapter) })
	return reached, nil
}

// eachOnce leaves out the rows that are there before: two data sets may have the same.
func eachOnce(rows []spec.UsedRow) []spec.UsedRow {
	seen := make(map[spec.UsedRow]bool, len(rows))
	return slices.DeleteFunc(rows, func(row spec.UsedRow) bool {
		before := seen[row]
		seen[row] = true
		return before
	})
}

// adaptersOf finds the adapters and the base models that the store knows to be made by a stage, by their digests.
func adaptersOf(ctx context.Context, store storage.Store) (map[spec.Digest]*Reach, error) {
	adapters := make(map[spec.Digest]*Reach)
	add := func(name spec.AdapterName, ref spec.ArtifactRef) *Reach {
		if adapters[ref.Digest] == nil {
			adapters[ref.Digest] = &Reach{Ref: ref}
		}
		reach := adapters[ref.Digest]
		reach.Adapter = cmp.Or(reach.Adapter, name)
		return reach
	}
	for info, err := range store.List(ctx, stagesPrefix) {
		if err != nil {
			return nil, err
		}
		name, refs, err := readStage(ctx, store, info.Key)
		if fault.Is(err, fault.NotFound) {
			continue // removed since it was listed
		}
		if err != nil {
			return nil, err
		}
		for _, ref := range refs {
			if ref.Kind == spec.KindAdapter || ref.Kind == spec.KindBaseModel {
				add(name, ref)
			}
		}
	}
	addCandidate := func(ref spec.ArtifactRef, channels ...string) error {
		candidate, err := ReadCandidate(ctx, store, ref)
		if err != nil {
			return err
		}
		for _, model := range []spec.ArtifactRef{candidate.Merged, candidate.Student} {
			if !model.IsZero() {
				candidate.Adapters = append(candidate.Adapters, spec.CandidateAdapter{Ref: model})
			}
		}
		for _, adapter := range candidate.Adapters {
			reach := add(adapter.Name, adapter.Ref)
			reach.Channels = append(reach.Channels, channels...)
		}
		return nil
	}
	releases, err := Channels(ctx, store)
	if err != nil {
		return nil, err
	}
	for _, release := range releases {
		for _, ref := range release.Served("") {
			var serving []string
			if ref == release.Current() {
				serving = []string{release.Channel}
			}
			if err := addCandidate(ref, serving...); err != nil {
				return nil, err
			}
		}
	}
	offers, err := offers(ctx, store)
	if err != nil {
		return nil, err
	}
	for _, offer := range offers {
		if err := addCandidate(offer.Candidate); err != nil {
			return nil, err
		}
	}
	return adapters, nil
}

// nameAfter is the name of what was made of adapters that have names.
func nameAfter(ancestors []Ancestor, adapters map[spec.Digest]*Reach) spec.AdapterName {
	var names []string
	for _, ancestor := range ancestors {
		if made := adapters[ancestor.Ref.Digest]; made != nil && made.Adapter != "" {
			names = append(names, string(made.Adapter))
		}
	}
	slices.Sort(names)
	return spec.AdapterName(strings.Join(slices.Compact(names), "+"))
}

// datasetsAmong finds the data sets that the first of the ancestors was made with, itself or what it was made of. gone tells that
// an ancestor is missing that may have been one, or been made with one; what a data set was made of is neither.
func datasetsAmong(ancestors []Ancestor) (datasets []spec.ArtifactRef, gone bool) {
	behind := make(map[spec.Digest]bool) // a data set
	for _, ancestor := range ancestors {
		isDataset := ancestor.Ref.Kind == spec.KindDataset
		if isDataset {
			datasets = append(datasets, ancestor.Ref)
		}
		if isDataset || behind[ancestor.Ref.Digest] {
			for _, input := range ancestor.Manifest.Inputs {
				behind[input] = true
			}
		}
		gone = gone || ancestor.Missing && !behind[ancestor.Ref.Digest]
	}
	return datasets, gone
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
