package main

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"

	"elara/starter/terminal"
	"elara/storage/retention"
)

// defaultGrace keeps what is younger: long enough to look at a run that nobody has released.
const defaultGrace = 30 * 24 * time.Hour

func newArtifactsPrune(a *app) *cobra.Command {
	var (
		dryRun, asJSON bool
		grace          time.Duration
	)
	command := &cobra.Command{
		Use:   "prune",
		Short: "Clear away what no release, no run and no resume needs",
		Long: `Show, or with --dry-run=false remove, what the store holds and nothing needs: blobs that
nothing refers to, results of stages that only old runs refer to, and all but the newest
checkpoint of runs that are over. What a channel serves or ever served stays, with
everything it was made from; so do the pairs and judgements of every collection of
preferences, and what a run has made that goes on or ended within the grace period, and
whatever was written within it. A later run makes anew what is gone.

The runs are asked what they need, so a worker must be running. Start no run meanwhile.`,
		Example: `  elara artifacts prune
  elara artifacts prune --grace 168h --dry-run=false
  elara artifacts prune --json | jq .size_bytes`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withServer(cmd, func(ctx context.Context, t target, server client.Client) error {
				options, err := needed(ctx, server, a.now(), grace)
				if err != nil {
					return err
				}
				options.Rehearse = dryRun
				store, err := t.store(ctx)
				if err != nil {
					return err
				}
				result, err := retention.Prune(ctx, store, options)
				if err != nil {
					return fmt.Errorf("%d objects were removed before: %w", removed(result, dryRun), err)
				}
				return a.pruned(result, dryRun, asJSON)
			})
		},
	}
	command.Flags().BoolVar(&dryRun, "dry-run", true, "name what would go, and remove nothing")
	command.Flags().DurationVar(&grace, "grace", defaultGrace, "what is younger stays; at least 48h")
	command.Flags().BoolVar(&asJSON, "json", false, "print data")
	return command
}

// needed asks Temporal which runs go on or ended within the grace period, and each of them for what it has made. One that
// cannot be asked is an error: what it needs is unknown.
func needed(ctx context.Context, server client.Client, now time.Time, grace time.Duration) (retention.Options, error) {
	options := retention.Options{Grace: grace, Now: now}
	runs, err := listRuns(ctx, server, math.MaxInt32)
	if err != nil {
		return options, err
	}
	for _, run := range runs {
		options.Busy = options.Busy || run.Status == running
		if !run.Closed.IsZero() && now.Sub(run.Closed) > grace {
			continue
		}
		status, err := askStatus(ctx, server, run)
		if err != nil {
			return options, err
		}
		options.Live = append(options.Live, run.Run)
		for _, made := range artifactsOf(status) {
			options.Keep = append(options.Keep, made.ArtifactRef)
		}
	}
	return options, nil
}

func removed(result retention.Result, dryRun bool) int {
	if dryRun {
		return 0
	}
	return len(result.Checkpoints) + len(result.Records) + len(result.Blobs)
}

// pruned prints what went, or would go: keys as data, sums as talk.
func (a *app) pruned(result retention.Result, dryRun, asJSON bool) error {
	if asJSON {
		return a.printJSON(result)
	}
	if _, err := fmt.Fprint(a.out, result.Lines()); err != nil {
		return err
	}
	a.say("%s blobs of %s, %s checkpoints, %s stage records; %s blobs of %s stay",
		terminal.Count(int64(len(result.Blobs))), terminal.Bytes(result.SizeBytes),
		terminal.Count(int64(len(result.Checkpoints))), terminal.Count(int64(len(result.Records))),
		terminal.Count(int64(result.KeptBlobs)), terminal.Bytes(result.KeptBytes))
	if dryRun {
		a.say("nothing was removed; elara artifacts prune --dry-run=false does it")
	}
	return nil
}
