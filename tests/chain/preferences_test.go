package chain

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"elara/data/preference"
	"elara/spec"
	"elara/spec/fault"
	"elara/storage"
	"elara/storage/artifact"
	"elara/storage/cas"
	"elara/workflows"
)

func examplePairs(n int) []preference.Pair {
	pairs := make([]preference.Pair, n)
	for i := range pairs {
		pairs[i] = preference.Pair{
			ID: fmt.Sprint(i), Prompt: preference.Prompt{Text: fmt.Sprintf("Question %d?", i)}, ResponseA: fmt.Sprintf("Yes, %d.", i), ResponseB: "No.",
		}
	}
	return pairs
}

func publishPairs(t *testing.T, store storage.Store, pairs []preference.Pair, judged ...preference.Judged) spec.ArtifactRef {
	t.Helper()
	var lines, judgements bytes.Buffer
	require.NoError(t, preference.WritePairs(&lines, pairs))
	files := map[string][]byte{preference.PairsFile: lines.Bytes()}
	if len(judged) > 0 {
		require.NoError(t, preference.WriteJudgements(&judgements, judged))
		files[preference.JudgementsFile] = judgements.Bytes()
	}
	ref, err := artifact.PublishBytes(t.Context(), store, spec.KindPairs, files, nil, nil)
	require.NoError(t, err)
	return ref
}

// collecting is a collection under way.
type collecting struct {
	client.WorkflowRun
	client client.Client
	run    spec.RunID
}

func (th *theatre) collect(t *testing.T, bucket string, in spec.PreferencesInput) collecting {
	t.Helper()
	started, err := th.client.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{
		ID: workflows.PreferencesID(in.Run), TaskQueue: controlQueue(bucket),
	}, workflows.PreferencesWorkflow, workflows.PreferencesState{PreferencesInput: in})
	require.NoError(t, err)
	c := collecting{started, th.client, in.Run}
	eventually(t, time.Minute, func(ctx context.Context) error {
		status, err := c.status(ctx)
		if err == nil && !status.Open {
			err = errors.New("not open")
		}
		return err
	})
	return c
}

func (c collecting) status(ctx context.Context) (status spec.PreferencesStatus, err error) {
	value, err := c.client.QueryWorkflow(ctx, c.GetID(), "", workflows.StatusQuery)
	if err == nil {
		err = value.Get(&status)
	}
	return status, err
}

func (c collecting) next(ctx context.Context, reviewer string) (next spec.NextPair, err error) {
	value, err := c.client.QueryWorkflow(ctx, c.GetID(), "", workflows.NextPairQuery, reviewer)
	if err == nil {
		err = value.Get(&next)
	}
	return next, err
}

func (c collecting) update(ctx context.Context, name string, argument, answer any) error {
	handle, err := c.client.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: c.GetID(), UpdateName: name, Args: []any{argument}, WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err != nil {
		return err
	}
	return handle.Get(ctx, answer)
}

// The story of a collection: silence that escalates, judgements, a stale one, an import, and what it came to.
func TestFromPairsToPreferences(t *testing.T) {
	th := open(t, "pairs")
	th.worker(t, "pairs", 0)
	store := th.store(t, "pairs")
	pairs := examplePairs(4)
	const second = 1.0 / 3600 // of an hour
	in := spec.PreferencesInput{Run: "story", Name: "Story", Pairs: publishPairs(t, store, pairs[:3]), Plan: spec.PreferencesPlan{PerPair: 2, EscalateHours: second}}
	c := th.collect(t, "pairs", in)
	shows := func(stage string) {
		t.Helper()
		query := fmt.Sprintf("WorkflowId='preferences.story' AND ElaraStage='%s'", stage)
		eventually(t, time.Minute, func(ctx context.Context) error {
			found, err := th.client.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Namespace: temporalNamespace, Query: query})
			if err == nil && len(found.Executions) != 1 {
				err = fmt.Errorf("found %v", found.Executions)
			}
			return err
		})
	}
	shows(spec.StagePreferencesOverdue)

	reason, err := cas.PutBytes(t.Context(), store, []byte("misses the red flags"))
	require.NoError(t, err)
	for range 3 {
		next, err := c.next(t.Context(), "Person A")
		require.NoError(t, err)
		var recorded spec.RecordedJudgement
		require.NoError(t, c.update(t.Context(), workflows.JudgeUpdate, spec.Judgement{
			Collection: "story", Pair: next.Pair, Number: next.Number, Choice: spec.ChoiceA, Reviewer: "Person A", Reason: reason.Digest,
		}, &recorded))
		require.Equal(t, next.First, recorded.Outcome)
	}
	err = c.update(t.Context(), workflows.JudgeUpdate, spec.Judgement{Collection: "story", Pair: digest("e"), Number: 1, Choice: spec.ChoiceA, Reviewer: "Person A"}, nil)
	require.Equal(t, fault.Conflict, refusal(t, err))
	require.ErrorContains(t, err, "is stale")

	var judged []preference.Judged
	for _, pair := range pairs[1:] {
		judged = append(judged, preference.Judged{RecordedJudgement: spec.RecordedJudgement{Pair: pair.Digest(), Outcome: spec.PrefersA}})
	}
	imported := publishPairs(t, store, pairs[1:], judged...)
	require.NoError(t, th.client.SignalWorkflow(t.Context(), c.GetID(), "", workflows.ImportSignal, spec.ImportRequest{Reviewer: "ward 7", Sets: []spec.ArtifactRef{imported}}))
	eventually(t, time.Minute, func(ctx context.Context) error {
		status, err := c.status(ctx)
		if err == nil && status.Judged != 6 {
			err = fmt.Errorf("judged %d", status.Judged)
		}
		return err
	})
	require.NoError(t, c.update(t.Context(), workflows.CloseUpdate, spec.CloseRequest{By: "Person A"}, nil))
	var result spec.PreferencesResult
	require.NoError(t, c.Get(t.Context(), &result))

	require.Equal(t, spec.EndClosed, result.Ended)
	require.Equal(t, int64(6), result.Preferences.Counts.Judgements)
	require.Equal(t, []spec.ImportReport{{Set: imported.Digest, Reviewer: "ward 7", Rows: 3, Kept: 3, NewPairs: 1, Matched: 2}}, result.Imports)
	kept := judgementsOf(t, store, result)
	require.Len(t, kept, 6)
	require.Equal(t, "misses the red flags", kept[0].Words)
	shows(spec.StageDone)
	record(t, th.client, map[string]string{"preferences": c.GetID()})
}

