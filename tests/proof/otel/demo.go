package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"time"

	"elara/starter/devstack"
	"elara/tests/ground"
	"elara/tests/otlp"
)

// seen is what a run showed to the outside.
type seen struct {
	spans []otlp.Span
	log   string // of the worker
	page  string // of /metrics
}

// runDemo runs the tiny demo on a stack of its own, with traces sent to a receiver here, and takes it down again.
func runDemo(ctx context.Context) (s seen, err error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	received, err := otlp.Start(ctx)
	if err != nil {
		return s, err
	}
	state, err := os.MkdirTemp("", "elara-proof-otel-")
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(state)) }()
	if err := os.Setenv("ELARA_TELEMETRY_OTLP_ENDPOINT", received.Address); err != nil { // of all that is started here
		return s, err
	}
	stack := ground.Stack{State: state}
	if err := stack.Up(ctx); err != nil {
		return s, err
	}
	_, err = stack.Elara(ctx, "demo", "--base", "tiny", "--approve-as", "the proof")
	if err == nil {
		s.page, err = metrics(ctx, state)
	}
	err = errors.Join(err, stack.Close(ctx)) // the worker sends what it still holds
	spans, stopErr := received.Stop()
	s.spans = spans
	if err := errors.Join(err, stopErr); err != nil {
		return s, err
	}
	log, err := os.ReadFile(devstack.LogPath(state, ground.WorkerPart))
	s.log = string(log)
	return s, err
}

// metrics reads the worker's page.
func metrics(ctx context.Context, state string) (string, error) {
	record, err := devstack.Find(state)
	if err != nil {
		return "", err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+record.Metrics+"/metrics", nil)
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	body, err := io.ReadAll(response.Body)
	return string(body), errors.Join(err, response.Body.Close())
}
