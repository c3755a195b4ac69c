//go:build torch

package exec

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"elara/spec"
	"elara/spec/fault"
	"elara/telemetry/runlog"
	"elara/telemetry/wandb"
)

// curveFlags say where the curves of trainings go. Without a folder none are kept.
type curveFlags struct {
	dir, run string
	reportTo []string
}

// declare adds the flags; run is the folder's default name.
func (f *curveFlags) declare(c *cobra.Command, run string) {
	c.Flags().StringVar(&f.dir, "logging-dir", "", "folder for the curves: series, report, and what --report-to names")
	c.Flags().StringVar(&f.run, "run-name", run, "folder of this run in --logging-dir, and its group at W&B")
	c.Flags().StringSliceVar(&f.reportTo, "report-to", nil, "where curves go beside the series and the report: tensorboard, wandb")
}

// watched is a training whose curve is kept.
type watched struct {
	file     string // that describes it
	asRead   any    // its content
	output   string
	from     *spec.Snapshot
	observer *folderObserver
}

// open begins the curve of each training; the caller ends them.
func (f *curveFlags) open(trainings []watched, tell io.Writer) error {
	if f.dir == "" {
		if len(f.reportTo) > 0 {
			return fault.New(fault.Invalid, "--report-to is given without --logging-dir, expected the folder too")
		}
		return nil
	}
	reach, err := wandb.FromEnvironment(os.Getenv)
	if err != nil {
		return err
	}
	owner := map[string]string{}
	for _, t := range trainings {
		adapter := filepath.Base(t.output)
		if other, taken := owner[adapter]; taken {
			return fault.At(t.file, 0, "output_dir ends in %s, as that of %s does, expected names that tell their curves apart", adapter, other)
		}
		owner[adapter] = t.file
		options := runlog.Options{
			Dir: f.dir, Run: f.run, Adapter: adapter, Anew: true, Config: t.asRead, Project: os.Getenv("WANDB_PROJECT"), Name: os.Getenv("WANDB_NAME"),
			ReportTo: f.reportTo, WandB: reach, Notice: func(line string) { fmt.Fprintln(tell, line) },
		}
		if t.from != nil {
			options.State = t.from.Files["trainer_state.json"]
		}
		if t.observer.curve, err = runlog.Open(options); err != nil {
			for _, begun := range trainings {
				begun.observer.curve.Close(false)
			}
			return err
		}
	}
	return nil
}

// tell says where the page with all curves is.
func (f *curveFlags) tell(out io.Writer) error {
	if f.dir == "" {
		return nil
	}
	_, err := fmt.Fprintf(out, "curves: %s\n", filepath.Join(f.dir, f.run, runlog.ReportFile))
	return err
}
