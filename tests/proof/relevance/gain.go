package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"elara/scoring"
	"elara/scoring/measure"
	"elara/scoring/relevance"
	"elara/tests/ground"
)

// others is how many other questions an answer is held against.
const others = "8"

// gain is the AUC of the gain by likelihood, with SmolLM2 as the yardstick. Nothing of it was ever fitted to any item.
func gain(ctx context.Context, items []relevance.Item) (auc measure.Interval, err error) {
	base, err := ground.SmolLM2()
	if err != nil {
		return auc, err
	}
	dir, err := os.MkdirTemp("", "elara-relevance-")
	if err != nil {
		return auc, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	pairs := relevance.Pairs(items, seed)
	sides := make([][]float64, 2)
	for shift := range sides {
		if sides[shift], err = gains(ctx, base, filepath.Join(dir, fmt.Sprint(shift)), pairs, shift); err != nil {
			return auc, err
		}
	}
	return relevance.AUC(seed, sides[0], sides[1]), nil
}

// gains puts each answer behind the question so many places on, and lets the worker measure it.
func gains(ctx context.Context, base, path string, pairs []relevance.Item, shift int) ([]float64, error) {
	var lines []string
	for i := range pairs {
		line, err := json.Marshal(scoring.Pair{Question: pairs[(i+shift)%len(pairs)].Question, Answer: &pairs[i].Answer})
		if err != nil {
			return nil, err
		}
		lines = append(lines, string(line)+"\n")
	}
	if err := ground.Write(path, lines); err != nil {
		return nil, err
	}
	out := path + ".gains"
	if err := ground.Run(ctx, ground.Worker, "exec", "gain", "--model", base, "--in", path, "--out", out, "--others", others); err != nil {
		return nil, err
	}
	text, err := os.Open(out)
	if err != nil {
		return nil, err
	}
	defer func() { _ = text.Close() }() // it is only read
	var all []float64
	for read := json.NewDecoder(text); len(all) < len(pairs); {
		var one struct {
			Gain float64 `json:"gain"`
		}
		if err := read.Decode(&one); err != nil {
			return nil, fmt.Errorf("%s, entry %d: %w", out, len(all)+1, err)
		}
		all = append(all, one.Gain)
	}
	return all, nil
}
