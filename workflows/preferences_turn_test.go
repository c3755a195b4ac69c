package workflows

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"

	"elara/data/preference"
	"elara/spec"
)

func TestALongCollectionContinuesAsNewWithAllItKnows(t *testing.T) {
	const pairs = 300
	p := newPanel(t, pairs)
	for i := range pairs {
		p.judgeAt(time.Duration(i+1)*time.Second, says("Person A", i, spec.ChoiceA))
	}
	p.RegisterDelayedCallback(func() { p.SignalWorkflow(ImportSignal, spec.ImportRequest{Reviewer: "x"}) }, judgementsPerRun*time.Second)
	state := plan(2)
	state.Plan.EscalateHours, state.Plan.Deadline = 1000, p.Now().Add(2000*time.Hour).UTC()
	p.SetStartWorkflowOptions(startOptions())
	p.ExecuteWorkflow(CollectPreferences, state)

	var next *workflow.ContinueAsNewError
	require.True(t, errors.As(p.GetWorkflowError(), &next), "%v", p.GetWorkflowError())
	require.Equal(t, PreferencesWorkflow, next.WorkflowType.Name)
	var carried PreferencesState
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(next.Input, &carried))
	require.Equal(t, int64(judgementsPerRun), carried.Judged)
	require.Equal(t, int64(200), carried.Stored.Count)
	require.Len(t, carried.Waiting, 50)
	require.Equal(t, pairSet(0, pairs).Digests, carried.Digests)
	require.Equal(t, carried.Plan, state.Plan)

	t.Run("and the next run goes on there", func(t *testing.T) {
		stored := p.stored
		p := newPanel(t, pairs)
		p.stored = stored
		same := p.judgeAt(time.Second, says("Person A", 0, spec.ChoiceA))
		other := p.judgeAt(2*time.Second, says("Person A", judgementsPerRun-1, spec.ChoiceB))
		p.judgeAt(3*time.Second, says("Person B", 0, spec.ChoiceA))
		var status spec.PreferencesStatus
		p.RegisterDelayedCallback(func() { status = ask[spec.PreferencesStatus](t, p, StatusQuery); p.CancelWorkflow() }, time.Hour)
		p.SetStartWorkflowOptions(startOptions())
		p.ExecuteWorkflow(CollectPreferences, carried)
		require.NotContains(t, p.calls, "open", "it does not read its pairs again")
		require.NoError(t, errors.Join(same.refused, same.err))
		require.ErrorContains(t, other.refused, "Person A has judged pair 250 already")
		require.Equal(t, int64(judgementsPerRun+1), status.Judged)
		require.Equal(t, 1, status.Complete)
		require.Len(t, p.stored, judgementsPerRun+1)
	})
}

// A Signal that comes while the last batch of a run is being stored is taken along.
func TestAnImportOnTheWayIsTakenAlong(t *testing.T) {
	p := newPanel(t, 300)
	p.during = func(in spec.StoreJudgementsInput) {
		if in.Before.Count == 100 {
			for i := 200; i < 300; i++ {
				p.judge(says("Person A", i, spec.ChoiceA))
			}
			p.SignalWorkflow(ImportSignal, spec.ImportRequest{Reviewer: "x", Sets: []spec.ArtifactRef{ref(spec.KindPairs, "a")}})
		}
	}
	for i := range 200 {
		p.judgeAt(time.Duration(i+1)*time.Second, says("Person A", i, spec.ChoiceA))
	}
	p.SetStartWorkflowOptions(startOptions())
	p.ExecuteWorkflow(CollectPreferences, plan(2))
	var next *workflow.ContinueAsNewError
	require.True(t, errors.As(p.GetWorkflowError(), &next), "%v", p.GetWorkflowError())
	var carried PreferencesState
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(next.Input, &carried))
	require.Equal(t, int64(300), carried.Judged)
	require.Equal(t, []spec.ImportRequest{{Reviewer: "x", Sets: []spec.ArtifactRef{ref(spec.KindPairs, "a")}}}, carried.Imports)
}

// Every field must survive, so every field is filled by reflection: one added later is tested without a change here.
func TestPreferencesStateSurvivesTheWire(t *testing.T) {
	var state PreferencesState
	fill(t, reflect.ValueOf(&state).Elem())
	text, err := json.Marshal(state)
	require.NoError(t, err)
	var again PreferencesState
	require.NoError(t, json.Unmarshal(text, &again))
	require.Equal(t, state, again)
}

func TestTheLargestStateFitsIntoAPayload(t *testing.T) {
	const payload = 2 << 20 // bytes, Temporal's limit
	state := plan(spec.MaxReviewers)
	state.Digests = pairSet(0, spec.MaxPairs).Digests
	for r := range spec.MaxReviewers {
		name := fmt.Sprintf("%02d%s", r, strings.Repeat("x", spec.MaxReviewerName-2))
		state.Plan.Reviewers = append(state.Plan.Reviewers, name)
		var marks preference.Marks
		marks.Set(spec.MaxPairs-1, 'a')
		state.Reviewers = append(state.Reviewers, PreferencesReviewer{Name: name, Marks: marks, First: 1 << 40, Second: 1 << 40})
	}
	for i := range maxWaiting + spec.MaxImportRows { // an import may come when it is almost full
		state.Waiting = append(state.Waiting, spec.RecordedJudgement{
			Pair: pairDigest(i), Number: i, Outcome: spec.PrefersA, First: spec.PrefersB, Reviewer: state.Plan.Reviewers[0], Reason: pairDigest(i),
			JudgedAt: time.Date(2026, 11, 28, 12, 0, 0, 123456789, time.UTC), Import: pairDigest(i),
		})
	}
	long := spec.ArtifactRef{Kind: spec.KindPairs, Digest: digest("f"), SizeBytes: 1 << 40}
	state.Sets = slices.Repeat([]spec.ArtifactRef{long}, maxSets)
	for range maxImports {
		state.Imports = append(state.Imports, spec.ImportRequest{Reviewer: state.Plan.Reviewers[0], Sets: []spec.ArtifactRef{long}})
	}
	report := spec.ImportReport{Set: long.Digest, Reviewer: state.Plan.Reviewers[0], Rows: 1000, Kept: 1000, Reason: strings.Repeat("x", 1000)}
	state.Imported = slices.Repeat([]spec.ImportReport{report}, importsKept)
	state.Closed = spec.CloseRequest{By: state.Plan.Reviewers[0], Reason: strings.Repeat("x", spec.MaxCloseReason)}
	text, err := json.Marshal(state)
	require.NoError(t, err)
	require.Less(t, len(text), payload*9/10)
}
