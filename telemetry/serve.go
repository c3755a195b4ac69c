package telemetry

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// ServeInstruments counts what a server of models answers. A nil one counts nothing.
type ServeInstruments struct {
	duration, first, perToken metric.Float64Histogram
	tokens                    metric.Int64Counter
	running                   metric.Int64UpDownCounter
}

// ServedRequest is one request.
type ServedRequest struct {
	Model                      string // one that is served, or empty: a label has few values
	Outcome                    string // ok, or why it was refused
	Started, FirstToken, Ended time.Time
	PromptTokens, AnswerTokens int
}

// NewServeInstruments makes the instruments; call it once.
func NewServeInstruments(meter metric.Meter) (*ServeInstruments, error) {
	duration, err := meter.Float64Histogram(ServeDuration, metric.WithUnit("s"), metric.WithDescription("Time of one request, waiting included."))
	first, errFirst := meter.Float64Histogram(ServeFirstTokenDuration, metric.WithUnit("s"), metric.WithDescription("Time from a request to its first token."))
	perToken, errPer := meter.Float64Histogram(ServeTokenDuration, metric.WithUnit("s"), metric.WithDescription("Mean time between two tokens of a request."))
	tokens, errTokens := meter.Int64Counter(ServeTokens, metric.WithUnit("{token}"), metric.WithDescription("Tokens of prompts and of answers."))
	running, errRunning := meter.Int64UpDownCounter(ServeRunning, metric.WithUnit("{request}"), metric.WithDescription("Requests that are answered or wait."))
	return &ServeInstruments{duration: duration, first: first, perToken: perToken, tokens: tokens, running: running},
		errors.Join(err, errFirst, errPer, errTokens, errRunning)
}

// Running adds to the requests that are answered or wait.
func (i *ServeInstruments) Running(ctx context.Context, by int64) {
	if i != nil {
		i.running.Add(ctx, by)
	}
}

// Request records one that has ended.
func (i *ServeInstruments) Request(ctx context.Context, r ServedRequest) {
	if i == nil {
		return
	}
	model := attribute.String(LabelModel, r.Model)
	i.duration.Record(ctx, r.Ended.Sub(r.Started).Seconds(), metric.WithAttributes(model, attribute.String(LabelOutcome, r.Outcome)))
	i.tokens.Add(ctx, int64(r.PromptTokens), metric.WithAttributes(model, attribute.String(LabelKind, "prompt")))
	i.tokens.Add(ctx, int64(r.AnswerTokens), metric.WithAttributes(model, attribute.String(LabelKind, "answer")))
	if r.AnswerTokens > 0 {
		i.first.Record(ctx, r.FirstToken.Sub(r.Started).Seconds(), metric.WithAttributes(model))
	}
	if r.AnswerTokens > 1 {
		i.perToken.Record(ctx, r.Ended.Sub(r.FirstToken).Seconds()/float64(r.AnswerTokens-1), metric.WithAttributes(model))
	}
}
