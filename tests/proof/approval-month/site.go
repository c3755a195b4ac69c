package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"syscall"
	"time"

	"go.temporal.io/sdk/client"

	"elara/spec"
	"elara/spec/fault"
	"elara/starter/devstack"
	"elara/tests/ground"
	"elara/workflows"
)

//go:embed pipeline.yaml
var pipeline []byte

const (
	program = "build/elara"
	run     = "approval-month"

	// poll is how often is asked what cannot be waited for otherwise.
	poll = 50 * time.Millisecond
)

// What can be killed.
const (
	worker   = "worker"   // as devstack.Part names it
	temporal = "temporal" // likewise
	stack    = "stack"    // `elara up`, with the S3 gateway in it
)

// site is the stack of the proof.
type site struct {
	state string // folder
}

// elara runs a verb on this stack and gives its standard output.
func (s site) elara(ctx context.Context, arguments ...string) (string, error) {
	command := exec.CommandContext(ctx, program, append(arguments, "--state", s.state)...)
	var out, problems bytes.Buffer
	command.Stdout, command.Stderr = &out, &problems
	if err := command.Run(); err != nil {
		return "", fmt.Errorf("elara %s: %w: %s", arguments[0], err, bytes.TrimSpace(problems.Bytes()))
	}
	return out.String(), nil
}

// close stops the stack, whatever ended the proof.
func (s site) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	if _, err := devstack.Find(s.state); fault.Is(err, fault.NotFound) {
		return nil
	}
	_, err := s.elara(ctx, "down")
	return err
}

// holdsNothing makes sure that the run waits without an activity or a child.
func (s site) holdsNothing(ctx context.Context) error {
	return ground.Await(ctx, poll, "the waiting run to be described", func() error {
		record, err := devstack.Find(s.state)
		if err != nil {
			return err
		}
		server, err := client.DialContext(ctx, client.Options{HostPort: record.Temporal, Namespace: record.Namespace})
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

// kill ends a part as a power cut would, and waits until another process has taken its place. The stack starts its parts
// again by itself; the stack is started by us, as a user would.
func (s site) kill(ctx context.Context, part string) error {
	record, err := devstack.Find(s.state)
	if err != nil {
		return err
	}
	victim := pidOf(record, part)
	if err := syscall.Kill(victim, syscall.SIGKILL); err != nil {
		return err
	}
	if part == stack {
		err := ground.Await(ctx, poll, "the killed stack to be gone", func() error {
			if _, err := devstack.Find(s.state); !fault.Is(err, fault.NotFound) {
				return errors.Join(errors.New("it still holds its folder"), err)
			}
			return nil
		})
		if err == nil {
			_, err = s.elara(ctx, "up", "--detach")
		}
		return err
	}
	return ground.Await(ctx, poll, "the "+part+" to start again", func() error {
		record, err := devstack.Find(s.state)
		if err == nil && (pidOf(record, part) == 0 || pidOf(record, part) == victim) {
			err = errors.New("it is down")
		}
		return err
	})
}

// pidOf gives the process of a part of the stack; 0 while it is down.
func pidOf(record devstack.Record, part string) int {
	if part == stack {
		return record.PID
	}
	for _, p := range record.Parts {
		if p.Name == part {
			return p.PID
		}
	}
	return 0
}

// approve gives the word, and compares what is released with what was approved. A server that has just come back may need
// another try.
func (s site) approve(ctx context.Context) error {
	var word spec.Decision
	if err := ground.Await(ctx, poll, "the approval to be taken", func() error {
		text, err := s.elara(ctx, "approve", run, "--as", "the proof", "--yes", "--json")
		if err == nil {
			err = json.Unmarshal([]byte(text), &word)
		}
		return err
	}); err != nil {
		return err
	}
	if _, err := s.elara(ctx, "watch", run, "--until-done"); err != nil {
		return err
	}
	text, err := s.elara(ctx, "release", "show", "approval-month", "--json")
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
