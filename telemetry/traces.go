package telemetry

import (
	"context"
	"fmt"
	"strings"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// batchDelay is how long a finished span is held: short, so that a killed worker loses little of its trace.
const batchDelay = time.Second

// tracing is a tracer provider and how to close it.
type tracing struct {
	provider trace.TracerProvider
	shutdown func(context.Context) error
}

func newTracing(ctx context.Context, endpoint string, about *resource.Resource) (tracing, error) {
	if endpoint == "" {
		return tracing{provider: noop.NewTracerProvider(), shutdown: func(context.Context) error { return nil }}, nil
	}
	options := []otlptracegrpc.Option{otlptracegrpc.WithEndpoint(endpoint), otlptracegrpc.WithInsecure()}
	if strings.HasPrefix(endpoint, "https://") {
		options = []otlptracegrpc.Option{otlptracegrpc.WithEndpointURL(endpoint)}
	}
	exporter, err := otlptracegrpc.New(ctx, options...)
	if err != nil {
		return tracing{}, fmt.Errorf("make the trace exporter for %s: %w", endpoint, err)
	}
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(exporter, sdktrace.WithBatchTimeout(batchDelay)),
		sdktrace.WithResource(about),
		sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.AlwaysSample())),
	)
	return tracing{provider: provider, shutdown: provider.Shutdown}, nil
}
