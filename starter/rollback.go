package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"elara/spec"
	"elara/spec/fault"
	"elara/storage"
	"elara/storage/artifact"
)

// rollback holds the flags of release rollback.
type rollback struct {
	signer
	to string
}

func newReleaseRollback(a *app) *cobra.Command {
	var r rollback
	command := &cobra.Command{
		Use:   "rollback CHANNEL",
		Short: "Point a channel back to what it served before",
		Long: `Point a channel back to a candidate that it served before, in one conditional write. The
candidate was approved then; who goes back now, and why, is recorded beside it. A
candidate that was never approved for this channel is refused, and so is the change when
somebody else has changed the channel meanwhile. On a terminal you are asked; elsewhere
name the candidate with --to, or say --yes to take the one before.

Without --to it goes back as an undo does: given twice, it goes back two releases.

Then every adapter is asked what its run asked (elara release smoke). Where one does not
answer the channel goes further back, as another roll-back would, or serves nothing.

Exit codes: 0 done; 2 refused or taken back, with the reason; 1 anything else.`,
		Example: `  elara release rollback stable --as "Person A" --reason "misses red flags" --yes
  elara release rollback stable --to 1f0c5d2a9b3e --as "Person A" --reason "misses red flags"`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withChannel(cmd, &r.smoke, func(ctx context.Context, store storage.Store) error { return r.run(ctx, a, store, args[0]) })
		},
	}
	command.Flags().StringVar(&r.to, "to", "", "the earlier candidate meant, whole or its first 12 digits or more")
	r.addFlags(command)
	return command
}

func (r rollback) run(ctx context.Context, a *app, store storage.Store, channel string) error {
	release, err := currentRelease(ctx, store, channel)
	if err != nil {
		return err
	}
	from := release.Current()
	to, err := r.candidate(release)
	if err != nil {
		return err
	}
	fmt.Fprint(a.err, historyText(release))
	question := fmt.Sprintf("Point channel %s back to candidate %s", channel, to.Digest.Short())
	if err := r.sign(ctx, a, question, r.to != "", "--to DIGEST"); err != nil {
		return err
	}
	result, err := artifact.Back(ctx, store, channel, from.Digest, to, r.decision(to.Digest, a.now()))
	if err != nil {
		return err
	}
	return r.finish(ctx, a, store, result, fmt.Sprintf("channel %s points to %s again, before it was %s", channel, result.Current.Short(), servedText(result.Previous)))
}

// servedText is what a channel serves, for people.
func servedText(digest spec.Digest) string {
	if digest == "" {
		return "nothing"
	}
	return digest.Short()
}

// candidate finds what is meant among what the channel served.
func (r rollback) candidate(release artifact.Release) (spec.ArtifactRef, error) {
	none := spec.ArtifactRef{}
	if r.to == "" {
		to, found := release.Before()
		if !found {
			return none, refuse(fault.NotFound, "", "channel %s has served nothing before %s", release.Channel, servedText(release.Current().Digest))
		}
		return to, nil
	}
	if len(r.to) < shortest {
		return none, fault.New(fault.Invalid, "--to %s: expected 64 hexadecimal digits, or the first %d or more", r.to, shortest)
	}
	served := release.Served(r.to)
	switch {
	case len(served) == 0:
		return none, refuse(fault.NotFound, "elara release history "+release.Channel+" lists what it served",
			"--to %s: no candidate of that digest was ever approved for channel %s", r.to, release.Channel)
	case len(served) > 1:
		return none, refuse(fault.Invalid, "", "--to %s: %d candidates begin with it, expected more digits", r.to, len(served))
	case served[0] == release.Current():
		return none, refuse(fault.Conflict, "", "--to %s: channel %s serves that candidate already", r.to, release.Channel)
	}
	return served[0], nil
}
