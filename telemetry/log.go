package telemetry

import (
	"context"
	"io"
	"log/slog"

	"elara/spec/fault"

	"go.opentelemetry.io/otel/trace"
)

func newLogger(to io.Writer, level, format string) (*slog.Logger, error) {
	options := &slog.HandlerOptions{}
	if level != "" {
		var least slog.Level
		if err := least.UnmarshalText([]byte(level)); err != nil {
			return nil, fault.New(fault.Invalid, "log level %q: expected debug, info, warn or error", level)
		}
		options.Level = least
	}
	switch format {
	case "", "text":
		return slog.New(traced{slog.NewTextHandler(to, options)}), nil
	case "json":
		return slog.New(traced{slog.NewJSONHandler(to, options)}), nil
	}
	return nil, fault.New(fault.Invalid, "log format %q: expected text or json", format)
}

// traced adds the trace and span of the context to every record, so that a line of the log leads to its trace.
type traced struct{ slog.Handler }

func (h traced) Handle(ctx context.Context, record slog.Record) error {
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		record = record.Clone() // the caller's record is shared with other handlers
		record.AddAttrs(slog.String("trace_id", span.TraceID().String()), slog.String("span_id", span.SpanID().String()))
	}
	return h.Handler.Handle(ctx, record)
}

func (h traced) WithAttrs(attrs []slog.Attr) slog.Handler { return traced{h.Handler.WithAttrs(attrs)} }

func (h traced) WithGroup(name string) slog.Handler { return traced{h.Handler.WithGroup(name)} }
