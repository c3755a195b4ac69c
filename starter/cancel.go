package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"elara/internal/connect"
	"elara/spec/fault"
)

// The words of statusName for a run that goes on, and for one that was cancelled.
const (
	running   = "running"
	cancelled = "cancelled"
)

func newCancel(a *app) *cobra.Command {
	var (
		reason         string
		detach, asJSON bool
	)
	command := &cobra.Command{
		Use:   "cancel RUN",
		Short: "Stop a run for good; what it has trained is saved first",
		Long: `Ask a run to stop. A training that is under way ends its step, saves a checkpoint and
then stops; what waits for a worker or for a decision stops at once. The command
waits until the run is over. A cancelled run does not go on again, but what its
finished stages made is found by the next run of the same pipeline.

Exit codes: 0 the run is cancelled; 2 there is nothing to cancel; 1 anything else.`,
		Example: `  elara cancel winter-2026 --reason "wrong base model"
  elara cancel winter-2026 --detach`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withRun(cmd, args, func(ctx context.Context, t target, server client.Client, run runInfo) error {
				if run.Status != running {
					return refuse(fault.Conflict, "", "run %s is over (%s), there is nothing to cancel", run.Run, run.Status)
				}
				if err := requestCancel(ctx, server, t.settings.Temporal.Namespace, run, reason); err != nil {
					return err
				}
				if !detach {
					a.say("run %s is asked to stop: a training under way saves at its next step first", run.Run)
					ended, err := awaitCancelled(ctx, server, run)
					if err != nil {
						return err
					}
					run = ended
				}
				if asJSON {
					return a.printJSON(run)
				}
				_, err := fmt.Fprintf(a.out, "%s %s\n", run.Run, run.Status)
				return err
			})
		},
	}
	command.Flags().StringVar(&reason, "reason", "", "why, for whoever looks at the run")
	command.Flags().BoolVar(&detach, "detach", false, "leave as soon as the run has been asked")
	command.Flags().BoolVar(&asJSON, "json", false, "print the run as data")
	return command
}

// requestCancel asks for the cancellation. The reason goes into the run's history, which the client's own call cannot do.
func requestCancel(ctx context.Context, server client.Client, namespace string, run runInfo, reason string) error {
	_, err := server.WorkflowService().RequestCancelWorkflowExecution(ctx, &workflowservice.RequestCancelWorkflowExecutionRequest{
		Namespace:         namespace,
		WorkflowExecution: &common.WorkflowExecution{WorkflowId: run.WorkflowID, RunId: run.RunID},
		Reason:            reason,
	})
	if err != nil {
		return fmt.Errorf("cancel run %s: %w", run.Run, connect.Fault(err))
	}
	return nil
}

// awaitCancelled waits until the run is over. One that came to another end first is a Conflict.
func awaitCancelled(ctx context.Context, server client.Client, run runInfo) (runInfo, error) {
	ended := server.GetWorkflow(ctx, run.WorkflowID, run.RunID).Get(ctx, nil) // how, the description tells
	if ctx.Err() != nil {
		return run, fault.WithHint(fault.New(fault.Transient, "interrupted; run %s is asked to stop all the same", run.Run),
			"see it with elara status %s", run.Run)
	}
	described, err := server.DescribeWorkflowExecution(ctx, run.WorkflowID, run.RunID)
	if err != nil {
		return run, connect.Fault(err)
	}
	switch run = infoOf(described.GetWorkflowExecutionInfo()); run.Status {
	case cancelled:
		return run, nil
	case running: // the wait itself failed
		return run, fmt.Errorf("wait for the end of run %s: %w", run.Run, connect.Fault(ended))
	}
	return run, fault.New(fault.Conflict, "run %s had come to its own end before it heard of it: %s", run.Run, run.Status)
}

// cancelReason reads from the history of a cancelled run why that was done; "" when nobody said.
func cancelReason(ctx context.Context, server client.Client, run runInfo) (string, error) {
	events := server.GetWorkflowHistory(ctx, run.WorkflowID, run.RunID, false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		if err != nil {
			return "", connect.Fault(err)
		}
		if asked := event.GetWorkflowExecutionCancelRequestedEventAttributes(); asked != nil {
			return asked.GetCause(), nil
		}
	}
	return "", nil
}
