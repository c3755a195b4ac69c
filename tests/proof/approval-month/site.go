package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"time"

	"elara/spec"
	"elara/tests/ground"
	"elara/workflows"
)

//go:embed pipeline.yaml
var pipeline []byte

const (
	run = "approval-month"

	// poll is how often is asked what cannot be waited for otherwise.
	poll = 50 * time.Millisecond
)

// site is the stack of the proof.
type site struct{ ground.Stack }

// holdsNothing makes sure that the run waits without an activity or a child.
func (s site) holdsNothing(ctx context.Context) error {
	return ground.Await(ctx, poll, "the waiting run to be described", func() error {
		server, err := s.Temporal()
		if err != nil {
			return err
		}
		defer server.Close()
		described, err := server.DescribeWorkflowExecution(ctx, workflows.PipelineID(run), "")
		if err != nil {
			return err
		}
		if activities, children := len(described.PendingActivities), len(described.PendingChildren); activities+children > 0 {
			return fmt.Errorf("it holds %d activities and %d children", activities, children)
		}
		return nil
	})
}

// approve gives the word, and compares what is released with what was approved. A server that has just come back may need
// another try.
func (s site) approve(ctx context.Context) error {
	var word spec.Decision
	if err := ground.Await(ctx, poll, "the approval to be taken", func() error {
		text, err := s.Elara(ctx, "approve", run, "--as", "the proof", "--yes", "--json")
		if err == nil {
			err = json.Unmarshal([]byte(text), &word)
		}
		return err
	}); err != nil {
		return err
	}
	if _, err := s.Elara(ctx, "watch", run, "--until-done"); err != nil {
		return err
	}
	text, err := s.Elara(ctx, "release", "show", "approval-month", "--json")
	if err != nil {
		return err
	}
	var shown struct {
		Production struct {
			Candidate spec.Digest `json:"candidate"`
		} `json:"production"`
	}
	if err := json.Unmarshal([]byte(text), &shown); err != nil {
		return err
	}
	if shown.Production.Candidate != word.Candidate {
		return fmt.Errorf("the channel serves %q, %s was approved", shown.Production.Candidate, word.Candidate)
	}
	return nil
}
