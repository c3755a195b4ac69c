package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"elara/internal/connect"
	"elara/spec"
	"elara/spec/fault"
	"elara/starter/terminal"
	"elara/workflows"
)

// collectionDetails is the answer of preferences status COLLECTION --json.
type collectionDetails struct {
	spec.PreferencesStatus
	Agreement spec.AgreementResult `json:"agreement"`
}

func newPreferencesStatus(a *app) *cobra.Command {
	var asJSON bool
	command := &cobra.Command{
		Use:   "status [COLLECTION]",
		Short: "List the collections, or show how far one is and how far its reviewers agree",
		Long: `List the collections, the newest first, or show one: its judgements, its reviewers,
Krippendorff's alpha and the share of judgements for the answer that was shown first,
which is a half where position has no influence.`,
		Example: `  elara preferences status
  elara preferences status cough --json | jq .agreement.alpha_nominal`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return a.withServer(cmd, func(ctx context.Context, _ target, server client.Client) error {
					return a.showCollections(ctx, server, asJSON)
				})
			}
			return a.withCollection(cmd, args, func(ctx context.Context, _ target, server client.Client, run spec.RunID) error {
				status, err := askCollection[spec.PreferencesStatus](ctx, server, run, workflows.StatusQuery)
				if err != nil {
					return err
				}
				agreement, err := askCollection[spec.AgreementResult](ctx, server, run, workflows.AgreementQuery)
				if err != nil {
					return err
				}
				if asJSON {
					return a.printJSON(collectionDetails{status, agreement})
				}
				_, err = fmt.Fprint(a.out, collectionText(status, agreement))
				return err
			})
		},
	}
	command.Flags().BoolVar(&asJSON, "json", false, "print data")
	return command
}

// listedCollections is how many are listed.
const listedCollections = 100

func (a *app) showCollections(ctx context.Context, server client.Client, asJSON bool) error {
	answer, err := server.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
		PageSize: listedCollections, Query: fmt.Sprintf("WorkflowType = '%s' AND ExecutionStatus != 'ContinuedAsNew'", workflows.PreferencesWorkflow),
	})
	if err != nil {
		return connect.Fault(fmt.Errorf("list the collections: %w", err))
	}
	list := []runInfo{}
	for _, execution := range answer.GetExecutions() {
		info := infoOf(execution)
		info.Run = spec.RunID(strings.TrimPrefix(info.WorkflowID, workflows.PreferencesID("")))
		list = append(list, info)
	}
	if asJSON {
		return a.printJSON(list)
	}
	if len(list) == 0 {
		a.say("there is no collection yet; start one with elara preferences start FILE")
		return nil
	}
	table := terminal.Table{Header: []string{"collection", "status", "stage"}}
	for _, info := range list {
		table.Rows = append(table.Rows, []string{string(info.Run), info.Status, info.Stage})
	}
	_, err = fmt.Fprint(a.out, table)
	return err
}

func collectionText(s spec.PreferencesStatus, agreement spec.AgreementResult) string {
	state := "open"
	switch {
	case s.Ended == spec.EndClosed:
		state = "closed by " + s.Closed.By
	case s.Ended != "":
		state = "ended: " + string(s.Ended)
	case s.Overdue:
		state = "open, and nobody has judged for a while"
	}
	text := fmt.Sprintf("Collection  %s (%s)\nState       %s\nJudgements  %s of %s\nPairs       %s, %s complete\n", s.Run, s.Name, state,
		terminal.Count(s.Judged), terminal.Count(s.Wanted), terminal.Count(int64(s.Pairs)), terminal.Count(int64(s.Complete)))
	if !s.Plan.Deadline.IsZero() {
		text += fmt.Sprintf("Deadline    %s UTC\n", terminal.Moment(s.Plan.Deadline))
	}
	text += fmt.Sprintf("Agreement   alpha %s (nominal), %s (ordinal) on %s pairs\n", figure(agreement.Nominal), figure(agreement.Ordinal), terminal.Count(int64(agreement.Pairs)))
	if agreement.FirstWins != nil {
		text += fmt.Sprintf("Position    %.1f %% of %s for the answer shown first\n", 100**agreement.FirstWins, terminal.Count(agreement.Decisive))
	}
	if s.Trouble != "" {
		text += fmt.Sprintf("Trouble     %d judgements wait for the store: %s\n", s.Waiting, s.Trouble)
	}
	if !s.Result.IsZero() {
		text += fmt.Sprintf("Result      %s\n", s.Result.Digest)
	}
	if len(agreement.Reviewers) > 0 {
		table := terminal.Table{Header: []string{"reviewer", "judged", "imported", "tie", "both bad", "shown first", "second"}, Right: []int{1, 2, 3, 4, 5, 6}}
		for _, r := range agreement.Reviewers {
			table.Rows = append(table.Rows, []string{r.Reviewer, terminal.Count(r.Judged), terminal.Count(r.Imported), terminal.Count(r.Tie),
				terminal.Count(r.BothBad), terminal.Count(r.First), terminal.Count(r.Second)})
		}
		text += "\n" + table.String()
	}
	return text + importsText(s.Imports)
}

// figure is an alpha, or that there is none.
func figure(alpha *float64) string {
	if alpha == nil {
		return "not defined"
	}
	return fmt.Sprintf("%.3f", *alpha)
}

func importsText(reports []spec.ImportReport) string {
	if len(reports) == 0 {
		return ""
	}
	table := terminal.Table{Header: []string{"import", "reviewer", "rows", "kept", "said before", "said otherwise", "refused", "new pairs", "why"}, Right: []int{2, 3, 4, 5, 6, 7}}
	for _, r := range reports {
		table.Rows = append(table.Rows, []string{r.Set.Short(), r.Reviewer, fmt.Sprint(r.Rows), fmt.Sprint(r.Kept), fmt.Sprint(r.Same),
			fmt.Sprint(r.Different), fmt.Sprint(r.Refused), fmt.Sprint(r.NewPairs), r.Reason})
	}
	return "\n" + table.String()
}

// refusedImport is an import of which nothing was taken for a reason.
func refusedImport(reports []spec.ImportReport) error {
	for _, r := range reports {
		if r.Reason != "" {
			return refusedError{fault.New(fault.Conflict, "import %s: %s", r.Set.Short(), r.Reason)}
		}
	}
	return nil
}
