package main

import (
	"errors"
	"strings"

	"elara/spec/fault"
)

// Exit codes, as the help of every verb states them.
const (
	exitDone    = 0
	exitFailed  = 1 // anything but what follows
	exitRefused = 2 // bad input, or a request that was refused: the same command would be refused again
)

// usageError is a command line that cannot be understood.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// refusedError is a request that was understood and cannot be granted: a decision that the pipeline did not take, a name
// that nothing has, a name that is taken.
type refusedError struct{ error }

// refuse makes a refusedError with a hint for the person; an empty hint is none.
func refuse(kind fault.Kind, hint, format string, args ...any) error {
	err := fault.New(kind, format, args...)
	if hint != "" {
		err = fault.WithHint(err, "%s", hint)
	}
	return refusedError{err}
}

func (e refusedError) Unwrap() error { return e.error }

// noneSuch makes a refusedError of what is NotFound under a name that was given. Other errors stay, and so does nil.
func noneSuch(err error) error {
	if fault.Is(err, fault.NotFound) {
		return refusedError{err}
	}
	return err
}

func exitCode(err error) int {
	var usage usageError
	var refused refusedError
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &usage), errors.As(err, &refused), fault.Is(err, fault.Invalid):
		return exitRefused
	}
	return exitFailed
}

// oneLine prints an error on one line, however many errors it joins.
func oneLine(err error) string {
	var parts []string
	for part := range strings.Lines(err.Error()) {
		if part = strings.TrimSpace(part); part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, "; ")
}
