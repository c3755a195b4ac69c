package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"elara/spec"
	"elara/spec/fault"
	"elara/storage"
	"elara/storage/artifact"
)

// promotion holds the flags of release promote.
type promotion struct {
	signer
	from, replaces string
}

func newReleasePromote(a *app) *cobra.Command {
	var p promotion
	command := &cobra.Command{
		Use:   "promote CHANNEL",
		Short: "Point a channel to a candidate that was approved",
		Long: `Point a channel to its own candidate, when that was approved and could not be released
because the channel had moved meanwhile; or, with --from, to what another channel serves.
Approval is not given here: elara approve does that. Who promotes, and why, is recorded
beside the approval.

The change is one conditional write: when the channel serves something else by then than
what is shown, or than what --replaces names, it is refused. Then every adapter is asked what
its run asked (elara release smoke), and the channel goes back where one does not answer.

Exit codes: 0 done; 2 refused or taken back, with the reason; 1 anything else.`,
		Example: `  elara release promote stable --as "Person A" --reason "compared with what is served now"
  elara release promote stable --from staging --as "Person A" --reason "two weeks without a finding" --yes`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withChannel(cmd, &p.smoke, func(ctx context.Context, store storage.Store) error { return p.run(ctx, a, store, args[0]) })
		},
	}
	command.Flags().StringVar(&p.from, "from", "", "channel whose production is taken (default: the candidate of CHANNEL)")
	command.Flags().StringVar(&p.replaces, "replaces", "", "digest that the channel must serve for the change to take place, or nothing")
	p.addFlags(command)
	return command
}

func (p promotion) run(ctx context.Context, a *app, store storage.Store, channel string) error {
	change, approvers, err := p.approved(ctx, store, channel)
	if err != nil {
		return err
	}
	word, err := artifact.ReadDecision(ctx, store, change.Approval)
	if err != nil {
		return err
	}
	if err := word.InForce(a.now()); err != nil {
		return refusedError{err}
	}
	release, err := artifact.Current(ctx, store, channel)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	from := release.Current().Digest
	if p.replaces != "" {
		if from = spec.Digest(p.replaces); from == spec.Nothing {
			from = ""
		} else if err := from.Check(); err != nil {
			return fmt.Errorf("--replaces: %w", err)
		}
	}
	if len(release.Changes) > 0 {
		fmt.Fprint(a.err, historyText(release))
	}
	question := fmt.Sprintf("Point channel %s from %s to candidate %s, approved by %s", channel, servedText(from), change.To.Digest.Short(), word.Signers())
	if err := p.sign(ctx, a, question, p.replaces != "", "--replaces DIGEST"); err != nil {
		return err
	}
	if plan := (spec.ApprovalPlan{Approvers: approvers}); !plan.Admits(p.as) {
		return refuse(fault.Invalid, "approval.approvers in the pipeline file names them", "%s is no approver of channel %s", p.as, channel)
	}
	change.Decision = p.decision(change.To.Digest, a.now())
	result, err := artifact.Flip(ctx, store, channel, from, change)
	if fault.Is(err, fault.Conflict) {
		return refusedError{fault.WithHint(err, "elara release show %s, then promote again", channel)}
	}
	if err != nil {
		return err
	}
	return p.finish(ctx, a, store, result, fmt.Sprintf("channel %s points to %s, before it was %s", channel, result.Current.Short(), servedText(result.Previous)))
}

// approved finds the candidate meant, with the decision artifact that approves it, and who may promote it: whom the offer to
// the channel names, wherever the candidate comes from.
func (p promotion) approved(ctx context.Context, store storage.Store, channel string) (change artifact.Change, approvers []string, err error) {
	offer, err := artifact.FindOffer(ctx, store, channel)
	if p.from != "" {
		if err != nil && !fault.Is(err, fault.NotFound) {
			return change, nil, err
		}
		release, err := currentRelease(ctx, store, p.from)
		if err != nil {
			return change, nil, err
		}
		for _, made := range slices.Backward(release.Changes) {
			if made.To == release.Current() && !made.Approval.IsZero() {
				return artifact.Change{To: made.To, Approval: made.Approval, Smoke: release.Smoke(made.To.Digest)}, offer.Approvers, nil
			}
		}
		return change, nil, refuse(fault.NotFound, "", "channel %s serves nothing with an approval that is kept", p.from)
	}
	if err == nil && offer.Decision.IsZero() {
		err = refuse(fault.NotFound, fmt.Sprintf("elara approve %s", offer.Run), "nobody has decided on candidate %s of run %s", offer.Candidate.Digest.Short(), offer.Run)
	}
	return artifact.Change{To: offer.Candidate, Approval: offer.Decision, Smoke: offer.Smoke}, offer.Approvers, noneSuch(err)
}
