package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"elara/internal/connect"
	"elara/spec"
	"elara/starter/terminal"
	"elara/storage/artifact"
	"elara/workflows"
)

// withdrawn is what became of a withdrawal.
type withdrawn struct {
	Withdrawal spec.Withdrawal  `json:"withdrawal"`
	Tombstone  spec.ArtifactRef `json:"tombstone"`
	Reached    []artifact.Reach `json:"reached"`
	Retrains   []string         `json:"retrains"` // pipelines whose schedule was asked for a run
}

func newWithdraw(a *app) *cobra.Command {
	var (
		w               spec.Withdrawal
		row             string
		retrain, asJSON bool
	)
	command := &cobra.Command{
		Use:   "withdraw (--source NAME | --row DIGEST)",
		Short: "Take a source or a row out of all training to come, and retrain what it reached",
		Long: `Record that a source or a row must not be trained on any more, by whom and why. From the next
preparation on its rows end in the bucket withdrawn of the ledger. The adapters that it
reached are named, and every schedule that is not paused is asked for a run: what had the
rows is trained anew, everything else is skipped. A run still ends with an approval, so roll
back a channel at once with elara release rollback where it must not wait.

What was withdrawn stays so. The rows themselves stay in the artifacts that were made of
them, until these are pruned.`,
		Example: `  elara withdraw --source ward-rounds.csv --as "Person A" --reason "guideline of 2019, replaced"
  elara withdraw --row d75f70ed9b0afc10… --as "Person A" --reason "the patient asked for it" --retrain=false`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			w.Row, w.At = spec.Digest(row), a.now().UTC()
			if err := w.Check(); err != nil {
				return err
			}
			return a.withServer(cmd, func(ctx context.Context, t target, server client.Client) error {
				store, err := t.store(ctx)
				if err != nil {
					return err
				}
				var done withdrawn
				if done.Reached, err = artifact.Reached(ctx, store, w.Selector()); err != nil {
					return err
				}
				tombstone, err := artifact.Withdraw(ctx, store, w)
				if err != nil {
					return err
				}
				done.Tombstone, done.Withdrawal = tombstone.Ref, tombstone.Withdrawal
				if retrain {
					if done.Retrains, err = triggerAll(ctx, server.ScheduleClient()); err != nil {
						return fmt.Errorf("it is withdrawn; ask for the retraining: %w", err)
					}
				}
				if asJSON {
					done.Reached, done.Retrains = append([]artifact.Reach{}, done.Reached...), append([]string{}, done.Retrains...)
					return a.printJSON(done)
				}
				return a.saidWithdrawn(done)
			})
		},
	}
	command.Flags().StringVar(&w.Source, "source", "", "name of the file below what the pipeline names")
	command.Flags().StringVar(&row, "row", "", "digest of the row's bytes, all 64 digits; elara artifacts reached SOURCE:LINE finds it")
	command.Flags().StringVar(&w.By, "as", "", "name of the person who withdraws")
	command.Flags().StringVar(&w.Reason, "reason", "", "why")
	command.Flags().BoolVar(&retrain, "retrain", true, "ask every schedule that is not paused for a run")
	command.Flags().BoolVar(&asJSON, "json", false, "print data")
	return command
}

// triggerAll asks every schedule for a run, after the one that goes on; it names their pipelines.
func triggerAll(ctx context.Context, schedules client.ScheduleClient) ([]string, error) {
	list, err := listSchedules(ctx, schedules)
	if err != nil {
		return nil, err
	}
	var asked []string
	for _, s := range list {
		if s.Paused {
			continue
		}
		handle := schedules.GetHandle(ctx, workflows.ScheduleID(s.Pipeline))
		if err := handle.Trigger(ctx, client.ScheduleTriggerOptions{Overlap: enums.SCHEDULE_OVERLAP_POLICY_BUFFER_ONE}); err != nil {
			return asked, fmt.Errorf("schedule of %s: %w", s.Pipeline, connect.Fault(err))
		}
		asked = append(asked, s.Pipeline)
	}
	return asked, nil
}

func (a *app) saidWithdrawn(done withdrawn) error {
	a.say("withdrawn by %s: %s (tombstone %s)", done.Withdrawal.By, done.Withdrawal.Reason, done.Tombstone.Digest.Short())
	switch {
	case len(done.Reached) == 0:
		a.say("it has reached no adapter")
		return nil
	case len(done.Retrains) == 0:
		a.say("elara run PIPELINE.yaml trains anew what had it, and skips the rest")
	default:
		a.say("asked for a run of %s", strings.Join(done.Retrains, ", "))
	}
	a.say("%s adapters have it:", terminal.Count(int64(len(done.Reached))))
	_, err := fmt.Fprint(a.out, reachedText(done.Reached))
	return err
}
