package namespace

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/mocks"
)

func TestServerIsReadyWhenEachServiceAnswers(t *testing.T) {
	down := errors.New("connection reset")
	unknown := serviceerror.NewNotFound("no such workflow")
	for name, test := range map[string]struct{ frontend, matching, history, want error }{
		"all answer":            {nil, nil, unknown, nil},
		"no frontend":           {down, nil, unknown, down},
		"no matching":           {nil, down, unknown, down},
		"no history":            {nil, nil, down, down},
		"somebody has the name": {nil, nil, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			client := &mocks.Client{}
			client.On("CheckHealth", mock.Anything, mock.Anything).Return(nil, test.frontend)
			client.On("DescribeTaskQueue", mock.Anything, mock.Anything, mock.Anything).Return(nil, test.matching)
			client.On("DescribeWorkflowExecution", mock.Anything, mock.Anything, mock.Anything).Return(nil, test.history)
			require.ErrorIs(t, Ready(context.Background(), client), test.want)
		})
	}
}
