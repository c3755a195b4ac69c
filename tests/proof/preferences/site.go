package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"go.temporal.io/sdk/client"

	"elara/data/preference"
	"elara/internal/connect"
	"elara/spec"
	"elara/spec/fault"
	"elara/starter/devstack"
	"elara/tests/ground"
)

const (
	collection = "proof"
	program    = "build/elara"

	// poll is how often is asked what cannot be waited for otherwise.
	poll = 20 * time.Millisecond
)

// site is the stack of the proof.
type site struct {
	state    string // folder
	answered atomic.Int64
}

// up starts the stack, for the first time or again.
func (s *site) up(ctx context.Context) error {
	if _, err := os.Stat(program); err != nil {
		return fmt.Errorf("%s is missing: run make build, and the proof from the repository's root", program)
	}
	_, err := s.elara(ctx, "up", "--detach")
	return err
}

// close stops the stack, whatever ended the proof.
func (s *site) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	_, err := s.elara(ctx, "down")
	return err
}

// elara runs a verb on this stack and gives its standard output.
func (s *site) elara(ctx context.Context, arguments ...string) (string, error) {
	command := exec.CommandContext(ctx, program, append(arguments, "--state", s.state)...)
	var out, problems bytes.Buffer
	command.Stdout, command.Stderr = &out, &problems
	if err := command.Run(); err != nil {
		return "", fmt.Errorf("elara %s: %w: %s", arguments[0], err, bytes.TrimSpace(problems.Bytes()))
	}
	return out.String(), nil
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
	file := filepath.Join(s.state, "pairs.jsonl")
	if err := os.WriteFile(file, lines.Bytes(), 0o600); err != nil {
		return err
	}
	_, err := s.elara(ctx, "preferences", "start", file, "--id", collection, "--per-pair", fmt.Sprint(reviewers+1))
	return err
}

// dial connects to the stack. Its address stays over every kill.
func (s *site) dial() (client.Client, error) {
	record, err := devstack.Find(s.state)
	if err != nil {
		return nil, err
	}
	return client.NewLazyClient(client.Options{HostPort: record.Temporal, Namespace: record.Namespace, Logger: connect.Quiet{}})
}

// status asks how far the collection is.
func (s *site) status(ctx context.Context) (spec.PreferencesStatus, error) {
	var status spec.PreferencesStatus
	text, err := s.elara(ctx, "preferences", "status", collection, "--json")
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
	}{{"worker", 200}, {"temporal", 400}, {"worker", 600}, {"stack", 750}} {
		err := ground.Await(ctx, poll, fmt.Sprintf("%d judgements", k.at), func() error {
			if s.answered.Load() < k.at {
				return errors.New("not yet")
			}
			return nil
		})
		if err != nil {
			return err
		}
		record, err := devstack.Find(s.state)
		if err != nil {
			return err
		}
		victim := pidOf(record, k.part)
		if err := syscall.Kill(victim, syscall.SIGKILL); err != nil {
			return fmt.Errorf("kill the %s: %w", k.part, err)
		}
		fmt.Printf("  the %s is killed after %d judgements\n", k.part, s.answered.Load())
		if k.part != "stack" {
			continue // the stack starts it again
		}
		err = ground.Await(ctx, poll, "the killed stack to be gone", func() error {
			if _, err := devstack.Find(s.state); !fault.Is(err, fault.NotFound) {
				return errors.Join(errors.New("it still holds its folder"), err)
			}
			return nil
		})
		if err != nil {
			return err
		}
		if err := s.up(ctx); err != nil {
			return err
		}
	}
	return nil
}

// pidOf gives the process of a part of the stack, or of the stack itself.
func pidOf(record devstack.Record, part string) int {
	for _, p := range record.Parts {
		if p.Name == part {
			return p.PID
		}
	}
	return record.PID
}
