package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"elara/data/sample"
	"elara/tests/ground"
)

// patience bounds the whole proof.
const patience = 10 * time.Minute

// kills are dealt one after another while the run waits; stack is the last, for all parts die with it.
func kills() []string { return []string{ground.WorkerPart, ground.TemporalPart, ground.StackPart} }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	survived, err := prove(ctx)
	verdict, code := "ok", 0
	if err != nil {
		verdict, code = "short", 1
		fmt.Fprintln(os.Stderr, "proof approval-month:", err)
	}
	fmt.Printf("proof approval-month: after a skipped month, and %d of %d kills, the approval releases; no activity is held (bound all) %s\n",
		survived, len(kills()), verdict)
	os.Exit(code)
}

func prove(ctx context.Context) (survived int, err error) {
	if err := ground.Run(ctx, "go", "test", "-count=1", "-run", "^TestADecisionIsAwaitedForAMonth$", "./workflows"); err != nil {
		return 0, err
	}
	folder, err := os.MkdirTemp("", "elara-proof-approval-month-")
	if err != nil {
		return 0, err
	}
	defer func() {
		if err == nil {
			err = os.RemoveAll(folder)
		} else {
			err = fmt.Errorf("%w (state in %s)", err, folder)
		}
	}()
	if err := ground.Run(ctx, ground.Worker, "exec", "tiny-model", "--out", filepath.Join(folder, "model")); err != nil {
		return 0, err
	}
	if _, err := sample.Write(filepath.Join(folder, "data"), sample.Options{}); err != nil {
		return 0, err
	}
	file := filepath.Join(folder, "pipeline.yaml")
	if err := os.WriteFile(file, pipeline, 0o600); err != nil {
		return 0, err
	}
	s := site{ground.Stack{State: filepath.Join(folder, "state")}}
	defer func() { err = errors.Join(err, s.Close(ctx)) }()
	if err := s.Up(ctx); err != nil {
		return 0, err
	}
	if _, err := s.Elara(ctx, "run", file, "--id", run, "--every", "100ms"); err != nil {
		return 0, err
	}
	for _, part := range kills() {
		if err := s.holdsNothing(ctx); err != nil {
			return survived, err
		}
		victim, err := s.Kill(part)
		if err != nil {
			return survived, err
		}
		if err := s.Replaced(ctx, poll, part, victim); err != nil {
			return survived, err
		}
		survived++
	}
	return survived, s.approve(ctx)
}
