package checkpoint

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"elara/spec"
	"elara/spec/fault"
	"elara/storage"
	"elara/storage/cas"
)

// Commit stores a snapshot: its files, the manifest, and then the pointer, with which it exists. When it returns nil
// the checkpoint is in the chain and its files are in the store.
//
// Conflict means that the lease was lost: stop. Transient means that it is not known whether the commit took place;
// call again with the same snapshot, which changes nothing if it did. Steps only go forward; committing again the step
// that was committed or resumed last is no error when the files are the same.
func (l *Lease) Commit(ctx context.Context, snapshot spec.Snapshot, facts Facts) (Manifest, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lost != nil {
		return Manifest{}, l.lost
	}
	if snapshot.Step <= 0 || len(snapshot.Files) == 0 {
		return Manifest{}, fault.New(fault.Invalid, "commit step %d with %d files: expected a step after 0 and at least one file",
			snapshot.Step, len(snapshot.Files))
	}
	m := Manifest{
		Format: manifestFormat, Run: l.pointer.Run, Adapter: l.pointer.Adapter, Step: snapshot.Step, Token: l.token,
		Job: l.pointer.Job, Files: blobsOf(snapshot), Facts: facts,
	}
	if last := l.pointer.Grants[l.token-1]; snapshot.Step <= last.To {
		return l.repeated(ctx, m, last)
	}
	if _, err := l.stillHeld(ctx); err != nil {
		return Manifest{}, err // a paused worker finds out before it sends anything
	}
	for _, file := range m.Files {
		if err := cas.Ensure(ctx, l.store, file.Blob, bytes.NewReader(snapshot.Files[file.Name])); err != nil {
			return Manifest{}, fmt.Errorf("commit step %d: file %s: %w", m.Step, file.Name, err)
		}
	}
	if err := putManifest(ctx, l.store, m); err != nil {
		return Manifest{}, fmt.Errorf("commit step %d: %w", m.Step, err)
	}
	return m, l.advance(ctx, m.Step)
}

// repeated answers for a step that was committed or resumed already.
func (l *Lease) repeated(ctx context.Context, m Manifest, last Grant) (Manifest, error) {
	if m.Step != last.To {
		return Manifest{}, fault.New(fault.Invalid, "commit step %d after step %d: expected a later step", m.Step, last.To)
	}
	token := last.Token
	if last.To == last.From {
		token = last.FromOf
	}
	held, err := load(ctx, l.store, l.pointer, Entry{Key: ManifestKey(m.Run, m.Adapter, m.Step, token), Step: m.Step, Token: token})
	if err != nil {
		return Manifest{}, fmt.Errorf("commit step %d again: %w", m.Step, err)
	}
	if !slices.Equal(held.Files, m.Files) {
		return Manifest{}, fault.New(fault.Invalid, "commit step %d again with other files than before", m.Step)
	}
	_, err = l.stillHeld(ctx)
	return held, err
}

// stillHeld reads the pointer and fails when another holder is the last in it.
func (l *Lease) stillHeld(ctx context.Context) (pointer, error) {
	p, _, found, err := read(ctx, l.store, l.pointer.Run, l.pointer.Adapter)
	if err != nil {
		return pointer{}, err
	}
	if !found {
		return pointer{}, fault.New(fault.Corrupt, "pointer %q is gone: somebody removed it", PointerKey(l.pointer.Run, l.pointer.Adapter))
	}
	if len(p.Grants) != int(l.token) || p.Grants[l.token-1].Nonce != l.pointer.Grants[l.token-1].Nonce {
		l.lost = takenOver(p, l.token)
	}
	return p, l.lost
}

// putManifest is put-if-absent. The key carries step and token, so whatever is there was written by this holder.
func putManifest(ctx context.Context, store storage.Store, m Manifest) error {
	content, err := json.Marshal(m)
	if err != nil {
		return fault.New(fault.Invalid, "write manifest: %w", err)
	}
	key := ManifestKey(m.Run, m.Adapter, m.Step, m.Token)
	if _, err = storage.Replace(ctx, store, key, content, storage.IfAbsent()); fault.Is(err, fault.Conflict) {
		return fault.New(fault.Invalid, "manifest %q is there already with other content", key)
	}
	return err
}

// advance makes the step part of the chain.
func (l *Lease) advance(ctx context.Context, step int64) error {
	p := l.pointer.clone()
	p.Grants[l.token-1].To = step
	etag, err := p.write(ctx, l.store, l.etag)
	if err == nil {
		l.pointer, l.etag = p, etag
		return nil
	}
	if !fault.Is(err, fault.Conflict) {
		return fmt.Errorf("commit step %d: %w", step, err)
	}
	// Another holder changed the pointer: before this write, which then never happened, or after it.
	current, lookErr := l.stillHeld(ctx)
	if l.lost != nil {
		if committed, _ := current.inChain(step, l.token); committed {
			return nil // the next Commit tells of the loss
		}
		return l.lost
	}
	return fault.New(fault.Transient, "commit step %d: outcome unknown: %w", step, errors.Join(err, lookErr))
}
