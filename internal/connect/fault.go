package connect

import (
	"context"
	"errors"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"elara/spec/fault"
)

// Fault gives an error of Temporal's client the fault kind it stands for, and the words of its innermost cause. After an
// Update, Transient leaves the outcome unknown: it may have been taken and only the answer been lost. A workflow that is
// missing, or over, is NotFound with a serviceerror.NotFound in it; one that says NotFound of something else has none.
func Fault(err error) error {
	if err == nil {
		return nil
	}
	var failure *temporal.ApplicationError
	if errors.As(err, &failure) {
		return fault.New(fault.Kind(failure.Type()), "%s", failure.Message())
	}
	var missing *serviceerror.NotFound
	if errors.As(err, &missing) {
		return fault.New(fault.NotFound, "%w", missing)
	}
	var malformed *serviceerror.InvalidArgument
	if errors.As(err, &malformed) {
		return fault.New(fault.Invalid, "%s", malformed.Message)
	}
	var unavailable *serviceerror.Unavailable
	var late *serviceerror.DeadlineExceeded
	var given *client.WorkflowUpdateServiceTimeoutOrCanceledError
	if errors.As(err, &unavailable) || errors.As(err, &late) || errors.As(err, &given) || errors.Is(err, context.DeadlineExceeded) {
		return fault.WithHint(fault.New(fault.Transient, "temporal does not answer: %w", err), "look at elara doctor")
	}
	return err
}
