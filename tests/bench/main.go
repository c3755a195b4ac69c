package main

import (
	"context"
	"encoding/json"
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
	data := flag.String("data", "", "folder of CSV files with question and answer; empty: the project's own sample data")
	out := flag.String("out", filepath.Join("build", "bench.json"), "where the figures go")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()

	dir, err := os.MkdirTemp("", "elara-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	field, err := prepare(ctx, dir, *data, *steps)
	if err != nil {
		return err
	}
	runs := map[string][]figures{}
	for round := range *rounds {
		for _, s := range systems {
			if *only != "" && s.name != *only {
				continue
			}
			got, err := s.run(ctx, field)
			if err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			fmt.Printf("round %d/%d  %-28s %s\n", round+1, *rounds, s.name, got)
			runs[s.name] = append(runs[s.name], got)
		}
	}
	var all []result
	for _, s := range systems {
		if len(runs[s.name]) > 0 {
			all = append(all, summary(s.name, runs[s.name]))
		}
	}
	fmt.Print("\n", table(all))
	text, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(*out), 0o755); err != nil {
		return err
	}
	return os.WriteFile(*out, append(text, '\n'), 0o644)
}

func names() []string {
	var all []string
	for _, s := range systems {
		all = append(all, s.name)
	}
	return slices.Clip(all)
}
