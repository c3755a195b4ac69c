package telemetry

import (
	"fmt"

	"go.temporal.io/sdk/client"
	sdkotel "go.temporal.io/sdk/contrib/opentelemetry"
	"go.temporal.io/sdk/interceptor"
	sdklog "go.temporal.io/sdk/log"
)

// Instrument sets logger, metrics and tracing of a Temporal client. A worker made from the client has them too, and
// the context of its activities carries the span that StartStep and the logger read.
func (t *Telemetry) Instrument(options *client.Options) error {
	tracer, err := sdkotel.NewTracingInterceptor(sdkotel.TracerOptions{
		Tracer: t.Tracer(),
		// A query is asked again and again by whoever watches; its spans would bury the run's.
		DisableQueryTracing: true,
		// A decision comes from a command of its own, perhaps weeks later: the history holds it, and the run's trace
		// stays one.
		DisableUpdateTracing: true,
		// A run started without a trace, or by an older release, must not fail on its headers.
		AllowInvalidParentSpans: true,
	})
	if err != nil {
		return fmt.Errorf("make the tracing interceptor: %w", err)
	}
	options.Logger = sdklog.NewStructuredLogger(t.logger)
	options.Interceptors = append(options.Interceptors, interceptor.ClientInterceptor(tracer))
	options.MetricsHandler = sdkotel.NewMetricsHandler(sdkotel.MetricsHandlerOptions{
		Meter:                t.Meter(),
		UseMonotonicCounters: true,
		OnError:              func(err error) { t.logger.Warn("a metric of the Temporal SDK was refused", "error", err) },
	})
	return nil
}
