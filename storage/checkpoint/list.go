package checkpoint

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"elara/spec"
	"elara/spec/fault"
	"elara/storage"
	"elara/storage/cas"
)

// Entry is a manifest in the store, as its key and the pointer tell of it.
type Entry struct {
	Key      string
	Step     int64
	Token    int64
	Modified time.Time
	InChain  bool
	Reason   string // why it is not in the chain
}

// List gives every manifest of an adapter by step, those outside the chain as well. Nothing is verified: see Verify.
func List(ctx context.Context, store storage.Store, run spec.RunID, adapter spec.AdapterName) ([]Entry, error) {
	if err := checkNames(run, adapter); err != nil {
		return nil, err
	}
	p, _, _, err := read(ctx, store, run, adapter)
	if err != nil {
		return nil, err
	}
	return list(ctx, store, p)
}

func list(ctx context.Context, store storage.Store, p pointer) ([]Entry, error) {
	prefix := manifestPrefix(p.Run, p.Adapter)
	var entries []Entry
	for info, err := range store.List(ctx, prefix) {
		if err != nil {
			return nil, fmt.Errorf("list checkpoints of %s/%s: %w", p.Run, p.Adapter, err)
		}
		step, token, ours := parseManifestKey(prefix, info.Key)
		if !ours {
			continue
		}
		inChain, reason := p.inChain(step, token)
		entries = append(entries, Entry{Key: info.Key, Step: step, Token: token, Modified: info.Modified, InChain: inChain, Reason: reason})
	}
	// Keys sort by step only below 100 million steps.
	slices.SortStableFunc(entries, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(a.Step, b.Step), cmp.Compare(a.Token, b.Token))
	})
	return entries, nil
}

// History gives the grants of an adapter, oldest first: who trained it, from where and how far.
func History(ctx context.Context, store storage.Store, run spec.RunID, adapter spec.AdapterName) ([]Grant, error) {
	if err := checkNames(run, adapter); err != nil {
		return nil, err
	}
	p, _, _, err := read(ctx, store, run, adapter)
	return p.Grants, err
}

// Verify reads every checkpoint of the chain and compares each file with its digest. It gives the whole ones by step,
// and the damaged ones with what is wrong.
func Verify(ctx context.Context, store storage.Store, run spec.RunID, adapter spec.AdapterName) (whole []Manifest, damaged []Skipped, err error) {
	if err := checkNames(run, adapter); err != nil {
		return nil, nil, err
	}
	p, _, _, err := read(ctx, store, run, adapter)
	if err != nil {
		return nil, nil, err
	}
	entries, err := list(ctx, store, p)
	if err != nil {
		return nil, nil, err
	}
	for _, entry := range entries {
		if !entry.InChain {
			continue
		}
		m, err := load(ctx, store, p, entry)
		for i := 0; err == nil && i < len(m.Files); i++ {
			if err = cas.Verify(ctx, store, m.Files[i].Blob); err != nil {
				err = fmt.Errorf("file %s: %w", m.Files[i].Name, err)
			}
		}
		switch {
		case err == nil:
			whole = append(whole, m)
		case fault.Is(err, fault.NotFound) || fault.Is(err, fault.Corrupt):
			damaged = append(damaged, Skipped{Step: entry.Step, Token: entry.Token, Reason: err.Error()})
		default:
			return nil, nil, err
		}
	}
	if gap, missing := missingNewest(p, entries); missing {
		damaged = append(damaged, gap)
	}
	return whole, damaged, nil
}
