package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"os/signal"
	"strings"

	"elara/tests/ground"
)

const (
	leastFaster = 3.0
	leastRounds = 3
	// peersDisagree is a share of the mean entropy of a token. Answers are draws of one distribution, so that programs
	// that do the same are some percent apart; another temperature, template or rope is not.
	peersDisagree = 0.2
)

func main() {
	rounds := flag.Int("rounds", leastRounds, "how often each side runs; the figures are medians")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	figure, err := prove(ctx, *rounds)
	verdict := "ok"
	if err != nil {
		verdict = "short"
		fmt.Fprintln(os.Stderr, "proof ppo-speed:", err)
	}
	fmt.Printf("proof ppo-speed: %s (bound %g x) %s\n", figure, leastFaster, verdict)
	if err != nil {
		os.Exit(1)
	}
}

func prove(ctx context.Context, rounds int) (figure string, err error) {
	figure = "nothing was measured"
	if rounds < 1 {
		return figure, fmt.Errorf("-rounds %d, expected at least 1", rounds)
	}
	dir, err := os.MkdirTemp("", "elara-ppo-speed-")
	if err != nil {
		return figure, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	f, err := prepare(ctx, dir)
	if err != nil {
		return figure, err
	}
	fmt.Printf("an iteration: %d answers of %d tokens to prompts of %d, of which the first %d are alike\n",
		answers, window, f.length, f.alike)
	dtype, err := f.quickest(ctx)
	if err != nil {
		return figure, err
	}
	var mine, peers []lap
	for round := range rounds {
		for _, side := range []struct {
			name string
			run  func() (lap, error)
			laps *[]lap
		}{
			{"Elara, bfloat16", func() (lap, error) { return f.elara(ctx) }, &mine},
			{"TRL, " + dtype, func() (lap, error) { return f.trl(ctx, dtype) }, &peers},
		} {
			got, err := side.run()
			if err != nil {
				return figure, fmt.Errorf("%s: %w", side.name, err)
			}
			fmt.Printf("round %d/%d  %-16s %s  load %s\n", round+1, rounds, side.name, got, load())
			*side.laps = append(*side.laps, got)
		}
	}
	ours, theirs := seconds(mine), seconds(peers)
	faster := theirs / ours
	figure = fmt.Sprintf("%.3g x, %.1f answers/min and TRL's %.1f, load %s",
		faster, 60*answers/ours, 60*answers/theirs, load())
	if a, b := mine[0].entropy, peers[0].entropy; !(math.Abs(a/b-1) <= peersDisagree) {
		return figure, fmt.Errorf("entropy of a token is %.3f nats, of TRL %.3f: they did not do the same", a, b)
	}
	switch {
	case rounds < leastRounds:
		err = fmt.Errorf("%d rounds, %d are asked for", rounds, leastRounds)
	case !(faster >= leastFaster):
		err = fmt.Errorf("%.3g x, at least %g x was asked for", faster, leastFaster)
	}
	return figure, err
}

// seconds is the median of an iteration's.
func seconds(laps []lap) float64 {
	all := make([]float64, len(laps))
	for i, l := range laps {
		all[i] = l.seconds
	}
	return ground.Median(all)
}

// load is the machine's of the last minute, by which a figure from a busy machine is told.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	last, _, _ := strings.Cut(string(text), " ")
	return last
}
