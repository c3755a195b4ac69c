package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"

	"elara/internal/connect"
	"elara/spec"
	"elara/spec/fault"
	"elara/starter/terminal"
)

func newStatus(a *app) *cobra.Command {
	var (
		asJSON bool
		limit  int
	)
	command := &cobra.Command{
		Use:   "status [RUN]",
		Short: "List the runs, or show one",
		Long: `List the newest runs, or show where one stands: its stage, its adapters, what was
measured, what was decided, and what had nothing to do.`,
		Example: `  elara status
  elara status demo-20261122-190731
  elara status --json --limit 100 | jq '.[] | select(.status=="failed")'`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if limit < 1 {
				return fault.New(fault.Invalid, "--limit %d: expected 1 or more", limit)
			}
			if len(args) == 1 {
				return a.withRun(cmd, args, func(ctx context.Context, t target, server client.Client, run runInfo) error {
					return a.showRun(ctx, server, t, run, asJSON)
				})
			}
			return a.withServer(cmd, func(ctx context.Context, _ target, server client.Client) error {
				return a.showRuns(ctx, server, limit, asJSON)
			})
		},
	}
	command.Flags().BoolVar(&asJSON, "json", false, "print data")
	command.Flags().IntVar(&limit, "limit", 20, "how many runs to list")
	return command
}

func (a *app) showRuns(ctx context.Context, server client.Client, limit int, asJSON bool) error {
	runs, err := listRuns(ctx, server, limit)
	if err != nil {
		return err
	}
	if asJSON {
		return a.printJSON(append([]runInfo{}, runs...)) // no runs are an empty list, not null
	}
	if len(runs) == 0 {
		a.say("there is no run yet; start one with elara run PIPELINE.yaml")
		return nil
	}
	_, err = fmt.Fprint(a.out, runTable(runs, a.now()))
	return err
}

func runTable(runs []runInfo, now time.Time) string {
	table := terminal.Table{Header: []string{"run", "status", "stage", "base", "started (UTC)", "took"}, Right: []int{5}}
	for _, run := range runs {
		table.Rows = append(table.Rows, []string{
			string(run.Run), run.Status, run.Stage, run.Base,
			terminal.Moment(run.Started), terminal.Duration(run.took(now)),
		})
	}
	return table.String()
}

// runDetails is the answer of status RUN --json.
type runDetails struct {
	runInfo
	UI       string              `json:"ui,omitempty"`
	Curves   string              `json:"curves,omitempty"` // page of this machine
	Pipeline spec.PipelineStatus `json:"pipeline,omitzero"`
	Failure  string              `json:"failure,omitempty"`
	Reason   string              `json:"cancel_reason,omitempty"` // that a cancelled run was stopped for
}

func (a *app) showRun(ctx context.Context, server client.Client, t target, run runInfo, asJSON bool) (err error) {
	details := runDetails{runInfo: run, Curves: t.curves(run.Run)}
	if t.ui != "" {
		details.UI = uiOf(t, run)
	}
	switch run.Status {
	case running, "completed":
	case cancelled:
		if details.Reason, err = cancelReason(ctx, server, run); err != nil {
			return err
		}
	default:
		if err := server.GetWorkflow(ctx, run.WorkflowID, run.RunID).Get(ctx, nil); err != nil {
			details.Failure = oneLine(connect.Fault(err))
		}
	}
	if details.Pipeline, err = askStatus(ctx, server, run); err != nil {
		return err
	}
	if asJSON {
		return a.printJSON(details)
	}
	_, err = fmt.Fprint(a.out, detailsText(details, a.now()))
	return err
}

func detailsText(d runDetails, now time.Time) string {
	text := fmt.Sprintf("Run      %s (%s)\nStatus   %s, stage %s\nStarted  %s UTC, took %s\n", d.Run, d.Pipeline.Name,
		d.Status, d.Pipeline.Stage, terminal.Moment(d.Started), terminal.Duration(d.took(now)))
	if d.UI != "" {
		text += fmt.Sprintf("Page     %s\n", d.UI)
	}
	if d.Curves != "" {
		text += fmt.Sprintf("Curves   %s\n", d.Curves)
	}
	if d.Failure != "" {
		text += fmt.Sprintf("Failure  %s\n", d.Failure)
	}
	if d.Reason != "" {
		text += fmt.Sprintf("Reason   %s\n", d.Reason)
	}
	if p := d.Pipeline.Pretrain; p != nil {
		text += pretrainText(*p)
	}
	for _, aligned := range d.Pipeline.RLHF {
		text += rlhfText(aligned)
	}
	table := terminal.Table{Header: []string{"adapter", "rows", "held out", "artifact"}, Right: []int{1, 2}}
	for _, adapter := range d.Pipeline.Adapters {
		table.Rows = append(table.Rows, []string{
			string(adapter.Adapter), terminal.Count(adapter.TrainRows), terminal.Count(adapter.EvalRows), adapter.Ref.Digest.Short(),
		})
	}
	text += "\n" + table.String()
	if m := d.Pipeline.Merge; m != nil {
		text += "\n" + mergeText(*m)
	}
	if s := d.Pipeline.Distill; s != nil {
		text += "\n" + distillText(*s)
	}
	if len(d.Pipeline.Scores) > 0 {
		text += "\n" + scoreTable(d.Pipeline.Scores)
	}
	if !d.Pipeline.Candidate.IsZero() {
		text += fmt.Sprintf("\nCandidate  %s\n%s", d.Pipeline.Candidate.Digest, gatesText(d.Pipeline.Gates))
	}
	if d.Pipeline.Decision.Verdict != "" {
		text += fmt.Sprintf("Decision   %s\n", decisionText(d.Pipeline.Decision))
	}
	if e := d.Pipeline.Export; e != nil {
		text += exportText(*e)
	}
	return text + skippedText(d.Pipeline.Skipped)
}
