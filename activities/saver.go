package activities

import (
	"bytes"
	"context"
	"time"

	"elara/spec"
	"elara/spec/fault"
)

const (
	// commitTries and the delays between them let a training live through about four minutes without its store.
	commitTries    = 12
	firstDelay     = time.Second
	maxCommitDelay = 30 * time.Second
)

// saver commits snapshots behind the training: a step waits for the upload of the snapshot before, not for its own.
// One goroutine uses it.
type saver struct {
	commit  func(context.Context, spec.Snapshot) error
	pending chan error // of the commit under way; nil when there is none
	failed  error      // why a commit failed; nothing is committed after it
}

// save takes a copy of the snapshot and begins to commit it when the one before is committed.
func (s *saver) save(ctx context.Context, snapshot spec.Snapshot) error {
	if err := s.wait(); err != nil {
		return err
	}
	kept := spec.Snapshot{Step: snapshot.Step, Files: make(map[string][]byte, len(snapshot.Files))}
	for name, content := range snapshot.Files {
		kept.Files[name] = bytes.Clone(content)
	}
	s.pending = make(chan error, 1)
	go func(done chan<- error) { done <- s.commit(ctx, kept) }(s.pending)
	return nil
}

// wait gives the failure of the commits so far, after the one under way.
func (s *saver) wait() error {
	if s.pending != nil {
		s.failed = <-s.pending
		s.pending = nil
	}
	return s.failed
}

// broken reports, without waiting, whether a commit has failed.
func (s *saver) broken() bool {
	select {
	case s.failed = <-s.pending:
		s.pending = nil
	default:
	}
	return s.failed != nil
}

// patiently tries again what failed for a passing reason.
func patiently(ctx context.Context, do func() error) error {
	delay := firstDelay
	for try := 1; ; try++ {
		err := do()
		if !fault.Is(err, fault.Transient) || try == commitTries {
			return err
		}
		select {
		case <-time.After(delay):
		case <-ctx.Done():
			return err
		}
		delay = min(2*delay, maxCommitDelay)
	}
}
