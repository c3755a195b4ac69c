package ground

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// Peer is the Python of a script named venv, which installs it where it is missing.
func Peer(ctx context.Context, venv string) (string, error) {
	c := exec.CommandContext(ctx, venv)
	c.Stderr = os.Stderr // an installation takes minutes and says so
	python, err := c.Output()
	if err != nil {
		return "", fmt.Errorf("the Python peers, by %s: %w", venv, err)
	}
	return strings.TrimSpace(string(python)), nil
}

// WorkerSettings are the variables that the worker sets for its threads and its caches. A Python peer that is timed at its best gets
// them too.
func WorkerSettings() []string {
	return []string{"GOMP_SPINCOUNT=30000", "ONEDNN_PRIMITIVE_CACHE_CAPACITY=64", "LRU_CACHE_CAPACITY=64"}
}

// SmolLM2 is the file of the model that proofs and benchmarks are about.
func SmolLM2() (string, error) {
	path := os.Getenv("ELARA_SMOLLM2")
	if path == "" {
		return "", errors.New("ELARA_SMOLLM2 is not set: source build/env.sh, which make setup writes")
	}
	return path, nil
}
