package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"go.temporal.io/sdk/client"

	"elara/spec"
	"elara/storage/s3"
	"elara/worker/serve"
)

// The test binary plays the other programs too when this variable is set: elara when it is called with a verb, and
// elara-worker otherwise, with real workflows and activities on an engine that only counts.
const playVariable = "ELARA_TEST_PLAYS"

// muteVariable names a file; while it is there the adapters say nothing.
const muteVariable = "ELARA_TEST_MUTE"

func TestMain(m *testing.M) {
	if os.Getenv(playVariable) == "" {
		m.Run() // what it gives becomes the exit code when TestMain returns
		return
	}
	verb := ""
	if len(os.Args) > 1 {
		verb = os.Args[1]
	}
	var err error
	switch verb {
	case "up", "desk":
		main()
	case "exec":
		err = writeTinyModel(os.Args[len(os.Args)-1])
	default:
		err = playWorker()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) //nolint:forbidigo // in these roles TestMain is main
	}
}

func writeTinyModel(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "model.safetensors"), []byte("weights"), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "config.json"), []byte(`{"model_type":"llama"}`), 0o644)
}

func playWorker() error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	server, err := client.Dial(client.Options{HostPort: os.Getenv("ELARA_TEMPORAL_ADDRESS"), Namespace: os.Getenv("ELARA_TEMPORAL_NAMESPACE")})
	if err != nil {
		return err
	}
	defer server.Close()
	store, err := s3.Open(ctx, s3.Options{
		Endpoint: os.Getenv("ELARA_S3_ENDPOINT"), Region: os.Getenv("ELARA_S3_REGION"), Bucket: os.Getenv("ELARA_S3_BUCKET"), PathStyle: true,
		AccessKey: os.Getenv("ELARA_S3_ACCESS_KEY"), SecretKey: s3.Secret(os.Getenv("ELARA_S3_SECRET_KEY")),
	})
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "elara-test-worker-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(folder) }() // a test's leftovers lie in the system's temporary folder
	return serve.Run(ctx, serve.Options{
		Client: server, Store: store, CacheDir: folder, Logger: slog.New(slog.DiscardHandler),
		Engine: &serve.Engine{Device: spec.DefaultDevice, Trainer: countingEngine{}, Evaluator: countingEngine{}, Code: "counting", Machine: "none"},
	})
}

// A training of so many steps takes its time for each, so that it can be stopped in the middle.
const (
	longSteps  = 1_000_000
	paceOfLong = 10 * time.Millisecond
)

// countingEngine "trains" by counting steps, with a loss that halves.
type countingEngine struct{}

func (countingEngine) TrainLoRA(ctx context.Context, job spec.LoRAJob, resume *spec.Snapshot, observer spec.TrainObserver) (spec.TrainOutcome, error) {
	outcome := spec.TrainOutcome{TotalSteps: job.Args.MaxSteps, Loss: 4}
	if resume != nil {
		outcome.Step = resume.Step
	}
	pace := time.NewTicker(paceOfLong)
	defer pace.Stop()
	for outcome.Step < outcome.TotalSteps {
		if outcome.TotalSteps >= longSteps {
			<-pace.C
		}
		outcome.Step++
		outcome.Loss = 4 / float64(outcome.Step)
		observer.Progress(spec.Progress{Stage: spec.StageTrain, Step: outcome.Step, TotalSteps: outcome.TotalSteps, Loss: outcome.Loss, TokensPerSecond: 1000})
		if outcome.Step < outcome.TotalSteps && observer.Yield(outcome.Step) {
			files := map[string][]byte{"state.json": fmt.Appendf(nil, `{"step":%d}`, outcome.Step)}
			return outcome, observer.Save(ctx, spec.Snapshot{Step: outcome.Step, Files: files})
		}
	}
	outcome.Done = true
	if err := os.MkdirAll(job.OutputDir, 0o755); err != nil {
		return outcome, err
	}
	config := fmt.Appendf(nil, `{"r":%d}`, job.LoRA.R)
	return outcome, os.WriteFile(filepath.Join(job.OutputDir, "adapter_config.json"), config, 0o644)
}

// Evaluate measures 2 nats a token for the base and 1 for the adapter, which is mute while the file of muteVariable is there.
func (countingEngine) Evaluate(_ context.Context, job spec.EvaluateJob, progress func(spec.Progress)) (spec.EvaluateOutcome, error) {
	progress(spec.Progress{Step: 1, TotalSteps: 1})
	outcome := spec.EvaluateOutcome{Rows: 10, Tokens: 100, BaseNLL: 200, AdapterNLL: 100}
	_, err := os.Stat(os.Getenv(muteVariable))
	for i := range job.Prompts {
		outcome.BaseAnswers = append(outcome.BaseAnswers, fmt.Sprintf("before %d", i))
		said := fmt.Sprintf("after %d", i)
		if err == nil {
			said = ""
		}
		outcome.AdapterAnswers = append(outcome.AdapterAnswers, said)
	}
	return outcome, nil
}

// Memory is asked by no pipeline of these tests.
func (countingEngine) Memory(context.Context, spec.MemoryJob, func(spec.Progress)) (spec.MemoryResult, error) {
	return spec.MemoryResult{}, fmt.Errorf("a counting engine has no memory")
}
