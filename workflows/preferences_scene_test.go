package workflows

import (
	"context"
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/testsuite"

	"elara/activities"
	"elara/spec"
	"elara/spec/fault"
)

// panel is a collection in the SDK's test environment; its store is a list.
type panel struct {
	*scene
	stored    []spec.RecordedJudgement
	opening   func() error
	storing   func(spec.StoreJudgementsInput) error
	during    func(spec.StoreJudgementsInput) // what happens while a batch is being stored; it may use the environment
	imports   map[spec.Digest]spec.ImportedSet
	importing func() error
	escalated []spec.Escalation
	compiled  []spec.CompileInput
}

func pairDigest(i int) spec.Digest {
	return spec.DigestOf(sha256.Sum256(fmt.Appendf(nil, "pair %d", i)))
}

func pairSet(from, to int) spec.PairSet {
	set := spec.PairSet{Ref: ref(spec.KindPairs, "1")}
	for i := from; i < to; i++ {
		sum := sha256.Sum256(fmt.Appendf(nil, "pair %d", i))
		set.Digests = append(set.Digests, sum[:]...)
	}
	return set
}

func newPanel(t *testing.T, pairs int) *panel {
	p := &panel{scene: newScene(t), imports: map[spec.Digest]spec.ImportedSet{}}
	p.opening = func() error { return nil }
	p.importing = func() error { return nil }
	p.storing = func(spec.StoreJudgementsInput) error { return nil }
	p.during = func(spec.StoreJudgementsInput) {}
	p.SetOnActivityStartedListener(func(info *activity.Info, _ context.Context, args converter.EncodedValues) {
		var in spec.StoreJudgementsInput
		if info.ActivityType.Name == "StoreJudgements" {
			require.NoError(t, args.Get(&in))
			p.during(in)
		}
	})
	var control *activities.Control
	fake(p.scene, control.OpenPreferences, func(spec.PreferencesInput) (string, spec.PairSet, error) {
		return "open", pairSet(0, pairs), p.opening()
	})
	fake(p.scene, control.StoreJudgements, func(in spec.StoreJudgementsInput) (string, spec.StoredJudgements, error) {
		if err := p.storing(in); err != nil {
			return "not stored", in.Before, err
		}
		require.Equal(t, int64(len(p.stored)), in.Before.Count)
		p.stored = append(p.stored, in.Batch...)
		return fmt.Sprintf("store %d", len(in.Batch)), spec.StoredJudgements{Head: ref(spec.KindJudgements, "2"), Count: int64(len(p.stored))}, nil
	})
	fake(p.scene, control.ReadImport, func(ref spec.ArtifactRef) (string, spec.ImportedSet, error) {
		set, found := p.imports[ref.Digest]
		if !found {
			return "import", set, failed(fault.NotFound)
		}
		return "import", set, p.importing()
	})
	fake(p.scene, control.Escalate, func(e spec.Escalation) (string, spec.Escalation, error) {
		p.escalated = append(p.escalated, e)
		return fmt.Sprintf("escalate %d", e.Level), e, nil
	})
	fake(p.scene, control.CompilePreferences, func(in spec.CompileInput) (string, spec.CompiledPreferences, error) {
		p.compiled = append(p.compiled, in)
		return "compile", spec.CompiledPreferences{Ref: ref(spec.KindPreferences, "3")}, nil
	})
	return p
}

func plan(perPair int) PreferencesState {
	return PreferencesState{PreferencesInput: spec.PreferencesInput{
		Run: "cough", Name: "Cough", Pairs: ref(spec.KindPairs, "1"), Plan: spec.PreferencesPlan{PerPair: perPair},
	}}
}

// word is what became of one judge Update.
type word struct {
	recorded spec.RecordedJudgement
	refused  error // by the validator: it is in no history
	err      error
	done     bool
}

// judge sends a judgement; what becomes of it is known when the workflow has gone on.
func (p *panel) judge(j spec.Judgement) *word {
	var w word
	p.judgeInto(&w, j)
	return &w
}

func (p *panel) judgeInto(w *word, j spec.Judgement) {
	p.UpdateWorkflow(JudgeUpdate, "", &testsuite.TestUpdateCallback{
		OnAccept: func() {}, OnReject: func(err error) { w.refused = err },
		OnComplete: func(result any, err error) {
			w.done, w.err = true, err
			if err == nil {
				w.recorded = result.(spec.RecordedJudgement)
			}
		},
	}, j)
}

func (p *panel) judgeAt(at time.Duration, j spec.Judgement) *word {
	var w word
	p.RegisterDelayedCallback(func() { p.judgeInto(&w, j) }, at)
	return &w
}

func says(reviewer string, pair int, choice spec.Choice) spec.Judgement {
	return spec.Judgement{Collection: "cough", Pair: pairDigest(pair), Number: pair + 1, Choice: choice, Reviewer: reviewer}
}

func ask[Out any](t *testing.T, p *panel, query string, args ...any) Out {
	t.Helper()
	var out Out
	value, err := p.QueryWorkflow(query, args...)
	require.NoError(t, err)
	require.NoError(t, value.Get(&out))
	return out
}

func (p *panel) outcome(t *testing.T) spec.PreferencesResult {
	t.Helper()
	require.True(t, p.IsWorkflowCompleted())
	require.NoError(t, p.GetWorkflowError())
	var result spec.PreferencesResult
	require.NoError(t, p.GetWorkflowResult(&result))
	return result
}

func startOptions() client.StartWorkflowOptions { return client.StartWorkflowOptions{ID: testID} }

// testID is the workflow ID that the test environment gives.
const testID = "default-test-workflow-id"
