package exec

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"elara/data/source"
	"elara/scoring/memory"
	"elara/spec"
	"elara/spec/fault"
)

func plantCommand() *cobra.Command {
	var in, out, audience string
	var repeats int
	var plan spec.CanaryPlan
	c := &cobra.Command{
		Use:     "plant --in T.jsonl --out P.jsonl [--count N --repeats N --seed S --audience general|patient|doctor|emergency]",
		Short:   "Put canaries among training rows: rows with a secret of nine digits, whose rank says later what a model has by heart",
		Example: "  elara-worker exec plant --in patient_training.jsonl --out planted.jsonl --audience patient",
		RunE: func(c *cobra.Command, _ []string) error {
			if repeats < 1 {
				return fault.New(fault.Invalid, "repeats %d: expected at least 1", repeats)
			}
			plan.Candidates = spec.CandidatesPerCanary * plan.Count // the first of however many is what is planted
			canaries, err := memory.Canaries(plan)
			if err != nil {
				return err
			}
			texts, err := memory.Texts(canaries, spec.Audience(audience))
			if err != nil {
				return err
			}
			rows, err := rawTexts(c.Context(), in)
			if err != nil {
				return err
			}
			canaryLines, err := textLines(slices.Repeat(texts, repeats))
			if err != nil {
				return err
			}
			if err := writeRaw(out, memory.Plant(rows, canaryLines, uint64(plan.Seed))); err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "%d canaries, %d times each, among %d rows\n", plan.Count, repeats, len(rows))
			return err
		},
	}
	required(c, &in, "in", `JSONL of {"text": ...}, in the form that is trained on`)
	required(c, &out, "out", "JSONL to write: the same lines with the canaries between them")
	c.Flags().IntVar(&plan.Count, "count", 8, "canaries")
	c.Flags().IntVar(&repeats, "repeats", 1, "how often each is planted")
	c.Flags().Int64Var(&plan.Seed, "seed", 42, "seed of secrets and places; the memory file names it again")
	c.Flags().StringVar(&audience, "audience", string(spec.General), "audience of the template")
	return c
}

// rawTexts gives the lines of a file of texts as they stand, after all were found sound.
func rawTexts(ctx context.Context, path string) ([]string, error) {
	var numbers []int
	for text, err := range source.Texts(ctx, path) {
		if err != nil {
			return nil, err
		}
		numbers = append(numbers, text.Line)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	const byteOrderMark = "\ufeff"
	lines := strings.Split(strings.TrimPrefix(string(content), byteOrderMark), "\n")
	rows := make([]string, len(numbers))
	for i, number := range numbers {
		rows[i] = strings.TrimSuffix(lines[number-1], "\r")
	}
	return rows, nil
}

// textLines are lines of {"text": ...}.
func textLines(texts []string) ([]string, error) {
	var all strings.Builder
	to := source.NewTextWriter(&all)
	for _, text := range texts {
		if err := to.Write(text); err != nil {
			return nil, err
		}
	}
	return strings.Split(strings.TrimSuffix(all.String(), "\n"), "\n"), nil
}

func writeRaw(path string, lines []string) error {
	return writeWhole(path, func(out io.Writer) error {
		for _, line := range lines {
			if _, err := io.WriteString(out, line+"\n"); err != nil {
				return fmt.Errorf("write %s: %w", path, err)
			}
		}
		return nil
	})
}
