package devstack

import (
	"os"
	"os/exec"
	"path/filepath"

	"elara/spec/fault"
)

// FindWorker finds the worker's binary: $ELARA_WORKER, else elara-worker beside the running program.
func FindWorker() (string, error) {
	if path := os.Getenv("ELARA_WORKER"); path != "" {
		return executable("ELARA_WORKER", path)
	}
	self, err := os.Executable()
	if err != nil {
		return "", fault.New(fault.Invalid, "find elara-worker: %w", err)
	}
	path, err := executable("elara-worker", filepath.Join(filepath.Dir(self), "elara-worker"))
	return path, fault.WithHint(err, "run make build, or set ELARA_WORKER")
}

func executable(what, path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", fault.New(fault.Invalid, "%s: %w", what, err)
	}
	if _, err := exec.LookPath(path); err != nil { // a path with a slash: it looks at that file only
		return "", fault.New(fault.Invalid, "%s: expected an executable file: %w", what, err)
	}
	return path, nil
}
