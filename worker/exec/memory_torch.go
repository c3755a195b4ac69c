//go:build torch

package exec

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"elara/configs"
	"elara/engine/recipes"
	"elara/spec"
)

func memoryCommand() *cobra.Command {
	var file, out string
	var engine engineFlags
	c := &cobra.Command{
		Use:     "memory --config M.json --out R.json",
		Short:   "How much a model has by heart of its training rows: canaries, rows word for word, membership by loss",
		Example: "  elara-worker exec memory --config memory.json --out memory_report.json",
		RunE: func(c *cobra.Command, _ []string) error {
			job, warnings, err := configs.LoadMemoryJob(file)
			if err != nil {
				return err
			}
			warn(c, "", warnings)
			return withModels(c.ErrOrStderr(), func(m *models) error {
				if job.BaseModel, _, err = m.base(c.Context(), file, job.BaseModel); err != nil {
					return err
				}
				return engine.withEngine(func(r *recipes.Runner) error {
					result, err := r.Memory(c.Context(), job, func(spec.Progress) {})
					if err != nil {
						return placed(file, err)
					}
					if err := writeJSON(out, result); err != nil {
						return err
					}
					return writeMemory(c.OutOrStdout(), result)
				})
			})
		},
	}
	required(c, &file, "config", "what to ask, and what to hold the answer to")
	required(c, &out, "out", "JSON to write: verdict, reasons, bounds and all figures, without any row's text")
	engine.declare(c)
	return c
}

// writeMemory is the result for people.
func writeMemory(out io.Writer, r spec.MemoryResult) error {
	var text strings.Builder
	for i, c := range r.Canaries {
		fmt.Fprintf(&text, "canary %c     planted %d times, rank %d of %d, exposure %.2f bits", 'A'+i, c.Planted, c.Rank, c.Candidates, c.Exposure)
		if c.BaseExposure != nil {
			fmt.Fprintf(&text, ", of the base %.2f", *c.BaseExposure)
		}
		text.WriteByte('\n')
	}
	if v := r.Verbatim; r.Asks(spec.PartVerbatim) {
		fmt.Fprintf(&text, "verbatim     %d of %d rows, longest run %d tokens; %d rows are too short to tell\n", v.Told, v.Rows, v.Longest, v.TooShort)
	}
	if r.Asks(spec.PartMembership) {
		fmt.Fprintf(&text, "membership   %s\n", membershipText(r.Membership))
	}
	if r.BaseMembership != nil {
		fmt.Fprintf(&text, "of the base  %s\n", membershipText(*r.BaseMembership))
	}
	fmt.Fprintf(&text, "\nverdict  %s\n", r.Verdict)
	for _, reason := range r.Reasons {
		fmt.Fprintf(&text, "  %s\n", reason)
	}
	_, err := io.WriteString(out, text.String())
	return err
}

func membershipText(m spec.Membership) string {
	return fmt.Sprintf("AUC %s, advantage %.3f, %d rows against %d", m.AUC.Text(), m.Advantage, m.TrainedRows, m.HeldOutRows)
}

func writeJSON(path string, value any) error {
	return writeWhole(path, func(out io.Writer) error {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(value); err != nil {
			return fmt.Errorf("write %s: %w", path, err)
		}
		return nil
	})
}
