package checkpoint

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"sync"

	"elara/spec"
	"elara/spec/fault"
	"elara/storage"
)

// acquireTries bounds how often Acquire starts over because the pointer changed; each time, some other worker got on.
const acquireTries = 50

// Lease is the right to commit checkpoints of one adapter. It has no end of its own: it holds until another worker
// takes it over, as the one who starts workers decides which of them goes on.
type Lease struct {
	store storage.Store
	token int64

	mu      sync.Mutex
	pointer pointer     // guarded by mu; as this holder last wrote it
	etag    string      // guarded by mu; of that version
	resumed *checkpoint // guarded by mu; what Acquire found, until Newest hands it out
	skipped []Skipped   // found by Acquire; never changed afterwards
	lost    error       // guarded by mu; set when another worker took the lease
}

// Acquire takes the lease, whoever holds it, and finds the newest valid checkpoint. From its first write on, commits
// under older tokens are refused; the second write tells where this holder goes on, which puts everything newer that an
// older holder may still be writing outside the chain for good.
//
// holder names the worker for people. job is the digest of everything that must not change within a training: another
// one than the training began with is Invalid. Conflict means that yet another worker took the lease meanwhile.
func Acquire(ctx context.Context, store storage.Store, run spec.RunID, adapter spec.AdapterName, holder string, job spec.Digest) (*Lease, error) {
	if err := checkNames(run, adapter); err != nil {
		return nil, err
	}
	if err := job.Check(); err != nil {
		return nil, fmt.Errorf("job of %s/%s: %w", run, adapter, err)
	}
	l := &Lease{store: store}
	if err := l.grant(ctx, run, adapter, holder, job); err != nil {
		return nil, err
	}
	found, skipped, err := newest(ctx, store, l.pointer)
	if err != nil {
		return nil, err
	}
	l.resumed, l.skipped = found, skipped
	if err := l.settle(ctx); err != nil {
		return nil, err
	}
	return l, nil
}

func checkNames(run spec.RunID, adapter spec.AdapterName) error {
	if err := run.Check(); err != nil {
		return err
	}
	return adapter.Check()
}

// grant appends a grant to the pointer.
func (l *Lease) grant(ctx context.Context, run spec.RunID, adapter spec.AdapterName, holder string, job spec.Digest) error {
	for try := 1; ; try++ {
		p, etag, found, err := read(ctx, l.store, run, adapter)
		if err != nil {
			return err
		}
		if !found {
			if err := refuseOrphans(ctx, l.store, run, adapter); err != nil {
				return err
			}
			p.Job = job
		}
		if p.Job != job {
			return fault.WithHint(fault.New(fault.Invalid, "training %s/%s began as job %s and cannot go on as job %s: "+
				"its configuration, data or base model changed", run, adapter, p.Job.Short(), job.Short()),
				"use another run ID, or restore what the training began with")
		}
		l.token = int64(len(p.Grants)) + 1
		p.Grants = append(p.Grants, Grant{Token: l.token, Holder: holder, Nonce: rand.Text()})
		etag, err = p.write(ctx, l.store, etag)
		if err == nil {
			l.pointer, l.etag = p, etag
			return nil
		}
		if !fault.Is(err, fault.Conflict) || try == acquireTries {
			return err
		}
	}
}

// refuseOrphans makes sure that a missing pointer means a training that never began: beside manifests it means that
// the history of the training, and with it the fencing, was lost.
func refuseOrphans(ctx context.Context, store storage.Store, run spec.RunID, adapter spec.AdapterName) error {
	for info, err := range store.List(ctx, manifestPrefix(run, adapter)) {
		if err != nil {
			return err
		}
		if _, _, ours := parseManifestKey(manifestPrefix(run, adapter), info.Key); ours {
			// The pointer may have been born since it was looked for.
			if _, _, found, err := read(ctx, store, run, adapter); found || err != nil {
				return err
			}
			return fault.WithHint(fault.New(fault.Corrupt, "pointer %q is missing though checkpoints such as %q exist",
				PointerKey(run, adapter), info.Key), "restore the pointer, or start the training under another run ID")
		}
	}
	return nil
}

// settle tells in the pointer where this holder goes on.
func (l *Lease) settle(ctx context.Context) error {
	p := l.pointer.clone()
	mine := &p.Grants[l.token-1]
	mine.Settled = true
	if l.resumed != nil {
		mine.From, mine.FromOf = l.resumed.manifest.Step, l.resumed.manifest.Token
		mine.To = mine.From
	}
	etag, err := p.write(ctx, l.store, l.etag)
	if err != nil {
		return fmt.Errorf("take the lease of %s/%s: %w", p.Run, p.Adapter, err)
	}
	l.pointer, l.etag = p, etag
	return nil
}

func (p pointer) clone() pointer {
	p.Grants = slices.Clone(p.Grants)
	return p
}

// Token gives the fencing token: greater than that of every lease before.
func (l *Lease) Token() int64 { return l.token }

// ResumedFrom gives the step of the checkpoint that Acquire found; 0: none, the training begins.
func (l *Lease) ResumedFrom() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.pointer.Grants[l.token-1].From
}

// Newest gives the snapshot that Acquire found: the newest in the chain whose files all match their digests, and what
// was passed over on the way to it, newest first. The first call hands out what Acquire read; later ones read again
// and see what was committed since.
func (l *Lease) Newest(ctx context.Context) (_ spec.Snapshot, found bool, skipped []Skipped, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	checkpoint := l.resumed
	skipped = l.skipped
	l.resumed, l.skipped = nil, nil
	if checkpoint == nil && l.pointer.Grants[l.token-1].To > 0 {
		if checkpoint, skipped, err = newest(ctx, l.store, l.pointer); err != nil {
			return spec.Snapshot{}, false, nil, err
		}
	}
	if checkpoint == nil {
		return spec.Snapshot{}, false, skipped, nil
	}
	return checkpoint.snapshot, true, skipped, nil
}

// takenOver describes the loss of the lease.
func takenOver(p pointer, token int64) error {
	var holders []string
	for _, grant := range p.Grants[min(int(token), len(p.Grants)):] {
		holders = append(holders, fmt.Sprintf("%d (%s)", grant.Token, grant.Holder))
	}
	return fault.New(fault.Conflict, "lease %d of %s/%s was taken over by lease %s", token, p.Run, p.Adapter, strings.Join(holders, ", "))
}
