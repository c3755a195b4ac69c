package activities

import (
	"context"
	"errors"
	"strings"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"elara/spec/fault"
)

// unknownFailure is the type of a failure that no package gave a kind: a library's error, or a defect of ours.
const unknownFailure = "Unknown"

// always is the number of tries of what is tried until it succeeds.
const always = 0

// triesOf says how many attempts a failure of a kind deserves before the workflow hears of it.
func triesOf(kind fault.Kind) int32 {
	switch kind {
	case fault.Invalid, fault.NotFound, fault.Corrupt, fault.Diverged:
		return 1 // the same input fails the same way
	case fault.Transient, fault.Preempted:
		return always // outages of days are survived
	case fault.OutOfMemory:
		return 3 // another worker may have more room
	case fault.Conflict:
		return 10 // somebody else's work comes to an end
	}
	return 5 // unknown: a defect should show, a hiccup should not
}

// roomDelay is how long a device is given to free its memory, or another worker to take over.
const roomDelay = time.Minute

// maxFailureText bounds what a failure shows, in bytes: it travels through Temporal and is read by people.
const maxFailureText = 600

// failure turns an error of this process into what Temporal stores and acts on: the one place where fault kinds become
// failure types. Texts are kept to one line; packages below never put text of a row into an error.
func failure(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if stopped := context.Cause(ctx); interrupted(err, stopped) {
		if temporal.IsCanceledError(stopped) {
			return temporal.NewCanceledError()
		}
		err = fault.New(fault.Preempted, "the attempt was stopped: %w", errors.Join(stopped, err))
	}
	kind := fault.KindOf(err)
	options := temporal.ApplicationErrorOptions{}
	if limit := triesOf(kind); limit != always && activity.GetInfo(ctx).Attempt >= limit {
		options.NonRetryable = true
	}
	if kind == fault.OutOfMemory {
		options.NextRetryDelay = roomDelay
	}
	failureType := string(kind)
	if kind == "" {
		failureType = unknownFailure
	}
	return temporal.NewApplicationErrorWithOptions(oneLine(err.Error()), failureType, options)
}

// interrupted reports whether an error says no more than that the work was stopped, by the end of the activity's context
// or by untilStopped.
func interrupted(err, stopped error) bool {
	return errors.Is(err, context.Canceled) || fault.Is(err, fault.Preempted) ||
		stopped != nil && (errors.Is(err, stopped) || errors.Is(err, context.DeadlineExceeded))
}

// oneLine keeps a text to one line of bounded length, cut between characters.
func oneLine(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if len(text) <= maxFailureText {
		return text
	}
	cut := maxFailureText
	for cut > 0 && text[cut]&0xC0 == 0x80 {
		cut--
	}
	return text[:cut] + "…"
}
