package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"elara/data/sample"
	"elara/internal/setup"
	"elara/spec/fault"
	"elara/starter/devstack"
	"elara/starter/terminal"
)

// demoSource gives the entry of prepare.sources: the user's folder, or the sample data, written into the state folder.
func (a *app) demoSource(data, folder string) (map[string]any, error) {
	if data != "" {
		info, err := os.Stat(data)
		if err != nil {
			return nil, fault.At(data, 0, "cannot be opened: %w; expected a folder of CSV files", errors.Unwrap(err))
		}
		if !info.IsDir() {
			return nil, fault.At(data, 0, "is a file, expected a folder of CSV files")
		}
		path, err := filepath.Abs(data)
		return map[string]any{"path": path}, err
	}
	dir := filepath.Join(folder, "demo", "data")
	written, err := sample.Write(dir, sample.Options{})
	if err != nil {
		return nil, err
	}
	a.say("sample data on %d conditions: %s rows with defects to clean, in %s", written.Conditions, terminal.Count(int64(written.Rows)), dir)
	return map[string]any{"path": filepath.Join(dir, sample.QAFile), "audience_column": "audience"}, nil
}

// demoBase gives the path of the base model.
func demoBase(ctx context.Context, base, folder string) (string, error) {
	switch base {
	case baseSmolLM2:
		return setup.SmolLM2()
	case baseTiny:
		return tinyModel(ctx, filepath.Join(folder, "demo", "tiny-model"))
	}
	if _, err := os.Stat(base); err != nil {
		return "", fault.At(base, 0, "cannot be opened: %w; expected smollm2, tiny or the path of a model", errors.Unwrap(err))
	}
	return filepath.Abs(base)
}

// tinyModel has the worker write a small model with random weights, the same ones every time.
func tinyModel(ctx context.Context, dir string) (string, error) {
	if _, err := os.Stat(filepath.Join(dir, "config.json")); err == nil {
		return dir, nil
	}
	worker, err := devstack.FindWorker()
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return "", err
	}
	output, err := exec.CommandContext(ctx, worker, "exec", "tiny-model", "--out", dir).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("make the tiny model: %w: %s", err, output)
	}
	return dir, nil
}
