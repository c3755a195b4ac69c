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
)

// adapterCount is the bound: every adapter of the pipeline is trained, approved and released.
const adapterCount = 4

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	started := time.Now()
	released, err := prove(ctx)
	verdict, code := "ok", 0
	if err != nil || released != adapterCount {
		verdict, code = "short", 1
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "proof postgres:", err)
	}
	fmt.Printf("proof postgres: %d adapters released over PostgreSQL, Temporal %s and SeaweedFS %s in %.0f s (bound %d) %s\n",
		released, temporalVersion, seaweedVersion, time.Since(started).Seconds(), adapterCount, verdict)
	os.Exit(code)
}

// prove brings everything up, runs the pipeline, and takes it all down again. The logs of the programs stay when it
// fails.
func prove(ctx context.Context) (released int, err error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Minute)
	defer cancel()
	root, err := repository()
	if err != nil {
		return 0, err
	}
	tools, err := findTools(ctx, root)
	if err != nil {
		return 0, err
	}
	work, err := os.MkdirTemp("", "elara-proof-postgres-")
	if err != nil {
		return 0, err
	}
	s := &site{root: root, work: work, tools: tools}
	defer func() {
		err = errors.Join(err, s.stop())
		if err == nil {
			err = os.RemoveAll(work)
		} else {
			err = fmt.Errorf("%w (logs in %s)", err, work)
		}
	}()
	// Others may look into the folder: PostgreSQL refuses to run as root and gets a user of its own.
	if err := os.Chmod(work, 0o711); err != nil { //nolint:gosec // see above
		return 0, err
	}
	for _, step := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"PostgreSQL", s.startPostgres},
		{"Temporal's schema, by deploy/temporal/setup-database.sh", s.setUpDatabase},
		{"Temporal server", s.startTemporal},
		{"namespace and search attributes, by deploy/temporal/setup-namespace.sh", s.setUpNamespace},
		{"S3 server", s.startS3},
		{"worker under deploy/production.yaml", s.startWorker},
		{"pipeline", s.runPipeline},
	} {
		begin := time.Now()
		if err := step.do(ctx); err != nil {
			return 0, fmt.Errorf("%s: %w", step.name, err)
		}
		fmt.Printf("  %6.1f s  %s\n", time.Since(begin).Seconds(), step.name)
	}
	return s.released(ctx)
}

// repository finds the folder of go.mod above the working directory.
func repository() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("find the repository: no go.mod here or above")
		}
	}
}
