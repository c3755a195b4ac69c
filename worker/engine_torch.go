//go:build torch

package main

import (
	"context"

	"elara/configs"
	"elara/engine/recipes"
	"elara/engine/tensor"
	"elara/spec/fault"
	"elara/worker/serve"
)

// openEngine starts the training engine on the settings' device.
func openEngine(_ context.Context, settings configs.WorkerSettings) (engine, error) {
	if settings.Device != "cpu" {
		return engine{}, fault.New(fault.Invalid, "worker.device is %q, this build trains on cpu", settings.Device)
	}
	e := tensor.Start(settings.Threads)
	runner := &recipes.Runner{Engine: e}
	return engine{
		Engine: &serve.Engine{Device: settings.DeviceClass(), Trainer: runner, Pretrainer: runner, Evaluator: runner, AtOnce: settings.AdaptersAtOnce},
		close:  func() error { e.Close(); return nil },
	}, nil
}
