package exec

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"elara/activities"
	"elara/spec"
)

func compareCommand() *cobra.Command {
	var older, newer string
	var asJSON bool
	c := &cobra.Command{
		Use:     "compare --old DIR --new DIR",
		Short:   "Compare two measurements on the same rows and questions, item by item, and say what the gates would",
		Example: "  elara-worker exec compare --old served/evaluation --new patient/evaluation",
		RunE: func(c *cobra.Command, _ []string) error {
			gate, err := activities.CompareFolders(older, newer, spec.DefaultGateRules())
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(c.OutOrStdout()).Encode(gate)
			}
			if err := writeComparisons(c.OutOrStdout(), "old", "new", gate.Comparisons); err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "\nverdict  %s\n", gate.Verdict)
			for _, reason := range gate.Reasons {
				fmt.Fprintf(c.OutOrStdout(), "  %s\n", reason)
			}
			return nil
		},
	}
	required(c, &older, "old", "folder with answers.jsonl and losses.jsonl")
	required(c, &newer, "new", "folder with answers.jsonl and losses.jsonl")
	c.Flags().BoolVar(&asJSON, "json", false, "print data")
	return c
}

// writeComparisons is a table for people, every figure with its 95 % interval.
func writeComparisons(out io.Writer, old, now string, comparisons []spec.Comparison) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "metric\titems\t%s\t%s\tgain\tp worse (Holm)\tdetectable\n", old, now)
	for _, c := range comparisons {
		if c.Items == 0 {
			fmt.Fprintf(table, "%s\t0\tnot measured\n", c.Metric)
			continue
		}
		fmt.Fprintf(table, "%s\t%d\t%s\t%s\t%s\t%.2g\t%.3g\n", c.Metric, c.Items, c.Old.Text(), c.New.Text(), c.Gain.Text(), c.HolmWorse, c.Detectable)
	}
	return table.Flush()
}
