package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"

	"elara/tests/ground"
)

// heldOutRows are scored after each run, in float32 by both sides.
const heldOutRows = 32

// field is what all systems train on.
type field struct {
	dir         string // scratch
	interpreter string // of the Python peers
	base        string // SmolLM2-135M-Instruct as a Hugging Face folder
	train, held string // JSONL of {"text": …}
	ended       string // held, with the end-of-text token written out
	steps       int
}

// prepare makes the field: 8 rows for every step, each trained on once, and held-out rows.
func prepare(ctx context.Context, dir, data string, steps int) (*field, error) {
	python, err := ground.Peer(ctx, "tests/peer/venv")
	if err != nil {
		return nil, err
	}
	g := &field{
		dir: dir, interpreter: python, base: filepath.Join(dir, "base"), steps: steps,
		train: filepath.Join(dir, "train.jsonl"), held: filepath.Join(dir, "held.jsonl"), ended: filepath.Join(dir, "ended.jsonl"),
	}
	model, err := ground.SmolLM2()
	if err != nil {
		return nil, err
	}
	if err := ground.Run(ctx, g.interpreter, "tests/bench/base.py", model, g.base); err != nil {
		return nil, err
	}
	rows, err := ground.Rows(ctx, dir, data)
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
	return g, errors.Join(ground.Write(g.train, picked[:8*steps]), ground.Write(g.held, picked[8*steps:]), ground.Write(g.ended, ended))
}
