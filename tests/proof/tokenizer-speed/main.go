package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"elara/data/tokenizer"
)

const (
	rounds       = 5
	leastRate    = 10.0 // MB per CPU-second, medical text
	leastRatio   = 2.0  // of Python's rate
	steepest     = 2.0  // time of a byte of 1 MB over that of a byte of 64 kB
	vocabularies = 4
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	figures, err := measure(ctx)
	if err == nil {
		fmt.Printf("hard text: at least %.3g MB/s; a byte of 1 MB takes at most %.3g x the time of one of 64 kB (bound %g x)\n", figures.hardRate, figures.growth, steepest)
		err = figures.check()
	}
	verdict := "ok"
	if err != nil {
		fmt.Fprintln(os.Stderr, "proof tokenizer-speed:", err)
		verdict = "short"
	}
	fmt.Printf("proof tokenizer-speed: %.3g MB/s, %.3g x Python (bound %g MB/s per core, %g x Python's, linear on 1 MB of one letter) %s\n",
		figures.rate, figures.ratio, leastRate, leastRatio, verdict)
	if err != nil {
		os.Exit(1)
	}
}

// figures are the worst of all that was measured.
type figures struct {
	rate, ratio float64 // medical text, the slowest vocabulary
	hardRate    float64 // the slowest hard text at 1 MB
	growth      float64 // time of a byte of 1 MB over that of a byte of 64 kB
	differences []string
	measured    int // vocabularies
}

func (f figures) check() error {
	switch {
	case len(f.differences) > 0:
		return fmt.Errorf("other ids than Python's: %v", f.differences)
	case f.measured < vocabularies:
		return fmt.Errorf("%d of %d vocabularies measured", f.measured, vocabularies)
	case f.rate < leastRate:
		return fmt.Errorf("medical text at %.3g MB/s", f.rate)
	case f.ratio < leastRatio:
		return fmt.Errorf("medical text at %.3g times Python's rate", f.ratio)
	case f.growth > steepest:
		return fmt.Errorf("a byte of 1 MB takes %.3g times as long as one of 64 kB", f.growth)
	}
	return nil
}

func measure(ctx context.Context) (worst figures, err error) {
	worst = figures{rate: math.Inf(1), ratio: math.Inf(1), hardRate: math.Inf(1)}
	dir, err := os.MkdirTemp("", "tokenizer-speed-")
	if err != nil {
		return figures{}, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	parts, err := medicalParts(dir, rounds+1)
	if err != nil {
		return figures{}, err
	}
	hard := hardTexts()
	if err := writeTexts(dir, parts, hard); err != nil {
		return figures{}, err
	}
	python, err := startPeer(ctx, dir)
	if err != nil {
		return figures{}, err
	}
	defer func() { err = errors.Join(err, python.close()) }()
	paths, err := vocabularyPaths()
	if err != nil {
		return figures{}, err
	}
	for _, v := range paths {
		tok, err := tokenizer.Load(v.path)
		if err != nil {
			return figures{}, err
		}
		if err := worst.medical(v.name, tok, python, parts); err != nil {
			return figures{}, err
		}
		if err := worst.hard(v.name, tok, python, hard); err != nil {
			return figures{}, err
		}
		worst.measured++
	}
	return worst, nil
}

type vocabulary struct{ name, path string }

// vocabularyPaths is where tests/peer/tokenizer/fetch puts the published tokenizers.
func vocabularyPaths() ([]vocabulary, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, err
	}
	at := func(name string) string { return filepath.Join(cache, "elara", "vocab", name) }
	smollm2 := os.Getenv("ELARA_SMOLLM2")
	if smollm2 == "" {
		smollm2 = filepath.Join(at("smollm2"), "SmolLM2-135M-Instruct.Q4_1.gguf")
	}
	return []vocabulary{{"gpt2", at("gpt2")}, {"smollm2", smollm2}, {"llama3", at("llama3")}, {"qwen3", at("qwen3")}}, nil
}
