package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"elara/data/sample"
)

// heldOutRows are scored after each run, in float32 by both sides.
const heldOutRows = 32

// ground is what all systems train on.
type ground struct {
	dir         string // scratch
	interpreter string // of the Python peers
	base        string // SmolLM2-135M-Instruct as a Hugging Face folder
	train, held string // JSONL of {"text": …}
	ended       string // held, with the end-of-text token written out
	steps       int
}

// prepare makes the ground: 8 rows for every step, each trained on once, and held-out rows.
func prepare(ctx context.Context, dir, data string, steps int) (*ground, error) {
	venv, err := exec.CommandContext(ctx, "tests/peer/venv").Output()
	if err != nil {
		return nil, fmt.Errorf("the Python peers: %w", err)
	}
	g := &ground{
		dir: dir, interpreter: strings.TrimSpace(string(venv)), base: filepath.Join(dir, "base"), steps: steps,
		train: filepath.Join(dir, "train.jsonl"), held: filepath.Join(dir, "held.jsonl"), ended: filepath.Join(dir, "ended.jsonl"),
	}
	model := os.Getenv("ELARA_SMOLLM2")
	if model == "" {
		return nil, errors.New("ELARA_SMOLLM2 is not set: source build/env.sh, which make setup writes")
	}
	if err := run(ctx, g.interpreter, "tests/bench/base.py", model, g.base); err != nil {
		return nil, err
	}
	rows, err := g.rows(ctx, data)
	if err != nil {
		return nil, err
	}
	if len(rows) < 8*steps+heldOutRows {
		return nil, fmt.Errorf("%d rows, expected at least %d", len(rows), 8*steps+heldOutRows)
	}
	// Every n-th row, so that all sources are met.
	stride := len(rows) / (8*steps + heldOutRows)
	var picked []string
	for i := 0; len(picked) < 8*steps+heldOutRows; i += stride {
		picked = append(picked, rows[i])
	}
	const end = "<|im_end|>"
	var ended []string
	for _, line := range picked[8*steps:] {
		var row map[string]string
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			return nil, err
		}
		row["text"] += end
		text, err := json.Marshal(row)
		if err != nil {
			return nil, err
		}
		ended = append(ended, string(text)+"\n")
	}
	return g, errors.Join(write(g.train, picked[:8*steps]), write(g.held, picked[8*steps:]), write(g.ended, ended))
}

// rows cleans and formats the CSV files as a user of exec would.
func (g *ground) rows(ctx context.Context, data string) ([]string, error) {
	pattern := filepath.Join(data, "*.csv")
	if data == "" {
		if _, err := sample.Write(g.dir, sample.Options{}); err != nil {
			return nil, err
		}
		pattern = filepath.Join(g.dir, sample.QAFile)
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
		clean, text := filepath.Join(g.dir, fmt.Sprintf("%d.csv", i)), filepath.Join(g.dir, fmt.Sprintf("%d.jsonl", i))
		if err := run(ctx, "build/elara-worker", "exec", "clean", "--in", file, "--out", clean, "--ledger", clean+".ledger"); err != nil {
			return nil, err
		}
		if err := run(ctx, "build/elara-worker", "exec", "format", "--in", clean, "--audience", "patient", "--out", text); err != nil {
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

func write(path string, lines []string) error {
	return os.WriteFile(path, []byte(strings.Join(lines, "")), 0o644)
}

func run(ctx context.Context, name string, args ...string) error {
	c := exec.CommandContext(ctx, name, args...)
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	if err := c.Run(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out.String())
	}
	return nil
}
