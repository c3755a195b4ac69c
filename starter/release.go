package main

import (
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"elara/starter/terminal"
	"elara/storage/artifact"
)

func newRelease(a *app) *cobra.Command {
	command := &cobra.Command{
		Use:     "release",
		Short:   "Look at what the channels serve",
		Example: "  elara release show stable",
	}
	return group(command, newReleaseShow(a))
}

func newReleaseShow(a *app) *cobra.Command {
	var asJSON bool
	command := &cobra.Command{
		Use:     "show CHANNEL",
		Short:   "Show which candidate a channel serves, and everything it served before",
		Example: "  elara release show stable --json | jq .changes[-1].decision.reviewer",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			t, err := a.target(cmd)
			if err != nil {
				return err
			}
			store, err := t.store(cmd.Context())
			if err != nil {
				return err
			}
			release, err := artifact.Current(cmd.Context(), store, args[0])
			if err != nil {
				return err
			}
			if asJSON {
				return a.printJSON(release)
			}
			_, err = fmt.Fprint(a.out, releaseText(release))
			return err
		},
	}
	command.Flags().BoolVar(&asJSON, "json", false, "print data")
	return command
}

// releaseText shows the newest change first: it is the one that holds.
func releaseText(release artifact.Release) string {
	table := terminal.Table{Header: []string{"approved (UTC)", "by", "candidate", "reason"}}
	for _, change := range slices.Backward(release.Changes) {
		table.Rows = append(table.Rows, []string{
			change.Decision.DecidedAt.UTC().Format("2006-01-02 15:04:05"), change.Decision.Reviewer,
			change.To.Digest.Short(), change.Decision.Reason,
		})
	}
	return fmt.Sprintf("Channel %s serves candidate %s\n\n%s", release.Channel, release.Current().Digest, table)
}

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }
