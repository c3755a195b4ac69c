package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"

	"elara/internal/connect"
	"elara/spec"
	"elara/spec/fault"
	"elara/starter/terminal"
	"elara/workflows"
)

// decider holds the flags of approve and reject.
type decider struct {
	as, reason, digest, replaces string
	yes, asJSON                  bool
}

func newApprove(a *app) *cobra.Command {
	return newDecide(a, spec.Approved, &cobra.Command{
		Use:   "approve RUN",
		Short: "Approve the candidate of a run, by name",
		Example: `  elara approve winter-2026 --as "Person A"
  elara approve winter-2026 --as "Person A" --digest 1f0c5d2a9b3e --reason "answers checked"`,
	}, "the release pointer of its channel then moves to it, once as many persons have\napproved as the pipeline asks for")
}

func newReject(a *app) *cobra.Command {
	return newDecide(a, spec.Rejected, &cobra.Command{
		Use:     "reject RUN",
		Short:   "Reject the candidate of a run, by name",
		Example: `  elara reject winter-2026 --as "Person A" --reason "misses red flags"`,
	}, "nothing is released then")
}

func newDecide(a *app, verdict spec.Verdict, command *cobra.Command, effect string) *cobra.Command {
	var d decider
	command.Args = cobra.ExactArgs(1)
	command.Long = fmt.Sprintf(`Show the candidate of a run, its digest and how its adapters compare with their
base, and record that a named person has %s exactly that;
%s.
The first decision stands. On a terminal you are asked; elsewhere name the
candidate with --digest, or say --yes to take the one that is shown.

Exit codes: 0 recorded; 2 refused, with the reason; 1 anything else.`, verdict, effect)
	command.RunE = func(cmd *cobra.Command, args []string) error {
		return a.withRun(cmd, args, func(ctx context.Context, _ target, server client.Client, run runInfo) error {
			return d.run(ctx, a, server, run, verdict)
		})
	}
	command.Flags().StringVar(&d.as, "as", "", "name of the person who decides")
	command.Flags().StringVar(&d.reason, "reason", "", "why")
	command.Flags().StringVar(&d.digest, "digest", "", "the candidate meant, whole or its first 12 digits or more; another one is refused")
	if verdict == spec.Approved {
		command.Flags().StringVar(&d.replaces, "replaces", "", "whole digest of what the channel serves now, or nothing, when it has moved since the run asked")
	}
	command.Flags().BoolVar(&d.yes, "yes", false, "do not ask: the candidate shown is meant")
	command.Flags().BoolVar(&d.asJSON, "json", false, "print the decision that stands as data")
	return command
}

func (d decider) run(ctx context.Context, a *app, server client.Client, run runInfo, verdict spec.Verdict) error {
	status, err := askStatus(ctx, server, run)
	if err != nil {
		return err
	}
	if status.Candidate.IsZero() {
		return refusedError{fault.New(fault.NotFound, "run %s has no candidate to decide on: it is %s at stage %s", run.Run, run.Status, status.Stage)}
	}
	if run.Status != running {
		return refusedError{fault.New(fault.Conflict, "run %s is over (%s), its candidate was %s", run.Run, run.Status, fateOf(status))}
	}
	if err := d.matches(status.Candidate.Digest); err != nil {
		return err
	}
	fmt.Fprint(a.err, candidateText(status))
	if d.as == "" {
		if d.as, err = a.ask(ctx, "\nYour name:", "--as NAME"); err != nil {
			return err
		}
	}
	if d.digest == "" && !d.yes {
		question := fmt.Sprintf("\nIs candidate %s %s, %s?", status.Candidate.Digest.Short(), verdict, d.as)
		sure, err := a.confirm(ctx, question, "--digest or --yes")
		if err != nil {
			return err
		}
		if !sure {
			return fault.New(fault.Transient, "nothing was decided")
		}
	}
	stands, err := decide(ctx, server, run, spec.Decision{
		Verdict: verdict, Candidate: status.Candidate.Digest, Reviewer: d.as, Reason: d.reason,
		Replaces: spec.Digest(d.replaces),
	})
	if err != nil {
		return err
	}
	if d.asJSON {
		return a.printJSON(stands)
	}
	if stands.Missing > 0 {
		a.say("%d more signatures are needed, of other persons: elara approve %s --as NAME", stands.Missing, run.Run)
	}
	_, err = fmt.Fprintf(a.out, "candidate %s: %s, %s UTC\n", stands.Candidate.Short(), decisionText(stands), terminal.Moment(stands.DecidedAt))
	return err
}

// fateOf says what became of a candidate.
func fateOf(status spec.PipelineStatus) string {
	if status.Decision.Verdict == "" {
		return "not decided on"
	}
	return decisionText(status.Decision)
}

// shortest is how many digits of a digest name a candidate: as many as Digest.Short shows.
const shortest = 12

// matches refuses a candidate that is not the one meant.
func (d decider) matches(candidate spec.Digest) error {
	if d.digest == "" {
		return nil
	}
	if len(d.digest) < shortest {
		return fault.New(fault.Invalid, "--digest %s: expected 64 hexadecimal digits, or the first %d or more", d.digest, shortest)
	}
	if !strings.HasPrefix(string(candidate), d.digest) {
		return refusedError{fault.New(fault.Conflict, "--digest %s: the candidate is %s", d.digest, candidate)}
	}
	return nil
}

// decideWithin bounds the wait for the worker that takes the decision.
const decideWithin = 30 * time.Second

// decide sends a decision and gives back the one that stands. A refusal comes as a refusedError in the workflow's words.
func decide(ctx context.Context, server client.Client, run runInfo, decision spec.Decision) (spec.Decision, error) {
	if err := decision.Check(); err != nil {
		return decision, err
	}
	pipeline := connect.Workflow{Server: server, ID: run.WorkflowID, Run: run.RunID, Within: decideWithin}
	stands, err := connect.Update[spec.Decision](ctx, pipeline, workflows.DecideUpdate, decision)
	if err == nil {
		return stands, nil
	}
	switch fault.KindOf(err) {
	case fault.Invalid, fault.NotFound, fault.Conflict:
		return stands, refusedError{err}
	}
	return stands, fmt.Errorf("send the decision to run %s: %w", run.Run, err)
}
