package main

import (
	"log/slog"
	"os"

	"elara/activities"
	"elara/configs"
	"elara/spec"
	"elara/spec/fault"
	"elara/telemetry/runlog"
	"elara/telemetry/wandb"
)

// openCurves gives the function that opens a training's curve, or nil where no folder is set for them.
func openCurves(settings configs.TelemetrySettings, log *slog.Logger) (activities.Curves, error) {
	if settings.LoggingDir == "" {
		if len(settings.ReportTo) > 0 {
			return nil, fault.New(fault.Invalid, "telemetry.report_to is %v, and telemetry.logging_dir is not set, expected the folder too", settings.ReportTo)
		}
		return nil, nil // which keeps no curves, as activities.Device says
	}
	options, err := curveOptions(settings)
	if err != nil {
		return nil, err
	}
	options.Notice = func(line string) { log.Warn(line) }
	return func(run spec.RunID, adapter spec.AdapterName, config any, state []byte) (*runlog.Log, error) {
		o := options
		o.Run, o.Adapter, o.Config, o.State = string(run), string(adapter), config, state
		return runlog.Open(o)
	}, nil
}

// curveOptions is what all curves of this worker share.
func curveOptions(settings configs.TelemetrySettings) (runlog.Options, error) {
	w, err := wandb.FromEnvironment(os.Getenv)
	if err != nil {
		return runlog.Options{}, err
	}
	if settings.WandB.Entity != "" {
		w.Entity = settings.WandB.Entity
	}
	project := settings.WandB.Project
	if project == "" {
		project = os.Getenv("WANDB_PROJECT")
	}
	return runlog.Options{Dir: settings.LoggingDir, ReportTo: settings.ReportTo, Project: project, WandB: w}, nil
}
