//go:build torch

package exec

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"elara/configs"
	"elara/data/hub"
	"elara/engine/recipes"
	"elara/spec"
)

// course is the training that a file describes.
type course struct {
	base   *string // of the job: a name on a hub is replaced by a path; nil where the job takes a path alone
	asRead any     // the job as the file has it
	output string
	args   spec.TrainingArgs
	train  func(ctx context.Context, r *recipes.Runner, from *spec.Snapshot, observer *folderObserver) (summary string, err error)
	report func(out io.Writer) error // prints what follows the summary; nil: nothing
}

// courseCommand is the command of one training from one file, which load reads: from the beginning, or from the newest checkpoint.
func courseCommand(name, short, config string, load func(file string) (course, []configs.Warning, error)) *cobra.Command {
	var file string
	var engine engineFlags
	var curves curveFlags
	var resume bool
	c := &cobra.Command{
		Use:     name + " --config C.json [--resume]",
		Short:   short,
		Example: "  elara-worker exec " + name + " --config " + name + ".json\n  elara-worker exec " + name + " --config " + name + ".json --resume",
		RunE: func(c *cobra.Command, _ []string) error {
			job, warnings, err := load(file)
			if err != nil {
				return err
			}
			warn(c, "", warnings)
			out := c.OutOrStdout()
			observer := &folderObserver{dir: job.args.OutputDir, keep: job.args.SaveTotalLimit, out: out}
			var from *spec.Snapshot
			if resume {
				if from, err = observer.newest(); err != nil {
					return err
				}
			}
			return withModels(c.ErrOrStderr(), func(m *models) error {
				var named hub.Name
				if job.base != nil {
					if *job.base, named, err = m.base(c.Context(), file, *job.base); err != nil {
						return err
					}
				}
				if err := curves.open([]watched{{file, job.asRead, job.output, from, observer}}, c.ErrOrStderr()); err != nil {
					return err
				}
				err := engine.withEngine(func(r *recipes.Runner) error {
					r.Timings = true
					r.Notice = func(line string) { fmt.Fprintln(out, line) }
					summary, err := job.train(c.Context(), r, from, observer)
					observer.curve.Close(err == nil)
					if err != nil {
						return placed(file, err)
					}
					if named != (hub.Name{}) {
						if err := nameBase(job.output, named); err != nil {
							return err
						}
					}
					if _, err := fmt.Fprintf(out, "%s: %s\n", summary, job.output); err != nil || job.report == nil {
						return err
					}
					return job.report(out)
				})
				return errors.Join(err, curves.tell(out))
			})
		},
	}
	required(c, &file, "config", config)
	engine.declare(c)
	curves.declare(c, name)
	c.Flags().BoolVar(&resume, "resume", false, "go on from the newest checkpoint in training_args.output_dir")
	return c
}

// stepsOf is the summary of most trainings.
func stepsOf(o spec.TrainOutcome) string {
	return fmt.Sprintf("%d steps, mean loss %.4f", o.Step, o.Loss)
}

// reportBeside writes the page of a report into the folder of what was trained, and says where it is.
func reportBeside(folder string, files func() (map[string][]byte, error)) func(out io.Writer) error {
	return func(out io.Writer) error {
		report, err := files()
		if err != nil {
			return err
		}
		const page = "report.html"
		path := filepath.Join(folder, page)
		if err := os.WriteFile(path, report[page], 0o644); err != nil {
			return fmt.Errorf("write the report: %w", err)
		}
		_, err = fmt.Fprintf(out, "report: %s\n", path)
		return err
	}
}
