// Package telemetry makes a run visible from outside: traces over OTLP, metrics on /metrics, logs that carry the trace.
//
// It promises that one trace leads from the command through workflows and activities down to a training step, that
// every duration is in seconds with buckets from milliseconds to days, and that Shutdown sends what is still held.
// Names of metrics and spans are constants and a public interface: dashboards read them, so they are never renamed.
//
// It refuses text of rows: attributes and labels are identifiers, counts and times.
//
//	t, err := telemetry.Start(ctx, telemetry.Options{Service: "elara-worker", MetricsAddress: "127.0.0.1:9464"})
//	if err != nil {
//		return err
//	}
//	defer func() { err = errors.Join(err, t.Shutdown(context.WithoutCancel(ctx))) }()
package telemetry
