package main

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"elara/spec/fault"
	"elara/starter/terminal"
	"elara/storage"
	"elara/storage/artifact"
)

func newRelease(a *app) *cobra.Command {
	var r rollback
	command := group(&cobra.Command{
		Use:   "release CHANNEL (--back | --to DIGEST)",
		Short: "Look at what the channels serve, and go back to what they served before",
		Long: `Point a channel back to a candidate that it served before, in one conditional write. The
candidate was approved then; who goes back now, and why, is recorded beside it. A
candidate that was never approved for this channel is refused, and so is the change when
somebody else has changed the channel meanwhile. On a terminal you are asked; elsewhere
name the candidate with --to, or say --yes to take what --back finds.

--back goes back as an undo does: given twice, it goes back two releases.

Exit codes: 0 done; 2 refused, with the reason; 1 anything else.`,
		Example: `  elara release show stable
  elara release stable --back --as "Person A" --reason "misses red flags"
  elara release stable --to 1f0c5d2a9b3e --as "Person A" --reason "misses red flags"`,
	}, newReleaseShow(a))
	words := command.RunE // of a command that only holds others
	command.RunE = func(cmd *cobra.Command, args []string) error {
		switch {
		case !r.given() && (len(args) == 0 || len(cmd.SuggestionsFor(args[0])) > 0):
			return words(cmd, args)
		case !r.given():
			return usageError{fmt.Errorf("expected --back or --to DIGEST; elara release show %s shows what a channel serves", args[0])}
		case r.back && r.to != "":
			return usageError{fmt.Errorf("--back and --to %s: expected one of them", r.to)}
		case len(args) != 1:
			return usageError{fmt.Errorf("expected the name of one channel, found %d (see %s --help)", len(args), cmd.CommandPath())}
		}
		return a.withStore(cmd, func(ctx context.Context, store storage.Store) error { return r.run(ctx, a, store, args[0]) })
	}
	r.addFlags(command)
	return command
}

func newReleaseShow(a *app) *cobra.Command {
	var asJSON bool
	command := &cobra.Command{
		Use:     "show CHANNEL",
		Short:   "Show which candidate a channel serves, and everything it served before",
		Example: "  elara release show stable --json | jq .changes[-1].decision.reviewer",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withStore(cmd, func(ctx context.Context, store storage.Store) error {
				release, err := currentRelease(ctx, store, args[0])
				if err != nil {
					return err
				}
				if asJSON {
					return a.printJSON(release)
				}
				_, err = fmt.Fprint(a.out, releaseText(release))
				return err
			})
		},
	}
	command.Flags().BoolVar(&asJSON, "json", false, "print data")
	return command
}

// currentRelease reads the pointer of a channel. One that serves nothing is a name that nothing has.
func currentRelease(ctx context.Context, store storage.Store, channel string) (artifact.Release, error) {
	release, err := artifact.Current(ctx, store, channel)
	if fault.Is(err, fault.NotFound) {
		return release, refusedError{err}
	}
	return release, err
}

// releaseText shows the newest change first: it is the one that holds.
func releaseText(release artifact.Release) string {
	table := terminal.Table{Header: []string{"approved (UTC)", "by", "", "candidate", "reason"}}
	for _, change := range slices.Backward(release.Changes) {
		way := "to"
		if change.Back {
			way = "back to"
		}
		table.Rows = append(table.Rows, []string{
			change.Decision.DecidedAt.UTC().Format("2006-01-02 15:04:05"), change.Decision.Reviewer, way,
			change.To.Digest.Short(), change.Decision.Reason,
		})
	}
	return fmt.Sprintf("Channel %s serves candidate %s\n\n%s", release.Channel, release.Current().Digest, table)
}

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }
