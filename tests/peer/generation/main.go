//go:build torch

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"syscall"
	"time"

	"elara/engine/model"
	"elara/engine/model/auto"
	"elara/engine/nn"
	"elara/engine/sample"
	"elara/engine/tensor"
)

type list struct {
	Prompts      [][]int32 `json:"prompts"`
	MaxNewTokens int       `json:"max_new_tokens"`
	EOS          int32     `json:"eos"`
}

type answer struct {
	Seconds    float64   `json:"seconds"`
	CPUSeconds float64   `json:"cpu_seconds"`
	Tokens     [][]int32 `json:"tokens"`
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "generation:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 3 {
		return errors.New("expected MODEL, float32 or bfloat16, and the number of threads")
	}
	threads, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	engine, err := tensor.Start(tensor.Options{Threads: threads})
	if err != nil {
		return err
	}
	defer engine.Close()
	dtype := tensor.Float32
	if args[1] == tensor.BFloat16.String() {
		dtype = tensor.BFloat16
	}
	var m model.Model
	if err := engine.Do(func() (err error) {
		m, err = auto.Load(engine, args[0], dtype)
		return err
	}); err != nil {
		return err
	}
	in, out := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	for {
		var l list
		switch err := in.Decode(&l); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		a, err := l.continued(engine, m)
		if err != nil {
			return err
		}
		if err := out.Encode(a); err != nil {
			return err
		}
	}
}

// continued continues the prompts of a list greedily, all of them at once.
func (l list) continued(engine *tensor.Engine, m model.Model) (a answer, err error) {
	var requests []sample.Request
	for _, p := range l.Prompts {
		requests = append(requests, sample.Request{Prompt: p, Adapter: nn.NoAdapter, Options: sample.Options{MaxNewTokens: l.MaxNewTokens, Stop: []int32{l.EOS}}})
	}
	begin, spent := time.Now(), cpuSeconds()
	err = engine.Do(func() error {
		all, err := sample.Generate(context.Background(), m, 0, requests)
		for _, s := range all {
			a.Tokens = append(a.Tokens, s.Tokens)
		}
		return err
	})
	a.Seconds, a.CPUSeconds = time.Since(begin).Seconds(), cpuSeconds()-spent
	return a, err
}

// cpuSeconds is what this process has used of all cores.
func cpuSeconds() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err) // the arguments are constants
	}
	return float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e9
}
