package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"elara/configs"
	"elara/data/sample"
	"elara/tests/otlp"
)

const runID = "proof-postgres"

// elara gives a command of ours under deploy/production.yaml; what differs from the composed site are addresses,
// credentials and folders.
func (s *site) elara(ctx context.Context, program string, arguments ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, filepath.Join(s.root, "build", program), arguments...)
	command.Dir = s.work
	command.Env = append(os.Environ(),
		"ELARA_CONFIG="+filepath.Join(s.root, "deploy", "production.yaml"),
		"ELARA_TEMPORAL_ADDRESS="+s.temporal,
		"ELARA_S3_ENDPOINT="+s.s3,
		"ELARA_S3_ACCESS_KEY="+accessKey,
		"ELARA_S3_SECRET_KEY="+secretKey,
		"ELARA_CACHE_DIR="+filepath.Join(s.work, "cache"),
		"ELARA_TELEMETRY_OTLP_ENDPOINT="+s.traces.Address,
	)
	return command
}

// startWorker starts the worker and waits for its metrics.
func (s *site) startWorker(ctx context.Context) error {
	traces, err := otlp.Start(ctx)
	if err != nil {
		return err
	}
	s.traces = traces
	ports, err := s.ports(ctx, 1)
	if err != nil {
		return err
	}
	address := "127.0.0.1:" + strconv.Itoa(ports[0])
	worker := s.elara(ctx, "elara-worker")
	worker.Env = append(worker.Env, "ELARA_TELEMETRY_METRICS_ADDRESS="+address)
	if err := s.start("worker", worker); err != nil {
		return err
	}
	return s.await(ctx, answers("http://"+address+"/metrics", `service_name="elara-worker"`))
}

// errWorkerEnded is why the commands of runPipeline are stopped when the worker dies under them: they would wait for
// another worker.
var errWorkerEnded = errors.New("the worker ended")

// runPipeline runs the tiny demo's pipeline to its approval, as a user does.
func (s *site) runPipeline(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	worker := s.programs[len(s.programs)-1]
	go func() {
		select {
		case <-worker.ended:
			cancel(errWorkerEnded)
		case <-ctx.Done():
		}
	}()
	err := s.commandPipeline(ctx)
	if cause := context.Cause(ctx); cause != nil {
		err = fmt.Errorf("%w: %w: %s", cause, err, s.tail(worker.name))
	}
	return err
}

func (s *site) commandPipeline(ctx context.Context) error {
	model := filepath.Join(s.work, "model")
	if _, err := run(s.elara(ctx, "elara-worker", "exec", "tiny-model", "--out", model)); err != nil {
		return err
	}
	data := filepath.Join(s.work, "data")
	if _, err := sample.Write(data, sample.Options{}); err != nil {
		return err
	}
	file, err := s.pipelineFile(model, filepath.Join(data, sample.QAFile))
	if err != nil {
		return err
	}
	if _, err := run(s.elara(ctx, "elara", "run", file, "--id", runID)); err != nil {
		return err
	}
	if _, err := run(s.elara(ctx, "elara", "approve", runID, "--as", "the proof", "--yes")); err != nil {
		return err
	}
	_, err = run(s.elara(ctx, "elara", "watch", runID, "--until-done"))
	return err
}

// pipelineFile is the tiny demo with its open keys filled in.
func (s *site) pipelineFile(model, rows string) (string, error) {
	text, err := configs.Demo("demo-tiny")
	if err != nil {
		return "", err
	}
	const opening = "\nprepare:\n"
	if strings.Count(string(text), opening) != 1 {
		return "", errors.New("the tiny demo has no block prepare")
	}
	filled := fmt.Sprintf("\nbase:\n  path: %q%s  sources:\n    - path: %q\n      audience_column: audience\n", model, opening, rows)
	path := filepath.Join(s.work, "pipeline.yaml")
	return path, os.WriteFile(path, []byte(strings.Replace(string(text), opening, filled, 1)), 0o600)
}

// released counts the adapters of the release, after a look at the database: the run must really be in it.
func (s *site) released(ctx context.Context) (int, error) {
	rows, err := s.query(ctx, "temporal_visibility", "select count(*) from executions_visibility where workflow_id like '%"+runID+"%' and status = 2")
	if err != nil {
		return 0, err
	}
	if strings.TrimSpace(rows) == "0" {
		return 0, errors.New("PostgreSQL holds no completed workflow of the run")
	}
	found, err := s.cli(ctx, "workflow", "count", "--namespace", namespace, "--query", `ElaraAdapter IS NOT NULL AND ExecutionStatus = "Completed"`, "--output", "json")
	if err != nil {
		return 0, err
	}
	var counted struct {
		Count json.Number `json:"count"`
	}
	if err := json.Unmarshal([]byte(found), &counted); err != nil {
		return 0, fmt.Errorf("count the adapters' workflows: %w: %s", err, found)
	}
	release, err := run(s.elara(ctx, "elara", "release", "show", "demo-tiny", "--json"))
	if err != nil {
		return 0, err
	}
	if !strings.Contains(release, "the proof") {
		return 0, fmt.Errorf("the release does not name its reviewer: %s", release)
	}
	count, err := counted.Count.Int64()
	return int(count), err
}
