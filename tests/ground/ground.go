package ground

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"elara/data/sample"
)

// Worker is the program that cleans, formats, trains and scores.
const Worker = "build/elara-worker"

// Rows cleans and formats the CSV files of a folder for patients, in dir, and gives the lines of JSON; without a folder it
// takes the project's own sample data.
func Rows(ctx context.Context, dir, data string) ([]string, error) {
	pattern := filepath.Join(data, "*.csv")
	if data == "" {
		if _, err := sample.Write(dir, sample.Options{}); err != nil {
			return nil, err
		}
		pattern = filepath.Join(dir, sample.QAFile)
	}
	files, err := filepath.Glob(pattern)
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, &fs.PathError{Op: "find *.csv", Path: pattern, Err: fs.ErrNotExist}
	}
	var rows []string
	for i, file := range files {
		clean, text := filepath.Join(dir, fmt.Sprintf("%d.csv", i)), filepath.Join(dir, fmt.Sprintf("%d.jsonl", i))
		if err := Run(ctx, Worker, "exec", "clean", "--in", file, "--out", clean, "--ledger", clean+".ledger"); err != nil {
			return nil, err
		}
		if err := Run(ctx, Worker, "exec", "format", "--in", clean, "--audience", "patient", "--out", text); err != nil {
			return nil, err
		}
		data, err := os.ReadFile(text)
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(string(data)) {
			rows = append(rows, line)
		}
	}
	return rows, nil
}

// Write writes lines into a file.
func Write(path string, lines []string) error {
	return os.WriteFile(path, []byte(strings.Join(lines, "")), 0o644)
}

// WriteJSON writes a value into a file, such as the job of a training.
func WriteJSON(path string, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o644)
}

// Train writes the job of a stage into a file, and runs the stage by it.
func Train(ctx context.Context, stage, path string, job map[string]any) error {
	if err := WriteJSON(path, job); err != nil {
		return err
	}
	return Run(ctx, Worker, "exec", stage, "--config", path)
}

// Run runs a program and gives its output with the error when it fails.
func Run(ctx context.Context, name string, args ...string) error {
	c := exec.CommandContext(ctx, name, args...)
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	if err := c.Run(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out.String())
	}
	return nil
}
