package main

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/temporal"

	"elara/spec/fault"
)

func TestExitCodes(t *testing.T) {
	for _, c := range []struct {
		err  error
		want int
	}{
		{nil, 0},
		{fault.At("p.yaml", 3, "expected a number"), 2},
		{fmt.Errorf("load: %w", fault.New(fault.Invalid, "no")), 2},
		{usageError{errors.New("unknown flag")}, 2},
		{refusedError{fault.New(fault.Conflict, "decided already")}, 2},
		{fault.New(fault.Conflict, "exists"), 1},
		{fault.New(fault.NotFound, "no run"), 1},
		{fault.New(fault.Transient, "later"), 1},
		{errors.New("anything"), 1},
	} {
		require.Equal(t, c.want, exitCode(c.err), "%v", c.err)
	}
}

func TestErrorsAreOneLine(t *testing.T) {
	joined := "first\n  second\n"
	require.Equal(t, "first; second", oneLine(errors.New(joined)))
}

func TestTemporalErrorsGetTheKindTheyStandFor(t *testing.T) {
	refusal := temporal.NewNonRetryableApplicationError("there is no candidate yet", string(fault.NotFound), nil)
	for _, c := range []struct {
		err  error
		kind fault.Kind
		text string
	}{
		{refusal, fault.NotFound, "there is no candidate yet"},
		{fmt.Errorf("update: %w", serviceerror.NewNotFound("workflow not found")), fault.NotFound, "workflow not found"},
		{fmt.Errorf("look up: %w", serviceerror.NewInvalidArgument("WorkflowId length exceeds limit.")), fault.Invalid, "WorkflowId length exceeds limit."},
		{serviceerror.NewUnavailable("connection refused"), fault.Transient, "temporal does not answer: connection refused (look at elara doctor)"},
		{serviceerror.NewDeadlineExceeded("too late"), fault.Transient, "temporal does not answer: too late (look at elara doctor)"},
	} {
		got := fromTemporal(c.err)
		require.Equal(t, c.kind, fault.KindOf(got))
		require.EqualError(t, got, c.text)
	}
	require.NoError(t, fromTemporal(nil))
	other := errors.New("other")
	require.Equal(t, other, fromTemporal(other))
}
