package telemetry

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/trace"
)

// Options says where traces, metrics and logs go.
type Options struct {
	Service        string    // service.name: "elara", "elara-worker"
	Version        string    // service.version
	OTLPEndpoint   string    // host:port of an OTLP gRPC receiver in clear text, or https://host:port; empty: no traces
	MetricsAddress string    // host:port to serve /metrics at; empty: no metrics
	LogLevel       string    // debug, info (default), warn, error
	LogFormat      string    // text (default) or json
	LogTo          io.Writer // nil: standard error
}

// Telemetry is a running set-up. Its methods may be called from many goroutines; Shutdown once, at the end.
type Telemetry struct {
	logger  *slog.Logger
	traces  tracing
	metrics *measuring
}

// Start opens what the options name. A trace receiver that cannot be reached is no error: spans are dropped, and the
// log says so.
func Start(ctx context.Context, options Options) (*Telemetry, error) {
	to := options.LogTo
	if to == nil {
		to = os.Stderr
	}
	logger, err := newLogger(to, options.LogLevel, options.LogFormat)
	if err != nil {
		return nil, err
	}
	about := aboutService(options.Service, options.Version)
	traces, err := newTracing(ctx, options.OTLPEndpoint, about)
	if err != nil {
		return nil, err
	}
	metrics, err := newMeasuring(ctx, options.MetricsAddress, about, logger)
	if err != nil {
		return nil, errors.Join(err, traces.shutdown(ctx))
	}
	// The exporters report failures to one place per process; without this they would print past the logger.
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { logger.Warn("telemetry was not delivered", "error", err) }))
	return &Telemetry{logger: logger, traces: traces, metrics: metrics}, nil
}

func aboutService(name, version string) *resource.Resource {
	return resource.NewSchemaless(attribute.String("service.name", name), attribute.String("service.version", version))
}

// Logger writes records that carry trace_id and span_id of the context they are logged with.
func (t *Telemetry) Logger() *slog.Logger { return t.logger }

// Tracer starts spans. Without a receiver its spans cost nothing and go nowhere.
func (t *Telemetry) Tracer() trace.Tracer { return t.traces.provider.Tracer(scope) }

// Meter makes instruments. Without a metrics address they count nothing.
func (t *Telemetry) Meter() metric.Meter { return t.metrics.provider.Meter(scope) }

// MetricsURL is where /metrics is served, or "".
func (t *Telemetry) MetricsURL() string { return t.metrics.url }

// Shutdown sends what is still held and closes the listener. It waits no longer than ctx.
func (t *Telemetry) Shutdown(ctx context.Context) error {
	return errors.Join(t.traces.shutdown(ctx), t.metrics.shutdown(ctx))
}
