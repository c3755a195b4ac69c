//go:build torch

package main

import (
	"context"
	"fmt"

	"elara/configs"
	"elara/engine/recipes"
	"elara/engine/tensor"
	"elara/worker/serve"
)

// openEngine starts the training engine on the settings' device.
func openEngine(_ context.Context, settings configs.WorkerSettings) (engine, error) {
	e, err := tensor.Start(tensor.Options{Device: settings.Device, Threads: settings.Threads})
	if err != nil {
		return engine{}, fmt.Errorf("worker.device: %w", err)
	}
	runner := &recipes.Runner{Engine: e}
	return engine{
		Engine: &serve.Engine{
			Device: settings.DeviceClass(), Trainer: runner, Pretrainer: runner, Merger: runner, Distiller: runner, Evaluator: runner,
			Feedback: feedback{runner}, Sampler: feedback{runner}, AtOnce: settings.AdaptersAtOnce,
		},
		close: func() error { e.Close(); return nil },
	}, nil
}
