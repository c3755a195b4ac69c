package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"elara/spec"
	"elara/storage"
)

func newCompare(a *app) *cobra.Command {
	var asJSON bool
	command := &cobra.Command{
		Use:   "compare A B",
		Short: "Compare two measurements on the same rows and questions, item by item",
		Long: `Say how much better the adapter of measurement B is than that of A, item by item: every
metric with its 95 % interval, and the verdict that the gates' usual rules give.

A and B are folders that elara evaluate has written, or digests of measurements in the
store: elara artifacts list names them ADAPTER/answers.`,
		Example: `  elara compare served/evaluation patient/evaluation
  elara compare 1f0c5d2a9b3e 77aa01c2d3e4 --json`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			scratch, err := os.MkdirTemp("", "elara-compare-*")
			if err != nil {
				return fmt.Errorf("make a scratch folder: %w", err)
			}
			defer func() { _ = os.RemoveAll(scratch) }() // copies of what is stored
			folders := make([]string, len(args))
			for i, arg := range args {
				if info, err := os.Stat(arg); err == nil && info.IsDir() {
					folders[i] = arg
					continue
				}
				folders[i] = filepath.Join(scratch, arg)
				err := a.withStore(cmd, func(ctx context.Context, store storage.Store) error {
					digest, err := wholeDigest(ctx, store, arg)
					if err != nil {
						return fmt.Errorf("%s is no folder: %w", arg, err)
					}
					return pull(ctx, store, spec.ArtifactRef{Digest: digest}, folders[i])
				})
				if err != nil {
					return err
				}
			}
			run := []string{"compare", "--old", folders[0], "--new", folders[1]}
			if asJSON {
				run = append(run, "--json")
			}
			return a.workerExec(cmd.Context(), run...)
		},
	}
	command.Flags().BoolVar(&asJSON, "json", false, "print data")
	return command
}
