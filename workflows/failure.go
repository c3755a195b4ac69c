package workflows

import (
	"errors"
	"fmt"
	"strings"

	"go.temporal.io/sdk/temporal"

	"elara/spec"
	"elara/spec/fault"
)

// refuse makes a failure of a fault kind. It is final: the workflow knows that trying again cannot help.
func refuse(kind fault.Kind, format string, args ...any) error {
	return temporal.NewNonRetryableApplicationError(fmt.Sprintf(format, args...), string(kind), nil)
}

// kindOf finds the fault kind that an activity or a child workflow failed with.
func kindOf(err error) fault.Kind {
	var failure *temporal.ApplicationError
	if errors.As(err, &failure) {
		return fault.Kind(failure.Type())
	}
	return ""
}

// messageOf gives the words of a failure without those of the layers around it.
func messageOf(err error) string {
	var failure *temporal.ApplicationError
	if errors.As(err, &failure) {
		return failure.Message()
	}
	return err.Error()
}

// firstOf makes one failure out of those of several adapters. A single one stays as it is; of several the first in
// plan order is the cause and the kind, and all are named. A cancellation stays a cancellation.
func firstOf(what string, adapters []spec.AdapterName, errs []error) error {
	var failed []string
	var first error
	for i, err := range errs {
		if err == nil {
			continue
		}
		if temporal.IsCanceledError(err) {
			return err
		}
		if first == nil {
			first = err
		}
		failed = append(failed, string(adapters[i]))
	}
	if len(failed) < 2 {
		return first
	}
	return temporal.NewApplicationErrorWithOptions(
		fmt.Sprintf("%s failed for %d adapters: %s", what, len(failed), strings.Join(failed, ", ")),
		string(kindOf(first)), temporal.ApplicationErrorOptions{NonRetryable: true, Cause: first})
}
