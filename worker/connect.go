package main

import (
	"context"

	"go.temporal.io/sdk/client"

	"elara/activities"
	"elara/configs"
	"elara/internal/connect"
	"elara/storage"
	"elara/telemetry"
)

// dial reaches the Temporal server, with the worker's traces and metrics on every call.
func dial(ctx context.Context, at configs.TemporalSettings, t *telemetry.Telemetry) (client.Client, error) {
	var options client.Options
	if err := t.Instrument(&options); err != nil {
		return nil, err
	}
	return connect.Temporal(ctx, at, options)
}

// openStore reaches the object store and refuses one that ignores conditions.
func openStore(ctx context.Context, at configs.S3Settings) (storage.Store, error) {
	store, err := connect.Store(ctx, at)
	if err != nil {
		return nil, err
	}
	return store, storage.Probe(ctx, store)
}

// buckets opens other places than the store, by the same endpoint and keys.
func buckets(at configs.S3Settings) activities.Buckets {
	return func(ctx context.Context, bucket, prefix string) (storage.Store, error) {
		place := at // activities ask at the same time
		place.Bucket, place.Prefix = bucket, prefix
		return connect.Store(ctx, place)
	}
}
