package checkpoint

import (
	"context"
	"slices"
	"strings"
	"time"

	"elara/spec"
	"elara/spec/fault"
	"elara/storage"
	"elara/storage/cas"
)

// Sweep removes manifests that no reader needs any more and gives their keys: those of the chain beyond the newest
// keepLast, and those outside the chain. Only checkpoints whose files are all there count towards keepLast, so a
// damaged newest one does not push out the older one that a resume needs. Steps in pinned (the best one, say) stay in
// any case, and so does everything written within grace: a commit under way looks as if it were outside the chain.
//
// Files are shared, so they are not touched: cas.Sweep removes those that nothing marks.
func Sweep(ctx context.Context, store storage.Store, run spec.RunID, adapter spec.AdapterName, keepLast int, grace time.Duration, pinned ...int64) (removed []string, err error) {
	if keepLast < 1 || grace <= 0 {
		return nil, fault.New(fault.Invalid, "sweep %s/%s: keep %d within %v: expected at least 1 and more than 0", run, adapter, keepLast, grace)
	}
	if err := checkNames(run, adapter); err != nil {
		return nil, err
	}
	p, _, found, err := read(ctx, store, run, adapter)
	if err != nil || !found {
		return nil, err
	}
	entries, err := list(ctx, store, p)
	if err != nil {
		return nil, err
	}
	kept := 0
	for _, entry := range slices.Backward(entries) {
		if entry.InChain && kept < keepLast {
			present, err := allPresent(ctx, store, p, entry)
			if err != nil {
				return removed, err
			}
			if present {
				kept++
			}
			continue
		}
		if time.Since(entry.Modified) <= grace || (entry.InChain && slices.Contains(pinned, entry.Step)) {
			continue
		}
		if err := store.Delete(ctx, entry.Key); err != nil {
			return removed, err
		}
		removed = append(removed, entry.Key)
	}
	return removed, nil
}

// allPresent reports whether every file of a checkpoint is there with its size; the bytes are not read.
func allPresent(ctx context.Context, store storage.Store, p pointer, entry Entry) (bool, error) {
	m, err := load(ctx, store, p, entry)
	for i := 0; err == nil && i < len(m.Files); i++ {
		var info storage.Info
		if info, err = store.Stat(ctx, cas.Key(m.Files[i].Digest)); err == nil && info.SizeBytes != m.Files[i].SizeBytes {
			return false, nil
		}
	}
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Corrupt) {
		return false, nil
	}
	return err == nil, err
}

// Training names the checkpoints of one adapter of one run.
type Training struct {
	Run     spec.RunID
	Adapter spec.AdapterName
}

// Trainings gives every training that has a checkpoint in the store, in the order of the keys.
func Trainings(ctx context.Context, store storage.Store) ([]Training, error) {
	var found []Training
	for info, err := range store.List(ctx, "runs/") {
		if err != nil {
			return nil, err
		}
		if of, _, _, ours := ofManifest(info.Key); ours && !slices.Contains(found[max(0, len(found)-1):], of) {
			found = append(found, of)
		}
	}
	return found, nil
}

// ofManifest tells whose manifest a key is; foreign objects are told apart.
func ofManifest(key string) (of Training, step, token int64, ours bool) {
	parts := strings.Split(key, "/")
	if len(parts) != 5 || parts[0] != "runs" || parts[3] != "checkpoints" {
		return Training{}, 0, 0, false
	}
	of = Training{Run: spec.RunID(parts[1]), Adapter: spec.AdapterName(parts[2])}
	step, token, ours = parseManifestKey(manifestPrefix(of.Run, of.Adapter), key)
	return of, step, token, ours && checkNames(of.Run, of.Adapter) == nil
}

// Mark marks the files of every checkpoint manifest in the store, of all runs, for cas.Sweep. A manifest that cannot be
// read is an error: what it needs is unknown.
func Mark(ctx context.Context, store storage.Store, marks cas.Marks) error {
	for info, err := range store.List(ctx, "runs/") {
		if err != nil {
			return err
		}
		of, step, token, ours := ofManifest(info.Key)
		if !ours {
			continue
		}
		content, _, err := storage.ReadAll(ctx, store, info.Key)
		if fault.Is(err, fault.NotFound) {
			continue // removed since it was listed
		}
		if err != nil {
			return err
		}
		m, err := decodeManifest(content, of.Run, of.Adapter, step, token)
		if err != nil {
			return fault.New(fault.Corrupt, "mark files of %q: %w", info.Key, err)
		}
		for _, file := range m.Files {
			marks.Add(file.Digest)
		}
	}
	return nil
}
