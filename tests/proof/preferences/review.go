package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"elara/data/preference"
	"elara/spec"
	"elara/storage"
	"elara/storage/artifact"
	"elara/tests/ground"
	"elara/workflows"
)

// answers is what one reviewer was told is kept.
type answers map[spec.Digest]spec.Outcome

// outcome is what the result of the collection holds of that.
type outcome struct {
	kept  int // judgements that were answered and are there, as they were answered
	twice int // judgements that are in the batches once more
}

// review judges what a reviewer is handed until nothing is left. A call without an answer is made again.
func (s *site) review(ctx context.Context, reviewer string) (answers, error) {
	server, err := s.Temporal()
	if err != nil {
		return nil, err
	}
	defer server.Close()
	id, choices, told := workflows.PreferencesID(collection), spec.Choices(), answers{}
	for {
		var next spec.NextPair
		err := insist(ctx, func(ctx context.Context) error {
			value, err := server.QueryWorkflow(ctx, id, "", workflows.NextPairQuery, reviewer)
			if err != nil {
				return err
			}
			return value.Get(&next)
		})
		if err != nil || next.Pair == "" {
			return told, err
		}
		j := spec.Judgement{Collection: collection, Pair: next.Pair, Number: next.Number, Choice: choices[next.Number%len(choices)], Reviewer: reviewer}
		var recorded spec.RecordedJudgement
		err = insist(ctx, func(ctx context.Context) error {
			handle, err := server.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
				WorkflowID: id, UpdateName: workflows.JudgeUpdate, Args: []any{j}, WaitForStage: client.WorkflowUpdateStageCompleted,
			})
			if err != nil {
				return err
			}
			return handle.Get(ctx, &recorded)
		})
		if err != nil {
			return told, err
		}
		told[recorded.Pair] = recorded.Outcome
		s.answered.Add(1)
	}
}

// resultWithin is how long a closed collection may take to put its result together.
const resultWithin = 2 * time.Minute

// answerWithin is how long a call may take before it is made again.
const answerWithin = 5 * time.Second

// insist makes a call until it is answered; a refusal is an answer.
func insist(ctx context.Context, call func(context.Context) error) error {
	var last error
	err := ground.Await(ctx, poll, "an answer", func() error {
		bounded, cancel := context.WithTimeout(ctx, answerWithin)
		defer cancel()
		var refused *temporal.ApplicationError
		if last = call(bounded); errors.As(last, &refused) {
			return nil
		}
		return last
	})
	return errors.Join(err, last)
}

// compare closes the collection and holds its result against what the reviewers were told.
func (s *site) compare(ctx context.Context, told []answers) (found outcome, err error) {
	if _, err := s.Elara(ctx, "preferences", "close", collection, "--as", "the proof"); err != nil {
		return found, err
	}
	var status spec.PreferencesStatus
	waiting, cancel := context.WithTimeout(ctx, resultWithin)
	defer cancel()
	err = ground.Await(waiting, poll, "the result", func() (err error) {
		if status, err = s.status(ctx); err == nil && status.Result.IsZero() {
			err = errors.New("not yet")
		}
		return err
	})
	// Doubles are counted in the batches: a result that held one would not be made.
	stored, readErr := s.judgements(ctx, status.Stored.Head, artifact.ReadChain)
	times := map[string]int{}
	for _, j := range stored {
		key := j.Reviewer + string(j.Pair)
		if times[key]++; times[key] > 1 {
			found.twice++
		}
	}
	if err := errors.Join(err, readErr); err != nil {
		return found, err
	}
	kept, err := s.judgements(ctx, status.Result, oneFile)
	if err != nil {
		return found, err
	}
	for _, j := range kept {
		var r int
		if _, err := fmt.Sscanf(j.Reviewer, "reviewer %d", &r); err != nil {
			return found, fmt.Errorf("a judgement of somebody who did not judge: %w", err)
		}
		if told[r][j.Pair] == j.Outcome {
			found.kept++
		}
	}
	return found, nil
}

// judgements reads them from the object store, of one artifact or of a chain.
func (s *site) judgements(
	ctx context.Context, ref spec.ArtifactRef, read func(context.Context, storage.Store, spec.ArtifactRef, string) ([][]byte, error),
) ([]preference.Judged, error) {
	store, err := s.Store(ctx)
	if err != nil {
		return nil, err
	}
	batches, err := read(ctx, store, ref, preference.JudgementsFile)
	if err != nil {
		return nil, err
	}
	return preference.ReadBatches(batches)
}

func oneFile(ctx context.Context, store storage.Store, ref spec.ArtifactRef, name string) ([][]byte, error) {
	content, err := artifact.ReadFile(ctx, store, ref, name)
	return [][]byte{content}, err
}
