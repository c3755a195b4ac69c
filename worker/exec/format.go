package exec

import (
	"fmt"

	"github.com/spf13/cobra"

	"elara/data/instruct"
	"elara/data/source"
	"elara/spec"
)

func formatCommand() *cobra.Command {
	var in, out, audience string
	var columns source.Columns
	c := &cobra.Command{
		Use:     "format --in Y.csv --audience general|patient|doctor|emergency --out Z.jsonl",
		Short:   "Write the guide's instruction text for an audience",
		Example: "  elara-worker exec format --in cleaned_medical_data.csv --audience patient --out patient_training.jsonl",
		RunE: func(c *cobra.Command, _ []string) error {
			rows, err := instruct.File(c.Context(), in, out, columns, spec.Audience(audience))
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "%d rows\n", rows)
			return err
		},
	}
	required(c, &in, "in", "cleaned CSV file")
	required(c, &audience, "audience", "general, patient, doctor or emergency")
	required(c, &out, "out", `JSONL file to write: {"text": ...} a line`)
	c.Flags().StringVar(&columns.Question, "question", "question", "column of the questions")
	c.Flags().StringVar(&columns.Answer, "answer", "answer", "column of the answers")
	return c
}