func judgementsOf(t *testing.T, store storage.Store, result spec.PreferencesResult) []preference.Judged {
	t.Helper()
	content, err := artifact.ReadFile(t.Context(), store, result.Preferences.Ref, preference.JudgementsFile)
	require.NoError(t, err)
	kept, err := preference.ReadJudgements(preference.JudgementsFile, bytes.NewReader(content))
	require.NoError(t, err)
	return kept
}

// The promise: what a reviewer was told is kept is kept, once, whatever dies meanwhile, and across continue-as-new.
func TestEveryJudgementOfManyReviewersIsKeptOnceThoughServerAndWorkerDie(t *testing.T) {
	const reviewers, perReviewer = 10, 30 // more than one run of the workflow takes
	th := open(t, "judged")
	worker := th.worker(t, "judged", 0)
	store := th.store(t, "judged")
	in := spec.PreferencesInput{Run: "many", Name: "Many", Pairs: publishPairs(t, store, examplePairs(perReviewer)), Plan: spec.PreferencesPlan{PerPair: reviewers + 1}}
	c := th.collect(t, "judged", in)
	first := c.GetRunID()

	var answered atomic.Int64
	reached := func(n int64) {
		t.Helper()
		eventually(t, patience, func(context.Context) error {
			if got := answered.Load(); got < n {
				return fmt.Errorf("%d of %d judgements are answered", got, n)
			}
			return nil
		})
	}
	told := make([]map[spec.Digest]spec.Outcome, reviewers)
	failures := make([]error, reviewers)
	var clients sync.WaitGroup
	for r := range reviewers {
		told[r] = map[spec.Digest]spec.Outcome{}
		clients.Go(func() { failures[r] = c.review(t.Context(), fmt.Sprintf("reviewer %d", r), told[r], &answered) })
	}
	reached(60)
	worker.kill(t)
	th.worker(t, "judged", 0)
	reached(150)
	th.server.kill(t)
	th.play(t)
	clients.Wait()
	require.NoError(t, errors.Join(failures...))

	require.NoError(t, c.update(t.Context(), workflows.CloseUpdate, spec.CloseRequest{By: "the test"}, nil))
	var result spec.PreferencesResult
	require.NoError(t, th.client.GetWorkflow(t.Context(), c.GetID(), "").Get(t.Context(), &result))
	kept := judgementsOf(t, store, result)
	require.Len(t, kept, reviewers*perReviewer)
	for r := range reviewers {
		require.Len(t, told[r], perReviewer)
	}
	for _, j := range kept { // CompilePreferences refuses a second judgement of a pair by one reviewer
		var r int
		_, err := fmt.Sscanf(j.Reviewer, "reviewer %d", &r)
		require.NoError(t, err)
		require.Equal(t, told[r][j.Pair], j.Outcome, "what was kept is what was answered")
		delete(told[r], j.Pair)
	}
	for r := range reviewers {
		require.Empty(t, told[r], "answered and not kept")
	}
	described, err := th.client.DescribeWorkflowExecution(t.Context(), c.GetID(), "")
	require.NoError(t, err)
	require.NotEqual(t, first, described.WorkflowExecutionInfo.Execution.RunId, "it has continued as new")
}

// review judges what a reviewer is handed until nothing is left. A call without an answer is made again.
func (c collecting) review(ctx context.Context, reviewer string, told map[spec.Digest]spec.Outcome, answered *atomic.Int64) error {
	choices := spec.Choices()
	for {
		var next spec.NextPair
		if err := insist(ctx, func(ctx context.Context) (err error) { next, err = c.next(ctx, reviewer); return err }); err != nil {
			return err
		}
		if next.Pair == "" {
			return nil
		}
		var recorded spec.RecordedJudgement
		j := spec.Judgement{Collection: c.run, Pair: next.Pair, Number: next.Number, Choice: choices[next.Number%len(choices)], Reviewer: reviewer}
		if err := insist(ctx, func(ctx context.Context) error { return c.update(ctx, workflows.JudgeUpdate, j, &recorded) }); err != nil {
			return err
		}
		told[recorded.Pair] = recorded.Outcome
		answered.Add(1)
	}
}

// insist makes a call until it is answered; a refusal is an answer.
func insist(ctx context.Context, call func(context.Context) error) error {
	for {
		bounded, cancel := context.WithTimeout(ctx, 5*time.Second)
		err := call(bounded)
		cancel()
		var refused *temporal.ApplicationError
		if err == nil || ctx.Err() != nil || errors.As(err, &refused) {
			return err
		}
	}
}
