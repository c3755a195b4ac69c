package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"elara/data/preference"
	"elara/spec"
	"elara/tests/ground"
)

const (
	collection = "proof"

	// poll is how often is asked what cannot be waited for otherwise.
	poll = 20 * time.Millisecond
)

// site is the stack of the proof.
type site struct {
	ground.Stack
	answered atomic.Int64
}

// begin starts a collection that does not end by itself: one more judgement is wanted for each pair than there are
// reviewers.
func (s *site) begin(ctx context.Context) error {
	pairs := make([]preference.Pair, perReviewer)
	for i := range pairs {
		pairs[i] = preference.Pair{Prompt: preference.Prompt{Text: fmt.Sprintf("Question %d?", i)}, ResponseA: "Yes.", ResponseB: "No."}
	}
	var lines bytes.Buffer
	if err := preference.WritePairs(&lines, pairs); err != nil {
		return err
	}
	file := filepath.Join(s.State, "pairs.jsonl")
	if err := os.WriteFile(file, lines.Bytes(), 0o600); err != nil {
		return err
	}
	_, err := s.Elara(ctx, "preferences", "start", file, "--id", collection, "--per-pair", fmt.Sprint(reviewers+1))
	return err
}

// status asks how far the collection is.
func (s *site) status(ctx context.Context) (spec.PreferencesStatus, error) {
	var status spec.PreferencesStatus
	text, err := s.Elara(ctx, "preferences", "status", collection, "--json")
	if err != nil {
		return status, err
	}
	return status, json.Unmarshal([]byte(text), &status)
}

// killAll kills each part when so many judgements are answered, and sees to it that it comes back.
func (s *site) killAll(ctx context.Context) error {
	for _, k := range []struct {
		part string
		at   int64
	}{{ground.WorkerPart, 200}, {ground.TemporalPart, 400}, {ground.WorkerPart, 600}, {ground.StackPart, 750}} {
		err := ground.Await(ctx, poll, fmt.Sprintf("%d judgements", k.at), func() error {
			if s.answered.Load() < k.at {
				return errors.New("not yet")
			}
			return nil
		})
		if err != nil {
			return err
		}
		victim, err := s.Kill(k.part)
		if err != nil {
			return err
		}
		fmt.Printf("  the %s is killed after %d judgements\n", k.part, s.answered.Load())
		if k.part != ground.StackPart {
			continue // the stack starts it again
		}
		if err := s.Replaced(ctx, poll, k.part, victim); err != nil {
			return err
		}
	}
	return nil
}
