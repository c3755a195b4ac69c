package audit

import (
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"time"

	"elara/spec"
	"elara/spec/fault"
)

// What is done at the desk.
const (
	SignIn      = "sign-in"
	SignOut     = "sign-out"
	Judge       = "judge"
	Decide      = "decide"
	AddToken    = "add-token"
	RevokeToken = "revoke-token"
)

// Outcomes. An act that changes something has two lines: Asked before it, and what became of it after.
const (
	Asked      = "asked"
	Done       = "done"
	SaidBefore = "said-before" // the same had been said, and stands
	Refused    = "refused"
	Unknown    = "unknown" // no answer came: it may have been done
)

// Entry is one line.
type Entry struct {
	At      time.Time   `json:"at"` // set by Write
	What    string      `json:"what"`
	Who     string      `json:"who,omitempty"`    // the reviewer
	By      string      `json:"by,omitempty"`     // how the reviewer signed in: a token's ID, or OpenID Connect
	From    string      `json:"from,omitempty"`   // network address
	On      string      `json:"on,omitempty"`     // collection, workflow or token
	Digest  spec.Digest `json:"digest,omitempty"` // of the pair or the candidate
	Said    string      `json:"said,omitempty"`   // choice or verdict
	Outcome string      `json:"outcome"`
	Kind    string      `json:"kind,omitempty"` // of the fault, where one was
}

// Log adds lines to a file.
type Log struct {
	mu   sync.Mutex
	file *os.File
}

// Open opens the file, or makes it, readable by its owner only.
func Open(path string) (*Log, error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the audit log: %w", err)
	}
	return &Log{file: file}, nil
}

// Write adds a line in one call to the system, and returns when it is on the disk.
func (l *Log) Write(e Entry) error {
	e.At = time.Now().UTC()
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, err = l.file.Write(append(line, '\n')); err == nil {
		err = l.file.Sync()
	}
	if err != nil {
		return fmt.Errorf("write %s, %s, to the audit log: %w", e.What, e.Outcome, err)
	}
	return nil
}

// Act does something that changes the world: written down before, and with its outcome after. What cannot be written down is not
// done. lost is why the outcome was not: what was done stays so.
func (l *Log) Act(e Entry, do func() (saidBefore bool, err error)) (lost, err error) {
	e.Outcome = Asked
	if err := l.Write(e); err != nil {
		return nil, err
	}
	before, err := do()
	e.Kind = string(fault.KindOf(err))
	switch e.Outcome = Done; {
	case fault.Is(err, fault.Invalid), fault.Is(err, fault.NotFound), fault.Is(err, fault.Conflict):
		e.Outcome = Refused
	case err != nil:
		e.Outcome = Unknown
	case before:
		e.Outcome = SaidBefore
	}
	return l.Write(e), err
}

// Close closes the file.
func (l *Log) Close() error { return l.file.Close() }
