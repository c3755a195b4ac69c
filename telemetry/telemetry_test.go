package telemetry_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"elara/spec"
	"elara/spec/fault"
	"elara/telemetry"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/goleak"
)

// start also checks that Shutdown leaves no goroutine behind.
func start(t *testing.T, o telemetry.Options) *telemetry.Telemetry {
	t.Helper()
	before := goleak.IgnoreCurrent()
	tel, err := telemetry.Start(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, tel.Shutdown(context.Background()))
		goleak.VerifyNone(t, before)
	})
	return tel
}

func page(t *testing.T, url string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	require.NoError(t, err)
	body, err := io.ReadAll(response.Body)
	require.NoError(t, errors.Join(err, response.Body.Close()))
	require.Equal(t, http.StatusOK, response.StatusCode)
	return string(body)
}

func TestMetricsPageShowsStepsUnderTheirPublicNames(t *testing.T) {
	tel := start(t, telemetry.Options{Service: "test", MetricsAddress: "127.0.0.1:0"})
	record, err := tel.Instruments()
	require.NoError(t, err)
	begin := time.Unix(1000, 0)
	for step := range int64(3) {
		record.TrainStep(t.Context(), spec.Progress{Adapter: "doctor", Step: step, Loss: 1.5, TokensPerSecond: 200}, begin, begin.Add(2*time.Second))
	}
	record.CheckpointCommit(t.Context(), "doctor", 3, 4096, begin, begin.Add(100*time.Second), nil)
	record.CheckpointCommit(t.Context(), "doctor", 4, 4096, begin, begin.Add(time.Second), fault.New(fault.Conflict, "lease lost"))
	record.Stage(t.Context(), "train", 2*time.Hour, nil)

	text := page(t, tel.MetricsURL())
	for _, line := range []string{
		`elara_train_step_duration_seconds_bucket{elara_adapter="doctor",le="1"} 0`,
		`elara_train_step_duration_seconds_bucket{elara_adapter="doctor",le="2.5"} 3`,
		`elara_train_step_duration_seconds_sum{elara_adapter="doctor"} 6`,
		`elara_train_steps_total{elara_adapter="doctor"} 3`,
		`elara_train_tokens_total{elara_adapter="doctor"} 1200`, // 3 steps of 2 s at 200 a second
		`elara_train_loss{elara_adapter="doctor"} 1.5`,
		`elara_checkpoint_commit_duration_seconds_bucket{elara_adapter="doctor",elara_outcome="ok",le="60"} 0`,
		`elara_checkpoint_commit_duration_seconds_bucket{elara_adapter="doctor",elara_outcome="ok",le="120"} 1`,
		`elara_checkpoint_commit_duration_seconds_count{elara_adapter="doctor",elara_outcome="Conflict"} 1`,
		`elara_checkpoint_commit_size_bytes_total{elara_adapter="doctor"} 4096`, // the refused one does not count
		`elara_stage_duration_seconds_bucket{elara_outcome="ok",elara_stage="train",le="3600"} 0`,
		`elara_stage_duration_seconds_bucket{elara_outcome="ok",elara_stage="train",le="7200"} 1`,
		"go_goroutines ",
	} {
		require.Contains(t, text, line)
	}
}

func TestOutcomeLabelHidesTheTextOfAnError(t *testing.T) {
	tel := start(t, telemetry.Options{Service: "test", MetricsAddress: "127.0.0.1:0"})
	record, err := tel.Instruments()
	require.NoError(t, err)
	record.Stage(t.Context(), "prepare", time.Second, errors.New("row 7: the patient's name"))
	text := page(t, tel.MetricsURL())
	require.Contains(t, text, `elara_outcome="error",elara_stage="prepare"`)
	require.NotContains(t, text, "patient's name")
}

func TestLogRecordsCarryTheTraceOfTheirContext(t *testing.T) {
	var log bytes.Buffer
	tel := start(t, telemetry.Options{Service: "test", LogFormat: "json", LogTo: &log})
	traceID, err := trace.TraceIDFromHex("0af7651916cd43dd8448eb211c80319c")
	require.NoError(t, err)
	spanID, err := trace.SpanIDFromHex("b7ad6b7169203331")
	require.NoError(t, err)
	ctx := trace.ContextWithSpanContext(t.Context(), trace.NewSpanContext(trace.SpanContextConfig{TraceID: traceID, SpanID: spanID}))
	tel.Logger().With("adapter", "patient").InfoContext(ctx, "step")

	var line map[string]any
	require.NoError(t, json.Unmarshal(log.Bytes(), &line))
	require.Equal(t, "0af7651916cd43dd8448eb211c80319c", line["trace_id"])
	require.Equal(t, "b7ad6b7169203331", line["span_id"])
	require.Equal(t, "patient", line["adapter"])

	log.Reset()
	tel.Logger().Info("no context")
	require.NotContains(t, log.String(), "trace_id")
	log.Reset()
	tel.Logger().Debug("below the level")
	require.Empty(t, log.String())
}

func TestStartRefusesWhatItCannotDo(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, taken.Close()) }()
	for name, c := range map[string]struct {
		options telemetry.Options
		text    string
	}{
		"an unknown level":         {telemetry.Options{LogLevel: "loud"}, `log level "loud": expected debug, info, warn or error`},
		"an unknown format":        {telemetry.Options{LogFormat: "xml"}, `log format "xml": expected text or json`},
		"an address that is taken": {telemetry.Options{MetricsAddress: taken.Addr().String()}, "set telemetry.metrics_address to a free address"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := telemetry.Start(t.Context(), c.options)
			require.ErrorContains(t, err, c.text)
			require.True(t, fault.Is(err, fault.Invalid), "kind %q", fault.KindOf(err))
		})
	}
}

func TestWithoutReceiverAndAddressNothingIsSentOrServed(t *testing.T) {
	tel := start(t, telemetry.Options{Service: "test"})
	require.Empty(t, tel.MetricsURL())
	_, span := tel.Tracer().Start(t.Context(), "x")
	require.False(t, span.IsRecording())
	record, err := tel.Instruments()
	require.NoError(t, err)
	record.Stage(t.Context(), "train", time.Second, nil)
}

func TestShutdownDoesNotWaitForAReceiverThatIsGone(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := closed.Addr().String()
	require.NoError(t, closed.Close())
	tel, err := telemetry.Start(t.Context(), telemetry.Options{Service: "test", OTLPEndpoint: address, LogTo: io.Discard})
	require.NoError(t, err)
	_, span := tel.Tracer().Start(t.Context(), "x")
	span.End()
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	begin := time.Now()
	require.Error(t, tel.Shutdown(ctx), "the span was lost and Shutdown says so")
	require.Less(t, time.Since(begin), 5*time.Second)
}
