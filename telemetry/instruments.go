package telemetry

import (
	"context"
	"errors"
	"math"
	"time"

	"elara/spec"
	"elara/spec/fault"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
)

// Instruments records what the stages do: a span below the one of the context, and the metrics of names.go. Its methods
// may be called from many goroutines.
type Instruments struct {
	tracer         trace.Tracer
	stepDuration   metric.Float64Histogram
	commitDuration metric.Float64Histogram
	stageDuration  metric.Float64Histogram
	tokens, steps  metric.Int64Counter
	commitBytes    metric.Int64Counter
	loss           metric.Float64Gauge
}

// Instruments makes the instruments; call it once.
func (t *Telemetry) Instruments() (*Instruments, error) {
	meter := t.Meter()
	var problems []error
	seconds := func(name, about string) metric.Float64Histogram {
		h, err := meter.Float64Histogram(name, metric.WithUnit("s"), metric.WithDescription(about))
		problems = append(problems, err)
		return h
	}
	count := func(name, unit, about string) metric.Int64Counter {
		c, err := meter.Int64Counter(name, metric.WithUnit(unit), metric.WithDescription(about))
		problems = append(problems, err)
		return c
	}
	loss, err := meter.Float64Gauge(TrainLoss, metric.WithDescription("Training loss, mean over the last logging window."))
	problems = append(problems, err)
	return &Instruments{
		tracer:         t.Tracer(),
		stepDuration:   seconds(TrainStepDuration, "Time of one optimiser step."),
		commitDuration: seconds(CheckpointCommitDuration, "Time to commit one checkpoint to the store."),
		stageDuration:  seconds(StageDuration, "Time of one stage."),
		tokens:         count(TrainTokens, "{token}", "Real tokens trained on."),
		steps:          count(TrainSteps, "{step}", "Optimiser steps."),
		commitBytes:    count(CheckpointCommitBytes, "By", "Bytes of committed checkpoints."),
		loss:           loss,
	}, errors.Join(problems...)
}

// TrainStep records one optimiser step that ran from started to ended.
func (i *Instruments) TrainStep(ctx context.Context, p spec.Progress, started, ended time.Time) {
	took := ended.Sub(started).Seconds()
	adapter := attribute.String(LabelAdapter, string(p.Adapter))
	_, span := i.tracer.Start(ctx, SpanTrainStep, trace.WithTimestamp(started), trace.WithAttributes(adapter, attribute.Int64(LabelStep, p.Step)))
	span.End(trace.WithTimestamp(ended))
	labels := metric.WithAttributes(adapter)
	i.stepDuration.Record(ctx, took, labels)
	i.steps.Add(ctx, 1, labels)
	i.tokens.Add(ctx, int64(math.Round(p.TokensPerSecond*took)), labels)
	if p.Loss != 0 { // absent until the first logging window is full
		i.loss.Record(ctx, p.Loss, labels)
	}
}

// CheckpointCommit records the commit of a checkpoint of sizeBytes that ran from started to ended.
func (i *Instruments) CheckpointCommit(ctx context.Context, adapter spec.AdapterName, step, sizeBytes int64, started, ended time.Time, err error) {
	name := attribute.String(LabelAdapter, string(adapter))
	_, span := i.tracer.Start(ctx, SpanCheckpointCommit, trace.WithTimestamp(started), trace.WithAttributes(name, attribute.Int64(LabelStep, step)))
	outcome := outcomeOf(err)
	if err != nil {
		span.SetStatus(codes.Error, outcome)
	}
	span.End(trace.WithTimestamp(ended))
	i.commitDuration.Record(ctx, ended.Sub(started).Seconds(), metric.WithAttributes(name, attribute.String(LabelOutcome, outcome)))
	if err == nil {
		i.commitBytes.Add(ctx, sizeBytes, metric.WithAttributes(name))
	}
}

// Stage records one activity of a stage. The activity has a span already.
func (i *Instruments) Stage(ctx context.Context, stage string, took time.Duration, err error) {
	i.stageDuration.Record(ctx, took.Seconds(), metric.WithAttributes(
		attribute.String(LabelStage, stage), attribute.String(LabelOutcome, outcomeOf(err))))
}

// outcomeOf is a label of few values: never an error's text, which may name files or rows.
func outcomeOf(err error) string {
	if err == nil {
		return "ok"
	}
	if kind := fault.KindOf(err); kind != "" {
		return string(kind)
	}
	return "error"
}
