//go:build torch

package exec

import (
	"encoding/json"

	"github.com/spf13/cobra"

	"elara/data/instruct"
	"elara/engine/recipes"
	"elara/scoring"
	"elara/scoring/measure"
	"elara/spec"
	"elara/spec/fault"
)

// gained is a line of what gain writes.
type gained struct {
	Gain float64 `json:"gain"` // nats per token
}

func gainCommand() *cobra.Command {
	var f modelFlags
	var others int
	audience := string(spec.General)
	c := &cobra.Command{
		Use:     "gain --model DIR --in P.jsonl --out G.jsonl [--others N]",
		Short:   "Say how much likelier each answer is behind its own question than behind others; their mean is printed as JSON",
		Example: "  elara-worker exec gain --model smollm2 --in pairs.jsonl --out gains.jsonl --others 8",
		RunE: func(c *cobra.Command, _ []string) error {
			if others < 1 {
				return fault.New(fault.Invalid, "--others %d: expected at least 1", others)
			}
			prompts, answers, err := prompted(f.in, spec.Audience(audience))
			if err != nil {
				return err
			}
			return f.run(c, func(r *recipes.Runner, model string, line func(any) error) error {
				gains, err := r.Gains(c.Context(), model, prompts, answers, others)
				if err != nil {
					return placed(f.in, err)
				}
				for _, gain := range gains {
					if err := line(gained{gain}); err != nil {
						return err
					}
				}
				mean, standardError := measure.Mean(gains)
				return json.NewEncoder(c.OutOrStdout()).Encode(struct {
					N             int     `json:"n"`
					Gain          float64 `json:"gain"`
					StandardError float64 `json:"gain_stderr"`
				}{mean.N, mean.Value, standardError})
			})
		},
	}
	required(c, &f.model, "model", "the yardstick: folder in Hugging Face form, a .gguf file, or owner/name on a hub")
	required(c, &f.in, "in", `JSONL of {"question", "answer"}, at least two`)
	required(c, &f.out, "out", `JSONL to write: {"gain"} a line, in nats per token`)
	c.Flags().IntVar(&others, "others", 8, "other questions that each answer is held against, the next ones in the file")
	c.Flags().StringVar(&audience, "audience", audience, "in whose form questions are put: general, patient, doctor or emergency")
	f.engine.declare(c)
	return c
}

// prompted reads pairs and puts their questions into the form of an audience.
func prompted(path string, audience spec.Audience) (prompts, answers []string, err error) {
	if err := audience.Check(); err != nil {
		return nil, nil, err
	}
	pairs, err := scoring.ReadPairs(path)
	if err != nil {
		return nil, nil, err
	}
	if len(pairs) < 2 {
		return nil, nil, fault.At(path, 0, "one pair: expected others to hold its answer against")
	}
	for _, pair := range pairs {
		prompt, err := instruct.Guide().Prompt(pair.Question, audience)
		if err != nil {
			return nil, nil, err
		}
		prompts, answers = append(prompts, prompt), append(answers, *pair.Answer)
	}
	return prompts, answers, nil
}
