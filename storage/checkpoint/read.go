package checkpoint

import (
	"context"
	"fmt"
	"slices"

	"elara/spec"
	"elara/spec/fault"
	"elara/storage"
	"elara/storage/cas"
)

// Skipped is a checkpoint of the chain that could not be used.
type Skipped struct {
	Step   int64
	Token  int64
	Reason string
}

// String is the form for people and for spec.SegmentResult.
func (s Skipped) String() string {
	return fmt.Sprintf("step %d (token %d): %s", s.Step, s.Token, s.Reason)
}

// checkpoint is a manifest with the bytes it names.
type checkpoint struct {
	manifest Manifest
	snapshot spec.Snapshot
}

// Newest reads the newest valid checkpoint without taking the lease: for evaluation, export and people.
func Newest(ctx context.Context, store storage.Store, run spec.RunID, adapter spec.AdapterName) (_ spec.Snapshot, _ Manifest, found bool, skipped []Skipped, err error) {
	if err := checkNames(run, adapter); err != nil {
		return spec.Snapshot{}, Manifest{}, false, nil, err
	}
	p, _, found, err := read(ctx, store, run, adapter)
	if err != nil || !found {
		return spec.Snapshot{}, Manifest{}, false, nil, err
	}
	checkpoint, skipped, err := newest(ctx, store, p)
	if err != nil || checkpoint == nil {
		return spec.Snapshot{}, Manifest{}, false, skipped, err
	}
	return checkpoint.snapshot, checkpoint.manifest, true, skipped, nil
}

// newest reads the newest checkpoint of the chain that is whole; nil when there is none.
func newest(ctx context.Context, store storage.Store, p pointer) (*checkpoint, []Skipped, error) {
	all, err := list(ctx, store, p)
	if err != nil {
		return nil, nil, err
	}
	var skipped []Skipped
	if gap, missing := missingNewest(p, all); missing {
		skipped = append(skipped, gap)
	}
	for _, entry := range slices.Backward(all) {
		if !entry.InChain {
			continue
		}
		m, err := load(ctx, store, p, entry)
		if err == nil {
			var files map[string][]byte
			if files, err = readFiles(ctx, store, m); err == nil {
				return &checkpoint{m, spec.Snapshot{Step: m.Step, Files: files}}, skipped, nil
			}
		}
		if !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.Corrupt) {
			return nil, nil, err // it may be whole: going back to an older step would be a guess
		}
		skipped = append(skipped, Skipped{Step: entry.Step, Token: entry.Token, Reason: err.Error()})
	}
	return nil, skipped, nil
}

// missingNewest tells when the manifest that the pointer speaks of last is gone.
func missingNewest(p pointer, all []Entry) (Skipped, bool) {
	for _, grant := range slices.Backward(p.Grants) {
		if !grant.Settled {
			continue
		}
		step, token := grant.To, grant.Token
		if step == grant.From {
			token = grant.FromOf
		}
		there := slices.ContainsFunc(all, func(e Entry) bool { return e.Step == step && e.Token == token })
		return Skipped{Step: step, Token: token, Reason: "its manifest is missing"}, step > 0 && !there
	}
	return Skipped{}, false
}

// load reads the manifest of an entry.
func load(ctx context.Context, store storage.Store, p pointer, entry Entry) (Manifest, error) {
	content, _, err := storage.ReadAll(ctx, store, entry.Key)
	if err != nil {
		return Manifest{}, err
	}
	m, err := decodeManifest(content, p.Run, p.Adapter, entry.Step, entry.Token)
	if err == nil && m.Job != p.Job {
		err = fault.New(fault.Corrupt, "manifest of another job: %s", m.Job.Short())
	}
	return m, err
}

func readFiles(ctx context.Context, store storage.Store, m Manifest) (map[string][]byte, error) {
	files := make(map[string][]byte, len(m.Files))
	for _, file := range m.Files {
		content, err := cas.Read(ctx, store, file.Digest)
		if err != nil {
			return nil, fmt.Errorf("file %s: %w", file.Name, err)
		}
		if int64(len(content)) != file.SizeBytes {
			return nil, fault.New(fault.Corrupt, "file %s has %d bytes, expected %d", file.Name, len(content), file.SizeBytes)
		}
		files[file.Name] = content
	}
	return files, nil
}
