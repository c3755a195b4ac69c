package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

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
		RunE: func(cmd *cobra.Command, args []string) error {
			scratch, err := os.MkdirTemp("", "elara-compare-*")
			if err != nil {
				return fmt.Errorf("make a scratch folder: %w", err)
			}
			defer func() { _ = os.RemoveAll(scratch) }() // copies of what is stored
			folders, err := a.measurements(cmd, args, scratch)
			if err != nil {
				return err
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

// measurements gives a folder for each name: the folder of that name, or a copy of what the store holds under that digest.
func (a *app) measurements(cmd *cobra.Command, names []string, scratch string) ([]string, error) {
	folders, stored := slices.Clone(names), false
	for i, name := range names {
		if info, err := os.Stat(name); err != nil || !info.IsDir() {
			folders[i], stored = filepath.Join(scratch, name), true
		}
	}
	if !stored {
		return folders, nil
	}
	return folders, a.withStore(cmd, func(ctx context.Context, store storage.Store) error {
		for i, name := range names {
			if folders[i] == name || slices.Contains(names[:i], name) {
				continue // it is there
			}
			digest, err := wholeDigest(ctx, store, name)
			if err != nil {
				return fmt.Errorf("%s is no folder: %w", name, err)
			}
			if err := pull(ctx, store, spec.ArtifactRef{Digest: digest}, folders[i]); err != nil {
				return err
			}
		}
		return nil
	})
}
