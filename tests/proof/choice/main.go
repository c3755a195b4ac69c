package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"elara/scoring/choice"
	"elara/spec"
	"elara/tests/ground"
)

const (
	tolerance   = 1e-4 // of a choice's log-likelihood, from the harness in float64
	rounding    = 1e-3 // that two programs in float32 may differ by over the tokens of a choice; the harness itself rounds
	leastFaster = 2.0
)

func main() {
	timed := flag.Int("questions", 1000, "questions whose time is taken")
	compared := flag.Int("compared", 332, "questions of the generic form that are compared; a fifth of it of each other form")
	turns := flag.Int("turns", 3, "turns of each")
	flag.Parse()
	worst, n, letters, texts, err := prove(context.Background(), *timed, *compared, *turns)
	if err != nil {
		fmt.Fprintln(os.Stderr, "proof choice:", err)
	}
	verdict := "ok"
	if err != nil || !(worst <= tolerance) || min(letters, texts) < leastFaster {
		verdict = "short"
	}
	fmt.Printf("proof choice: largest difference %.1g of %d choices, on %d questions %.1f x the harness with letters and %.1f x with texts (bound %g, %g x) %s\n",
		worst, n, *timed, letters, texts, tolerance, leastFaster, verdict)
	if verdict != "ok" {
		os.Exit(1)
	}
}

