package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"

	"elara/tests/ground"
)

// lap is what one process showed.
type lap struct {
	seconds float64 // of its last iteration
	entropy float64 // nats, mean of the answers' tokens in its first iteration
}

func (l lap) String() string { return fmt.Sprintf("%6.1f s  entropy %.3f", l.seconds, l.entropy) }

// elara runs the worker, with the frozen base in bfloat16.
func (f *field) elara(ctx context.Context) (lap, error) {
	file, err := f.file()
	if err != nil {
		return lap{}, err
	}
	return timed(exec.CommandContext(ctx, ground.Worker, "exec", "ppo", "--config", file))
}

// trl runs TRL, with the settings that the worker gives itself.
func (f *field) trl(ctx context.Context, dtype string) (lap, error) {
	file, err := f.file()
	if err != nil {
		return lap{}, err
	}
	c := exec.CommandContext(ctx, f.interpreter, "tests/peer/ppo/iteration.py", file, dtype)
	c.Env = append(os.Environ(), "HF_HUB_OFFLINE=1", "TRANSFORMERS_VERBOSITY=error")
	c.Env = append(c.Env, ground.WorkerSettings()...)
	return timed(c)
}

// quickest is the type of weights with which TRL takes the least time here.
func (f *field) quickest(ctx context.Context) (dtype string, err error) {
	var least float64
	for _, candidate := range []string{"bfloat16", "float32"} {
		got, err := f.trl(ctx, candidate)
		if err != nil {
			return "", fmt.Errorf("TRL, %s: %w", candidate, err)
		}
		fmt.Printf("before      TRL, %-11s %s  load %s\n", candidate, got, load())
		if dtype == "" || got.seconds < least {
			dtype, least = candidate, got.seconds
		}
	}
	return dtype, nil
}

// over is the line with which both sides end an iteration.
var over = regexp.MustCompile(`^iteration \d+/\d+ .* entropy (\S+)`)

// timed runs a program and takes the time between the ends of its last two iterations.
func timed(c *exec.Cmd) (lap, error) {
	var problems, said bytes.Buffer
	c.Stderr = &problems
	out, err := c.StdoutPipe()
	if err != nil {
		return lap{}, err
	}
	if err := c.Start(); err != nil {
		return lap{}, err
	}
	var ends []time.Time
	var entropies []float64
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		now := time.Now()
		fmt.Fprintln(&said, lines.Text())
		if found := over.FindStringSubmatch(lines.Text()); found != nil {
			entropy, err := strconv.ParseFloat(found[1], 64)
			if err != nil {
				return lap{}, errors.Join(err, c.Cancel(), c.Wait())
			}
			ends, entropies = append(ends, now), append(entropies, entropy)
		}
	}
	if err := errors.Join(lines.Err(), c.Wait()); err != nil {
		return lap{}, fmt.Errorf("%s: %w\n%s%s", strings.Join(c.Args, " "), err, said.String(), problems.String())
	}
	if len(ends) != iterations {
		return lap{}, fmt.Errorf("%d iterations, expected %d:\n%s", len(ends), iterations, said.String())
	}
	return lap{seconds: ends[iterations-1].Sub(ends[iterations-2]).Seconds(), entropy: entropies[0]}, nil
}
