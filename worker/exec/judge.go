package exec

import (
	"github.com/spf13/cobra"

	"elara/scoring"
	"elara/spec"
)

func judgeCommand() *cobra.Command {
	var in, out, audience string
	c := &cobra.Command{
		Use:     "judge --in P.jsonl --out F.jsonl [--audience general|patient|doctor|emergency]",
		Short:   "Judge answers by their text: accuracy, relevance, tone and safety, with a summary on standard error",
		Example: "  elara-worker exec judge --in pairs.jsonl --out findings.jsonl --audience patient",
		RunE: func(c *cobra.Command, _ []string) error {
			if audience != "" {
				if err := spec.Audience(audience).Check(); err != nil {
					return err
				}
			}
			pairs, err := scoring.ReadPairs(in)
			if err != nil {
				return err
			}
			judge, err := scoring.Load()
			if err != nil {
				return err
			}
			judgements, err := judge.All(pairs, spec.Audience(audience))
			if err != nil {
				return err
			}
			err = writeLines(out, func(line func(any) error) error {
				for _, judgement := range judgements {
					if err := line(judgement); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				return err
			}
			return scoring.Summarise(c.ErrOrStderr(), judgements, spec.Audience(audience))
		},
	}
	required(c, &in, "in", `JSONL of {"question", "answer"}, and "reference" for accuracy`)
	required(c, &out, "out", `JSONL to write: {"accuracy", "relevance", "tone", "findings"} a line`)
	c.Flags().StringVar(&audience, "audience", "", "hold the tone against the targets of this audience")
	return c
}
