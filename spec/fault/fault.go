package fault

import (
	"errors"
	"fmt"
)

// Kind says what sort of failure an error is, and with it who can do something about it.
type Kind string

const (
	// Invalid: what the user gave is wrong; trying again cannot help. Exit code 2.
	Invalid Kind = "Invalid"
	// NotFound: the named thing does not exist.
	NotFound Kind = "NotFound"
	// Conflict: a condition did not hold (it exists already, somebody else changed it, the lease was lost).
	Conflict Kind = "Conflict"
	// Corrupt: bytes are not what their digest or format promises.
	Corrupt Kind = "Corrupt"
	// OutOfMemory: the device or the host had no room; a smaller piece may fit.
	OutOfMemory Kind = "OutOfMemory"
	// Diverged: loss or gradients stopped being finite.
	Diverged Kind = "Diverged"
	// Preempted: the work was asked to stop and saved what it had.
	Preempted Kind = "Preempted"
	// Transient: trying again later may help.
	Transient Kind = "Transient"
)

// Error carries a kind, and for the operator a place and a hint, beside the cause.
type Error struct {
	Kind  Kind
	Place string // file or file:line the user can open; may be empty
	Hint  string // what to do about it; may be empty
	Err   error  // never nil
}

// Error prints "place: cause (hint)" on one line.
func (e *Error) Error() string {
	text := e.Err.Error()
	if e.Place != "" {
		text = e.Place + ": " + text
	}
	if e.Hint != "" {
		text += " (" + e.Hint + ")"
	}
	return text
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// New makes an error of a kind; the format may use %w.
func New(kind Kind, format string, args ...any) error {
	return &Error{Kind: kind, Err: fmt.Errorf(format, args...)}
}

// At makes an Invalid error about a place in a file of the user's. Line 0 means the file as a whole.
func At(file string, line int, format string, args ...any) error {
	place := file
	if line > 0 {
		place = fmt.Sprintf("%s:%d", file, line)
	}
	return &Error{Kind: Invalid, Place: place, Err: fmt.Errorf(format, args...)}
}

// WithHint says what the operator can do about err; the kind stays. It returns nil for nil.
func WithHint(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return &Error{Kind: KindOf(err), Hint: fmt.Sprintf(format, args...), Err: err}
}

// KindOf finds the kind of err: the outermost one set, or "" when none was.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return ""
}

// Is reports whether err is of the kind.
func Is(err error, kind Kind) bool { return err != nil && KindOf(err) == kind }
