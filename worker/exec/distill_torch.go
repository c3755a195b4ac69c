//go:build torch

package exec

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"elara/configs"
	"elara/engine/recipes"
	"elara/spec"
)

func distillCommand() *cobra.Command {
	return courseCommand("distill", "Train all weights of a smaller model to answer as a larger one does, and compare the two",
		"distillation file: teacher, student and rows", func(file string) (course, []configs.Warning, error) {
			job, warnings, err := configs.LoadDistillJob(file)
			c := course{asRead: job, output: job.OutputDir, args: job.Args}
			var report *spec.DistillReport
			c.train = func(ctx context.Context, r *recipes.Runner, from *spec.Snapshot, observer *folderObserver) (string, error) {
				outcome, err := r.Distill(ctx, job, from, &distillObserver{observer})
				report = outcome.Report
				return stepsOf(outcome.TrainOutcome), err
			}
			c.report = func(out io.Writer) error { return printDistilled(out, report) }
			return c, warnings, err
		})
}

// distillObserver tells how far the teacher has been asked apart from the steps of the student.
type distillObserver struct{ *folderObserver }

// Progress implements spec.TrainObserver.
func (o *distillObserver) Progress(p spec.Progress) {
	if p.Stage != spec.StageTeacher {
		o.folderObserver.Progress(p)
		return
	}
	fmt.Fprintf(o.out, "teacher: part %d of %d of the rows\n", p.Step, p.TotalSteps)
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
