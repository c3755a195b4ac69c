package exec

import (
	"fmt"

	"github.com/spf13/cobra"

	"elara/data/clean"
	"elara/data/source"
)

func cleanCommand() *cobra.Command {
	var in, out, ledger string
	var columns source.Columns
	c := &cobra.Command{
		Use:     "clean --in X.csv --out Y.csv --ledger L.jsonl",
		Short:   "Clean question-answer CSV as the guide does, and account for every row",
		Example: "  elara-worker exec clean --in raw_medical_data.csv --out cleaned_medical_data.csv --ledger ledger.jsonl",
		RunE: func(c *cobra.Command, _ []string) error {
			counts, err := clean.File(c.Context(), in, out, ledger, columns, clean.Limits())
			if err != nil {
				return err
			}
			for _, bucket := range counts.Buckets {
				if bucket.Rows > 0 {
					fmt.Fprintf(c.OutOrStdout(), "%-24s %d\n", bucket.Bucket, bucket.Rows)
				}
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "%-24s %d\n", "rows read", counts.RowsRead)
			return err
		},
	}
	required(c, &in, "in", "CSV file, folder of CSV files, or glob")
	required(c, &out, "out", "CSV file to write")
	required(c, &ledger, "ledger", "JSONL file to write: where each row ended")
	c.Flags().StringVar(&columns.Question, "question", "question", "column of the questions")
	c.Flags().StringVar(&columns.Answer, "answer", "answer", "column of the answers")
	return c
}
