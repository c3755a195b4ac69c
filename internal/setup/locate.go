package setup

import (
	"context"
	"os"

	"elara/spec/fault"
)

// Temporal finds the executable of Temporal's command line: what ELARA_TEMPORAL names, else an installed one
// whose version fits, else the one that set-up fetched. fault.NotFound when there is none.
func Temporal(ctx context.Context) (string, error) {
	if named := os.Getenv("ELARA_TEMPORAL"); named != "" {
		return existing("ELARA_TEMPORAL", named)
	}
	if path, version := installedTemporal(ctx); path != "" && atLeast(version, temporalMinimum) {
		return path, nil
	}
	cache, err := UserCache()
	if err != nil {
		return "", err
	}
	return existing("temporal", cache.pinnedTemporal())
}

// SmolLM2 finds the demo's base model: what ELARA_SMOLLM2 names, else the one that set-up fetched.
// fault.NotFound when there is none.
func SmolLM2() (string, error) {
	if named := os.Getenv("ELARA_SMOLLM2"); named != "" {
		return existing("ELARA_SMOLLM2", named)
	}
	cache, err := UserCache()
	if err != nil {
		return "", err
	}
	return existing("SmolLM2", cache.smolLM2File())
}

func existing(what, path string) (string, error) {
	if _, err := os.Stat(path); err != nil {
		return "", fault.WithHint(fault.New(fault.NotFound, "find %s: no file %s", what, path), runSetup)
	}
	return path, nil
}
