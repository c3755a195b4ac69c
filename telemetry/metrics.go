package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"elara/spec/fault"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
)

// DurationBuckets are the upper bounds, in seconds, of every histogram of durations: from an upload's milliseconds to
// a training of days. OpenTelemetry's own end at 10,000 and are meant for milliseconds.
func DurationBuckets() []float64 {
	return []float64{
		0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, // to half a minute
		60, 120, 300, 600, 1800, 3600, 7200, 14400, 43200, 86400, 259200, // to three days
	}
}

// measuring is a meter provider with the server of /metrics.
type measuring struct {
	provider metric.MeterProvider
	url      string
	stop     func(context.Context) error
	server   *http.Server
	served   chan error // what the server ended with
}

func newMeasuring(ctx context.Context, address string, about *resource.Resource, logger *slog.Logger) (*measuring, error) {
	if address == "" {
		return &measuring{provider: noop.NewMeterProvider()}, nil
	}
	exposed, err := expose(about, logger)
	if err != nil {
		return nil, err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, errors.Join(
			fault.WithHint(fault.New(fault.Invalid, "serve metrics at %s: %w", address, err), "set telemetry.metrics_address to a free address"),
			exposed.Shutdown(ctx))
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", exposed.Handler)
	m := &measuring{
		provider: exposed.provider,
		url:      "http://" + listener.Addr().String() + "/metrics",
		stop:     exposed.Shutdown,
		server:   &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second},
		served:   make(chan error, 1),
	}
	go func() { m.served <- m.server.Serve(listener) }()
	return m, nil
}

// durationViews gives every instrument that measures seconds the buckets above: ours end in .duration, those of the
// Temporal SDK in _latency.
func durationViews() []sdkmetric.View {
	var views []sdkmetric.View
	for _, name := range []string{"*.duration", "*_latency"} {
		views = append(views, sdkmetric.NewView(
			sdkmetric.Instrument{Name: name},
			sdkmetric.Stream{Aggregation: sdkmetric.AggregationExplicitBucketHistogram{Boundaries: DurationBuckets()}},
		))
	}
	return views
}

func (m *measuring) shutdown(ctx context.Context) error {
	if m.server == nil {
		return nil
	}
	err := m.server.Shutdown(ctx)
	if served := <-m.served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, fmt.Errorf("serve metrics: %w", served))
	}
	return errors.Join(err, m.stop(ctx))
}
