//go:build torch

package exec

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"elara/data/source"
	"elara/engine/recipes"
	"elara/engine/sample"
	"elara/engine/tensor"
	"elara/spec/fault"
)

func engineCommands() []*cobra.Command {
	return []*cobra.Command{
		loraCommand(), pretrainCommand(), rewardCommand(), dpoCommand(), ppoCommand(), mergeCommand(), distillCommand(),
		scoreCommand(), scoreRewardCommand(), choiceCommand(), gainCommand(), memoryCommand(), evaluateCommand(),
		generateCommand(), serveCommand(), tinyModelCommand(),
	}
}

// engineFlags say what a command computes on.
type engineFlags struct{ tensor.Options }

func (f *engineFlags) declare(c *cobra.Command) {
	c.Flags().IntVar(&f.Threads, "threads", 0, "CPU threads; 0: all cores")
	c.Flags().StringVar(&f.Device, "device", tensor.CPU, "cpu, or cuda:N for a GPU")
}

// withEngine runs f with a runner of its own.
func (f *engineFlags) withEngine(work func(*recipes.Runner) error) error {
	engine, err := tensor.Start(f.Options)
	if err != nil {
		return fmt.Errorf("--device: %w", err)
	}
	defer engine.Close()
	return work(&recipes.Runner{Engine: engine})
}

// modelFlags are what score and generate have in common.
type modelFlags struct {
	model, adapter, in, out string
	engine                  engineFlags
	lines                   []int // of the texts that were read
}

func (f *modelFlags) declare(c *cobra.Command, in, out string) {
	required(c, &f.model, "model", "folder in Hugging Face form, a .gguf file, or owner/name on a hub")
	required(c, &f.in, "in", in)
	required(c, &f.out, "out", out)
	c.Flags().StringVar(&f.adapter, "adapter", "", "PEFT adapter folder")
	f.engine.declare(c)
}

// texts reads the whole input, so that nothing is computed for a file that is bad at its end.
func (f *modelFlags) texts(ctx context.Context) ([]string, error) {
	var texts []string
	for text, err := range source.Texts(ctx, f.in) {
		if err != nil {
			return nil, err
		}
		texts, f.lines = append(texts, text.Text), append(f.lines, text.Line)
	}
	if len(texts) == 0 {
		return nil, fault.At(f.in, 0, `no texts, expected {"text": ...} a line`)
	}
	return texts, nil
}

// run finds the model and lets work write the output's lines.
func (f *modelFlags) run(c *cobra.Command, work func(r *recipes.Runner, model string, line func(any) error) error) error {
	return withModels(c.ErrOrStderr(), func(m *models) error {
		model, err := m.find(c.Context(), f.model)
		if err != nil {
			return err
		}
		return f.engine.withEngine(func(r *recipes.Runner) error {
			return writeLines(f.out, func(line func(any) error) error { return f.placed(work(r, model, line)) })
		})
	})
}

// placed names the line of a text that cannot be used.
func (f *modelFlags) placed(err error) error {
	var bad *recipes.TextError
	if errors.As(err, &bad) {
		return fault.At(f.in, f.lines[bad.Index], "%w", bad.Err)
	}
	return err
}

func scoreCommand() *cobra.Command {
	var f modelFlags
	c := &cobra.Command{
		Use:     "score --model DIR [--adapter DIR] --in T.jsonl --out S.jsonl",
		Short:   "Natural-log probability of each token given those before it, in float32",
		Example: "  elara-worker exec score --model smollm2 --adapter adapters/patient --in texts.jsonl --out scores.jsonl",
		RunE: func(c *cobra.Command, _ []string) error {
			texts, err := f.texts(c.Context())
			if err != nil {
				return err
			}
			return f.run(c, func(r *recipes.Runner, model string, line func(any) error) error {
				return r.Score(c.Context(), model, f.adapter, texts, func(s recipes.Scored) error { return line(s) })
			})
		},
	}
	f.declare(c, `JSONL of {"text": ...}`, `JSONL to write: {"ids", "logprobs"}`)
	return c
}

func generateCommand() *cobra.Command {
	var f modelFlags
	o := sample.Options{}
	c := &cobra.Command{
		Use:     "generate --model DIR [--adapter DIR] --in P.jsonl --out A.jsonl [--max-new-tokens N --temperature T --top-p P --seed S]",
		Short:   "Continue prompts",
		Example: "  elara-worker exec generate --model smollm2 --in prompts.jsonl --out answers.jsonl --max-new-tokens 128 --temperature 0.7 --top-p 0.9",
		RunE: func(c *cobra.Command, _ []string) error {
			if o.MaxNewTokens < 1 || o.Temperature < 0 || o.TopP <= 0 || o.TopP > 1 {
				return fault.New(fault.Invalid, "max-new-tokens %d, temperature %v, top-p %v: expected at least 1, at least 0, above 0 and at most 1", o.MaxNewTokens, o.Temperature, o.TopP)
			}
			prompts, err := f.texts(c.Context())
			if err != nil {
				return err
			}
			return f.run(c, func(r *recipes.Runner, model string, line func(any) error) error {
				return r.Generate(c.Context(), model, f.adapter, prompts, o, func(g recipes.Generated) error { return line(g) })
			})
		},
	}
	f.declare(c, `JSONL of {"text": ...} prompts`, `JSONL to write: {"text", "ids"} of the new tokens`)
	c.Flags().IntVar(&o.MaxNewTokens, "max-new-tokens", 128, "most tokens an answer may have")
	c.Flags().Float64Var(&o.Temperature, "temperature", 0, "0: always the most probable token")
	c.Flags().Float64Var(&o.TopP, "top-p", 1, "sample from the fewest tokens that together have this probability")
	c.Flags().Uint64Var(&o.Seed, "seed", 42, "seed of the draws")
	return c
}

func tinyModelCommand() *cobra.Command {
	var out string
	c := &cobra.Command{
		Use:     "tiny-model --out DIR",
		Short:   "Write a small Llama with random weights, the same ones every time",
		Example: "  elara-worker exec tiny-model --out build/tiny",
		RunE: func(*cobra.Command, []string) error {
			engine := engineFlags{tensor.Options{Threads: 1}}
			return engine.withEngine(func(r *recipes.Runner) error { return r.TinyModel(out) })
		},
	}
	required(c, &out, "out", "folder to write")
	return c
}
