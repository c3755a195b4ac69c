//go:build torch

package exec

import (
	"fmt"
	"path/filepath"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"elara/configs"
	"elara/engine/recipes"
	"elara/spec"
)

func mergeCommand() *cobra.Command {
	var file string
	var engine engineFlags
	c := &cobra.Command{
		Use:     "merge --config M.json",
		Short:   "Merge adapters into one, or into the base, in one or several ways, each with a certificate",
		Example: `  elara-worker exec merge --config merge.json`,
		RunE: func(c *cobra.Command, _ []string) error {
			job, warnings, err := configs.LoadMergeJob(file)
			if err != nil {
				return err
			}
			warn(c, "", warnings)
			return engine.withEngine(func(r *recipes.Runner) error {
				outcome, err := r.Merge(c.Context(), job, func(spec.Progress) {})
				if err != nil {
					return placed(file, err)
				}
				table := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
				fmt.Fprintln(table, "candidate\theld-out loss\tlogits, to what it should be\tto the live sum\tfolder")
				for _, m := range outcome.Candidates {
					loss := "not measured"
					if m.Rows > 0 {
						loss = fmt.Sprintf("%.4f of %d rows", m.Loss, m.Rows)
					}
					fmt.Fprintf(table, "%s\t%s\t%.2g\t%.2g\t%s\n", m.Method.Name, loss, m.LogitDifference, m.ToLive, filepath.Join(job.OutputDir, m.Method.Name))
				}
				return table.Flush()
			})
		},
	}
	required(c, &file, "config", "merge file: base, adapters and candidates")
	engine.declare(c)
	return c
}
