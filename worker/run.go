package main

import (
	"context"
	"errors"
	"time"

	"elara/configs"
	"elara/internal/version"
	"elara/telemetry"
	"elara/worker/serve"
	"elara/workflows/namespace"
)

// flushTimeout bounds how long the end of the process waits for a receiver of traces.
const flushTimeout = 10 * time.Second

// runWorker checks what the worker needs, and serves until ctx ends.
func runWorker(ctx context.Context, settings configs.Settings) (err error) {
	notifier, err := openNotifier(settings.Notify)
	if err != nil {
		return err
	}
	t, err := telemetry.Start(ctx, telemetry.Options{
		Service: "elara-worker", Version: version.Text(),
		OTLPEndpoint: settings.Telemetry.OTLPEndpoint, MetricsAddress: settings.Telemetry.MetricsAddress,
		LogLevel: settings.Telemetry.LogLevel, LogFormat: settings.Telemetry.LogFormat,
	})
	if err != nil {
		return err
	}
	defer func() {
		flush, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTimeout)
		defer cancel()
		err = errors.Join(err, t.Shutdown(flush))
	}()
	instruments, err := t.Instruments()
	if err != nil {
		return err
	}
	store, err := openStore(ctx, settings.S3)
	if err != nil {
		return err
	}
	server, err := dial(ctx, settings.Temporal, t)
	if err != nil {
		return err
	}
	defer server.Close()
	if err := namespace.Prepare(ctx, server, settings.Temporal.Namespace); err != nil {
		return err
	}
	models, err := openHub()
	if err != nil {
		return err
	}
	curves, err := openCurves(settings.Telemetry, t.Logger())
	if err != nil {
		return err
	}
	engine, err := openEngine(ctx, settings.Worker)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, engine.close()) }()
	if engine.Engine != nil {
		engine.Code, engine.Machine = version.Text(), machine(engine.Device)
	}
	return serve.Run(ctx, serve.Options{
		Client: server, Store: store, CacheDir: settings.CacheDir,
		ControlQueue: settings.Queues.Control, TrainQueue: settings.Queues.Train,
		Engine: engine.Engine, Hub: models, Buckets: buckets(settings.S3), Curves: curves, Notifier: notifier, Instruments: instruments,
		Logger: t.Logger(),
	})
}
