//go:build torch

package exec

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"elara/spec/fault"
	"elara/telemetry/runlog"
	"elara/telemetry/wandb"
)

// curveFlags say where the curves of trainings go. Without a folder none are kept.
type curveFlags struct {
	dir, run string
	reportTo []string
}

func (f *curveFlags) declare(c *cobra.Command) {
	c.Flags().StringVar(&f.dir, "logging-dir", "", "folder for the curves: series, report, and what --report-to names")
	c.Flags().StringVar(&f.run, "run-name", "lora", "folder of these trainings in --logging-dir, and their group at W&B")
	c.Flags().StringSliceVar(&f.reportTo, "report-to", nil, "where curves go beside the series and the report: tensorboard, wandb")
}

// open begins the curve of each training; the caller ends them.
func (f *curveFlags) open(trainings []*training, tell io.Writer) error {
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
		adapter := filepath.Base(t.job.OutputDir)
		if other, taken := owner[adapter]; taken {
			return fault.At(t.config, 0, "output_dir ends in %s, as that of %s does, expected names that tell their curves apart", adapter, other)
		}
		owner[adapter] = t.config
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

// report is where the page with all curves is, or "".
func (f *curveFlags) report() string {
	if f.dir == "" {
		return ""
	}
	return filepath.Join(f.dir, f.run, runlog.ReportFile)
}
