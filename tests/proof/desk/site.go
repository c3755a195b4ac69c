package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"elara/data/preference"
	"elara/data/sample"
	"elara/spec"
	"elara/starter/devstack"
	"elara/tests/ground"
)

const (
	clicked  = "cough" // collection that is judged in the browser
	clicks   = 12      // judgements in it
	atOnce   = "fever" // collection that is judged by many
	approval = "desk"  // run whose candidate is approved, and its channel

	// poll is how often is asked what cannot be waited for otherwise.
	poll = 50 * time.Millisecond
)

//go:embed pipeline.yaml
var pipeline []byte

//go:embed pairs.jsonl
var pairs []byte // of the browser's collection

// site is the stack of the proof.
type site struct {
	ground.Stack
	desk     string // URL
	answered atomic.Int64
	told     [reviewers]map[string]spec.Choice // of each reviewer at once, by pair
}

// open starts the stack.
func (s *site) open(ctx context.Context) error {
	if err := s.Up(ctx); err != nil {
		return err
	}
	record, err := devstack.Find(s.State)
	s.desk = record.Desk
	return err
}

// token makes a token.
func (s *site) token(ctx context.Context, reviewer, role string) (string, error) {
	token, err := s.Elara(ctx, "desk", "token", "add", "--reviewer", reviewer, "--role", role)
	return strings.TrimSpace(token), err
}

// prepare starts two collections that do not end by themselves, and a pipeline that comes to its approval.
func (s *site) prepare(ctx context.Context) error {
	many := make([]preference.Pair, perReviewer)
	for i := range many {
		many[i] = preference.Pair{Prompt: preference.Prompt{Text: fmt.Sprintf("Question %d?", i)}, ResponseA: "Yes.", ResponseB: "No."}
	}
	var lines bytes.Buffer
	if err := preference.WritePairs(&lines, many); err != nil {
		return err
	}
	for name, content := range map[string][]byte{clicked: pairs, atOnce: lines.Bytes()} {
		file := filepath.Join(s.State, name+".jsonl")
		if err := os.WriteFile(file, content, 0o600); err != nil {
			return err
		}
		if _, err := s.Elara(ctx, "preferences", "start", file, "--id", name, "--per-pair", fmt.Sprint(reviewers+1), "--deadline", "336h"); err != nil {
			return err
		}
	}
	model := filepath.Join(s.State, "model")
	if err := ground.Run(ctx, ground.Worker, "exec", "tiny-model", "--out", model); err != nil {
		return err
	}
	if _, err := sample.Write(filepath.Join(s.State, "data"), sample.Options{}); err != nil {
		return err
	}
	file := filepath.Join(s.State, "pipeline.yaml")
	if err := os.WriteFile(file, pipeline, 0o600); err != nil {
		return err
	}
	began := time.Now()
	if _, err := s.Elara(ctx, "run", file, "--id", approval); err != nil {
		return err
	}
	fmt.Printf("  %6.1f s  a candidate waits for approval\n", time.Since(began).Seconds())
	return nil
}

// status asks how far a collection is.
func (s *site) status(ctx context.Context, collection string) (status spec.PreferencesStatus, err error) {
	err = ground.Await(ctx, poll, "the status of "+collection, func() error {
		text, err := s.Elara(ctx, "preferences", "status", collection, "--json")
		if err != nil {
			return err
		}
		return json.Unmarshal([]byte(text), &status)
	})
	return status, err
}

// compare holds what people were told against what the collections count.
func (s *site) compare(ctx context.Context, found *outcome) error {
	status, err := s.status(ctx, atOnce)
	if err != nil {
		return err
	}
	there := map[string]spec.ReviewerView{}
	for _, view := range status.Reviewers {
		there[view.Reviewer] = view
	}
	var differ []error
	for r, told := range s.told {
		counts := map[spec.Choice]int64{}
		for _, choice := range told {
			counts[choice]++
		}
		view := there[reviewerName(r)]
		same := counts[spec.ChoiceA] == view.First && counts[spec.ChoiceB] == view.Second && counts[spec.ChoiceTie] == view.Tie && counts[spec.ChoiceBothBad] == view.BothBad
		if !same {
			differ = append(differ, fmt.Errorf("%s was told %v, the collection counts %+v", reviewerName(r), counts, view))
		}
		found.told += len(told)
		found.kept += int(min(view.Judged, int64(len(told))))
	}
	found.extra += int(status.Judged) - judgements
	return errors.Join(differ...)
}
