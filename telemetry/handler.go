package telemetry

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	promexporter "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
)

// Exposed is a meter whose metrics a server of its own shows.
type Exposed struct {
	Handler  http.Handler // of GET /metrics
	provider *sdkmetric.MeterProvider
}

// Expose makes a meter and the handler of its metrics, for a server that listens already.
func Expose(service, version string, logger *slog.Logger) (*Exposed, error) {
	return expose(aboutService(service, version), logger)
}

func expose(about *resource.Resource, logger *slog.Logger) (*Exposed, error) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	exporter, err := promexporter.New(promexporter.WithRegisterer(registry), promexporter.WithoutScopeInfo())
	if err != nil {
		return nil, fmt.Errorf("make the metrics exporter: %w", err)
	}
	return &Exposed{
		Handler: promhttp.HandlerFor(registry, promhttp.HandlerOpts{
			Registry: registry, ErrorLog: slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
		}),
		provider: sdkmetric.NewMeterProvider(sdkmetric.WithReader(exporter), sdkmetric.WithResource(about), sdkmetric.WithView(durationViews()...)),
	}, nil
}

// Meter makes instruments.
func (e *Exposed) Meter() metric.Meter { return e.provider.Meter(scope) }

// Shutdown ends the meter.
func (e *Exposed) Shutdown(ctx context.Context) error { return e.provider.Shutdown(ctx) }
