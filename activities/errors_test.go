package activities

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"elara/spec/fault"
)

// translated runs failure inside an activity and gives what Temporal would store.
func translated(t *testing.T, err error) error {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestActivityEnvironment()
	env.RegisterActivityWithOptions(func(ctx context.Context) error { return failure(ctx, err) }, activity.RegisterOptions{Name: "fail"})
	_, got := env.ExecuteActivity("fail")
	return got
}

func TestFailuresCarryTheirKindAndWhetherTheyAreFinal(t *testing.T) {
	for kind, tries := range map[fault.Kind]int32{
		fault.Invalid: 1, fault.NotFound: 1, fault.Corrupt: 1, fault.Diverged: 1,
		fault.Transient: 0, fault.Preempted: 0, fault.OutOfMemory: 3, fault.Conflict: 10, "": 5,
	} {
		t.Run(string(kind), func(t *testing.T) {
			require.Equal(t, tries, triesOf(kind))
			err := errors.New("library says no")
			if kind != "" {
				err = fmt.Errorf("while training: %w", fault.New(kind, "no"))
			}
			got, final := kindOf(t, translated(t, err))
			require.Equal(t, kindOrUnknown(kind), got)
			require.Equal(t, tries == 1, final)
		})
	}
}

func kindOrUnknown(kind fault.Kind) fault.Kind {
	if kind == "" {
		return "Unknown"
	}
	return kind
}

func TestDeviceWithoutRoomIsGivenTime(t *testing.T) {
	var failure *temporal.ApplicationError
	require.ErrorAs(t, translated(t, fault.New(fault.OutOfMemory, "no room")), &failure)
	require.Equal(t, time.Minute, failure.NextRetryDelay())
}

func TestFailureIsOneLineOfBoundedLength(t *testing.T) {
	err := translated(t, fault.New(fault.Invalid, "first\n\tsecond %s", strings.Repeat("é", 1000)))
	var failure *temporal.ApplicationError
	require.ErrorAs(t, err, &failure)
	require.True(t, strings.HasPrefix(failure.Message(), "first second é"))
	require.LessOrEqual(t, len(failure.Message()), 600+len("…"))
	require.True(t, utf8.ValidString(failure.Message()))
	require.Nil(t, failure.Unwrap(), "a cause would show the text again, unbounded")
}
