//go:build torch

package exec

import (
	"encoding/json"

	"github.com/spf13/cobra"

	"elara/engine/recipes"
	"elara/scoring/choice"
	"elara/spec"
)

// chosen is a line of the output.
type chosen struct {
	ID       string    `json:"id"`
	LogProbs []float64 `json:"logprobs"` // of each choice, summed over its tokens
	Tokens   []int     `json:"tokens"`   // of each choice
	Gold     int       `json:"gold"`
	IsRight  bool      `json:"right"` // the gold choice has the largest sum
}

func choiceCommand() *cobra.Command {
	var f modelFlags
	var form string
	c := &cobra.Command{
		Use:     "choice --model DIR [--adapter DIR] --in Q.jsonl --out S.jsonl [--form medqa|medmcqa|pubmedqa|generic|cloze]",
		Short:   "Answer multiple choice by log-likelihood, as lm-evaluation-harness does; accuracies are printed as JSON",
		Example: "  elara-worker exec choice --model smollm2 --adapter adapters/doctor --form medqa --in test.jsonl --out scores.jsonl",
		RunE: func(c *cobra.Command, _ []string) error {
			items, err := choice.Read(spec.ChoiceForm(form), f.in)
			if err != nil {
				return err
			}
			return f.run(c, func(r *recipes.Runner, model string, line func(any) error) error {
				likelihoods, err := r.Choose(c.Context(), model, f.adapter, items)
				if err != nil {
					return placed(f.in, err)
				}
				result, err := choice.Score(items, likelihoods)
				if err != nil {
					return err
				}
				for i, item := range items {
					out := chosen{ID: item.ID, Gold: item.Gold, IsRight: result.Right[i]}
					for _, l := range likelihoods[i] {
						out.LogProbs, out.Tokens = append(out.LogProbs, l.Sum), append(out.Tokens, l.Tokens)
					}
					if err := line(out); err != nil {
						return err
					}
				}
				return json.NewEncoder(c.OutOrStdout()).Encode(result)
			})
		},
	}
	f.declare(c, "JSONL of questions with choices, in the form that --form names", `JSONL to write: {"id", "logprobs", "tokens", "gold", "right"}`)
	c.Flags().StringVar(&form, "form", string(spec.ChoiceGeneric), "form of the questions: medqa, medmcqa, pubmedqa, generic, or cloze, which scores the texts of generic's choices")
	return c
}
