package connect

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/temporal"

	"elara/spec/fault"
)

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
		got := Fault(c.err)
		require.Equal(t, c.kind, fault.KindOf(got))
		require.EqualError(t, got, c.text)
	}
	require.NoError(t, Fault(nil))
	other := errors.New("other")
	require.Equal(t, other, Fault(other))
}
