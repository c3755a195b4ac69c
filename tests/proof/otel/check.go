package main

import (
	"errors"
	"fmt"
	"strings"

	"elara/spec"
	"elara/telemetry"
	"elara/tests/otlp"
)

// ancestors is the way from a training step to the command.
func ancestors() []string {
	return []string{
		telemetry.SpanTrainStep, "RunActivity:TrainSegment", "StartActivity:TrainSegment", "RunWorkflow:TrainAdapter",
		"StartChildWorkflow:TrainAdapter", "RunWorkflow:Pipeline", "StartWorkflow:Pipeline", "elara run",
	}
}

// check names what is missing.
func (s seen) check() error {
	if len(s.spans) < fewestSpans {
		return fmt.Errorf("%d spans were received, expected at least %d", len(s.spans), fewestSpans)
	}
	return errors.Join(s.checkTrace(), s.checkLog(), s.checkMetrics())
}

// checkTrace wants every span in one trace, and a way to the command from every step of every adapter.
func (s seen) checkTrace() error {
	byID := map[string]otlp.Span{}
	for _, span := range s.spans {
		if span.Trace != s.spans[0].Trace {
			return fmt.Errorf("span %q is in another trace than %q", span.Name, s.spans[0].Name)
		}
		byID[span.ID] = span
	}
	steps := map[string]int{}
	for _, span := range s.spans {
		if span.Name != telemetry.SpanTrainStep {
			continue
		}
		steps[span.Attributes[telemetry.LabelAdapter]]++
		var way []string
		for at, found := span, true; found; at, found = byID[at.Parent] {
			way = append(way, at.Name)
		}
		if got, want := strings.Join(way, " < "), strings.Join(ancestors(), " < "); got != want {
			return fmt.Errorf("a step hangs below %s, expected %s", got, want)
		}
	}
	for _, audience := range spec.Audiences() { // the demo's adapters bear their names
		if steps[string(audience)] == 0 {
			return fmt.Errorf("no step of adapter %s was received", audience)
		}
	}
	return nil
}

// checkLog wants the worker's log to lead to the trace.
func (s seen) checkLog() error {
	if !strings.Contains(s.log, s.spans[0].Trace) {
		return errors.New("no line of the worker's log carries the trace")
	}
	return nil
}

// checkMetrics wants the step's histogram with a bucket of hours, and the Temporal SDK's own metrics beside it.
func (s seen) checkMetrics() error {
	for _, part := range []string{
		`elara_train_step_duration_seconds_bucket{elara_adapter="patient",le="3600"}`,
		`elara_train_tokens_total{`, `elara_checkpoint_commit_duration_seconds_bucket{`, `elara_stage_duration_seconds_bucket{`,
		`temporal_activity_execution_latency_seconds_bucket{`,
	} {
		if !strings.Contains(s.page, part) {
			return fmt.Errorf("/metrics lacks %s", part)
		}
	}
	return nil
}
