package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
)

func main() {
	if err := bench(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func bench() error {
	rounds := flag.Int("rounds", 5, "how often each system runs; the figures are medians")
	steps := flag.Int("steps", 10, "optimiser steps of a run, 8 rows each")
	only := flag.String("only", "", "one system alone: "+fmt.Sprint(names()))
	data := flag.String("data", medquad(), "folder of CSV files with question and answer; empty: the project's own sample data")
	out := flag.String("out", filepath.Join("build", "bench.json"), "where the figures go")
	proof := flag.String("judge", "", "hold the figures to the bounds of a proof: speed or four-adapters; figures of these sources that are there already serve")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if *proof == "" {
		_, err := measure(ctx, *rounds, *steps, *only, *data, *out)
		return err
	}
	judged, known := judges[*proof]
	if !known {
		return fmt.Errorf("-judge %s: expected speed or four-adapters", *proof)
	}
	all, err := read(*out)
	if err != nil {
		return err
	}
	if all == nil {
		if all, err = measure(ctx, *rounds, *steps, "", *data, *out); err != nil {
			return err
		}
	}
	return judged(all)
}

// medquad is the real data, where it is at hand.
func medquad() string {
	folder := os.Getenv("ELARA_MEDQUAD")
	if folder == "" {
		folder = filepath.Join("..", "shared", "data", "medquad")
	}
	if _, err := os.Stat(folder); err != nil {
		return ""
	}
	return folder
}

// measure lets the systems train in turn, and writes and prints what it found.
func measure(ctx context.Context, rounds, steps int, only, data, out string) (all []result, err error) {
	if data == "" {
		fmt.Println("no MedQuAD (ELARA_MEDQUAD names its folder): the project's own sample data stands in")
	}
	digest, err := sources()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "elara-bench-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	field, err := prepare(ctx, dir, data, steps)
	if err != nil {
		return nil, err
	}
	runs := map[string][]figures{}
	for round := range rounds {
		for _, s := range systems {
			if only != "" && s.name != only {
				continue
			}
			got, err := s.run(ctx, field)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", s.name, err)
			}
			fmt.Printf("round %d/%d  %-28s %s\n", round+1, rounds, s.name, got)
			runs[s.name] = append(runs[s.name], got)
		}
	}
	for _, s := range systems {
		if len(runs[s.name]) > 0 {
			all = append(all, summary(s.name, runs[s.name]))
		}
	}
	fmt.Print("\n", table(all))
	if only != "" {
		return all, nil
	}
	return all, errors.Join(agree(all), write(out, digest, all))
}

func names() []string {
	var all []string
	for _, s := range systems {
		all = append(all, s.name)
	}
	return slices.Clip(all)
}
