//go:build torch

package exec

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"elara/configs"
	"elara/engine/recipes"
	"elara/spec"
)

func distillCommand() *cobra.Command {
	var file string
	var engine engineFlags
	var resume bool
	c := &cobra.Command{
		Use:   "distill --config D.json [--resume]",
		Short: "Train all weights of a smaller model to answer as a larger one does, and compare the two",
		Example: `  elara-worker exec distill --config distill.json
  elara-worker exec distill --config distill.json --resume`,
		RunE: func(c *cobra.Command, _ []string) error {
			job, warnings, err := configs.LoadDistillJob(file)
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
				outcome, err := r.Distill(c.Context(), job, from, observer)
				if err != nil {
					return placed(file, err)
				}
				fmt.Fprintf(out, "%d steps, mean loss %.4f: %s\n", outcome.Step, outcome.Loss, job.OutputDir)
				return printDistilled(out, outcome.Report)
			})
		},
	}
	required(c, &file, "config", "distillation file: teacher, student and rows")
	engine.declare(c)
	c.Flags().BoolVar(&resume, "resume", false, "go on from the newest checkpoint in training_args.output_dir")
	return c
}

// printDistilled says how the student does, where rows were held out.
func printDistilled(out io.Writer, r *spec.DistillReport) error {
	if r == nil {
		return nil
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "%d held-out rows\tloss\tthe student is better by\n", r.Rows)
	fmt.Fprintf(table, "student\t%.4f\n", r.Student)
	line := func(name string, c spec.Comparison) {
		fmt.Fprintf(table, "%s\t%.4f\t%.4f (%.4f to %.4f)\n", name, c.Old.Value, c.Gain.Value, c.Gain.Low, c.Gain.High)
	}
	line("teacher", r.ToTeacher)
	if r.ToControl != nil {
		line("without the teacher", *r.ToControl)
	}
	return table.Flush()
}