func prove(ctx context.Context, timed, compared, turns int) (worst float64, n int, letters, texts float64, err error) {
	base, err := ground.SmolLM2()
	if err != nil {
		return math.NaN(), 0, 0, 0, err
	}
	python, err := ground.Peer(ctx, "tests/peer/choice/venv")
	if err != nil {
		return math.NaN(), 0, 0, 0, err
	}
	dir, err := os.MkdirTemp("", "elara-choice-")
	if err != nil {
		return math.NaN(), 0, 0, 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	peer, err := startPeer(ctx, python, base)
	if err != nil {
		return math.NaN(), 0, 0, 0, err
	}
	defer func() { err = errors.Join(err, peer.close()) }()
	p := proof{dir: dir, base: base, peer: peer}
	for _, form := range spec.ChoiceForms() {
		some := compared
		if form != spec.ChoiceGeneric {
			some = max(4, compared/5) // a whole turn of right answers, by which MedMCQA's counting is told
		}
		off, choices, err := p.compare(ctx, form, some)
		if err != nil {
			return math.NaN(), n, 0, 0, err
		}
		worst, n = max(worst, off), n+choices
	}
	if letters, err = p.race(ctx, spec.ChoiceGeneric, timed, turns); err != nil {
		return worst, n, 0, 0, err
	}
	texts, err = p.race(ctx, spec.ChoiceCloze, timed, turns)
	return worst, n, letters, texts, err
}

type proof struct {
	dir, base string
	peer      *peer
}

// ours scores a file and gives the log-likelihoods, the accuracies, and the time of the whole process.
func (p proof) ours(ctx context.Context, form spec.ChoiceForm, file string) (items [][]float64, result choice.Result, seconds float64, err error) {
	out := filepath.Join(p.dir, "scores.jsonl")
	begun := time.Now()
	printed, err := output(ctx, ground.Worker, "exec", "choice", "--model", p.base, "--form", string(form), "--in", file, "--out", out)
	seconds = time.Since(begun).Seconds()
	if err == nil {
		err = json.Unmarshal(printed, &result)
	}
	if err != nil {
		return nil, result, 0, err
	}
	text, err := os.ReadFile(out)
	if err != nil {
		return nil, result, 0, err
	}
	for row := range bytes.Lines(text) {
		var scored struct {
			LogProbs []float64 `json:"logprobs"`
		}
		if err := json.Unmarshal(row, &scored); err != nil {
			return nil, result, 0, err
		}
		items = append(items, scored.LogProbs)
	}
	return items, result, seconds, nil
}

// compare scores n questions of a form by both, by the harness in float64: in float32 it is itself further off than the bound allows
// where a choice has several tokens.
func (p proof) compare(ctx context.Context, form spec.ChoiceForm, n int) (worst float64, choices int, err error) {
	list, err := questions(n)
	if err != nil {
		return 0, 0, err
	}
	file, err := write(p.dir, form, list)
	if err != nil {
		return 0, 0, err
	}
	items, result, _, err := p.ours(ctx, form, file)
	if err != nil {
		return 0, 0, err
	}
	want, err := p.peer.score("exact", form, file)
	if err != nil {
		return 0, 0, err
	}
	worst, choices, err = difference(items, want.Items)
	if err != nil {
		return 0, 0, fmt.Errorf("%s: %w", form, err)
	}
	got := map[string]float64{"acc": result.Acc, "acc_stderr": result.AccStandardError, "acc_norm": result.AccNorm, "acc_norm_stderr": result.AccNormStandardError, "acc_bytes": result.AccBytes}
	fmt.Printf("%-8s %d questions, largest difference %.1g, acc %.4f and harness %.4f\n", form, n, worst, result.Acc, want.Results["acc"])
	for name, value := range got {
		if peer, measured := want.Results[name]; measured && math.Abs(peer-value) > 1e-9 {
			return 0, 0, fmt.Errorf("%s: %s is %v, the harness has %v", form, name, value, peer)
		}
	}
	return worst, choices, nil
}

// difference is the largest one between two lists of log-likelihoods.
func difference(got, want [][]float64) (worst float64, n int, err error) {
	if len(got) != len(want) {
		return 0, 0, fmt.Errorf("%d items, the peer has %d", len(got), len(want))
	}
	for i := range got {
		if len(got[i]) != len(want[i]) {
			return 0, 0, fmt.Errorf("item %d has %d choices, the peer %d", i+1, len(got[i]), len(want[i]))
		}
		for c := range got[i] {
			worst, n = max(worst, math.Abs(got[i][c]-want[i][c])), n+1
		}
	}
	return worst, n, nil
}

// race takes the times of both in turns and gives the ratio of the medians. With letters, a script that no user has but could write
// runs beside them.
func (p proof) race(ctx context.Context, form spec.ChoiceForm, n, turns int) (faster float64, err error) {
	list, err := questions(n)
	if err != nil {
		return 0, err
	}
	file, err := write(p.dir, form, list)
	if err != nil {
		return 0, err
	}
	peers := []string{"harness"}
	if form == spec.ChoiceGeneric {
		peers = append(peers, "plain")
	}
	var own []float64
	times := map[string][]float64{}
	for turn := range turns {
		items, _, seconds, err := p.ours(ctx, form, file)
		if err != nil {
			return 0, err
		}
		own = append(own, seconds)
		fmt.Printf("%s, turn %d: worker %.1f s", form, turn+1, seconds)
		for _, peer := range peers {
			answer, err := p.peer.score(peer, form, file)
			if err != nil {
				return 0, err
			}
			worst, _, err := difference(items, answer.Items)
			if err == nil && worst > rounding {
				err = fmt.Errorf("%s differs by %v", peer, worst)
			}
			if err != nil {
				return 0, err
			}
			times[peer] = append(times[peer], answer.Seconds)
			fmt.Printf(", %s %.1f s", peer, answer.Seconds)
		}
		fmt.Println()
	}
	for _, peer := range peers {
		fmt.Printf("%s: %.1f x %s\n", form, ground.Median(times[peer])/ground.Median(own), peer)
	}
	return ground.Median(times["harness"]) / ground.Median(own), nil
}

// output runs a program and gives what it prints; what it says beside goes into the error.
func output(ctx context.Context, name string, args ...string) ([]byte, error) {
	c := exec.CommandContext(ctx, name, args...)
	var said bytes.Buffer
	c.Stderr = &said
	out, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, said.String())
	}
	return out, nil
}
