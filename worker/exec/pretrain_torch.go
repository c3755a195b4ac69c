//go:build torch

package exec

import (
	"fmt"

	"github.com/spf13/cobra"

	"elara/configs"
	"elara/engine/recipes"
	"elara/spec"
)

func pretrainCommand() *cobra.Command {
	var file string
	var engine engineFlags
	var resume bool
	c := &cobra.Command{
		Use:   "pretrain --config P.json [--resume]",
		Short: "Train all weights of a base model on running text, and write another base model",
		Example: `  elara-worker exec pretrain --config pretrain.json
  elara-worker exec pretrain --config pretrain.json --resume`,
		RunE: func(c *cobra.Command, _ []string) error {
			job, warnings, err := configs.LoadPretrainJob(file)
			if err != nil {
				return err
			}
			for _, w := range warnings {
				fmt.Fprintf(c.ErrOrStderr(), "warning: %s\n", w)
			}
			out := c.OutOrStdout()
			observer := &folderObserver{dir: job.Args.OutputDir, keep: job.Args.SaveTotalLimit, out: out}
			var from *spec.Snapshot
			if resume {
				if from, err = observer.newest(); err != nil {
					return err
				}
			}
			return engine.withEngine(func(r *recipes.Runner) error {
				r.Timings = true
				r.Notice = func(line string) { fmt.Fprintln(out, line) }
				outcome, err := r.Pretrain(c.Context(), job, from, observer)
				if err != nil {
					return placed(file, err)
				}
				_, err = fmt.Fprintf(out, "%d steps, mean loss %.4f: %s\n", outcome.Step, outcome.Loss, job.OutputDir)
				return err
			})
		},
	}
	required(c, &file, "config", "pre-training file in the form of the guide's other files")
	engine.declare(c)
	c.Flags().BoolVar(&resume, "resume", false, "go on from the newest checkpoint in training_args.output_dir")
	return c
}
