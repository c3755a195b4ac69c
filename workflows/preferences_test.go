package workflows

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"elara/spec"
	"elara/spec/fault"
)

func TestACollectionEndsWhenEveryPairHasItsJudgements(t *testing.T) {
	p := newPanel(t, 2)
	choices := []spec.Choice{spec.ChoiceA, spec.ChoiceB, spec.ChoiceTie, spec.ChoiceBothBad}
	var words []*word
	for i, choice := range choices {
		words = append(words, p.judgeAt(time.Hour*time.Duration(i+1), says([]string{"Person A", "Person B"}[i/2], i%2, choice)))
	}
	p.RegisterDelayedCallback(func() {
		status := ask[spec.PreferencesStatus](t, p, StatusQuery)
		require.True(t, status.Open)
		require.Equal(t, []int64{3, 4}, []int64{status.Judged, status.Wanted})
		require.Equal(t, 1, status.Complete)
		require.Equal(t, spec.StoredJudgements{Head: ref(spec.KindJudgements, "2"), Count: 2}, status.Stored, "each waited for ten minutes at most")
		require.Equal(t, 1, status.Waiting)
		require.Len(t, ask[[]spec.RecordedJudgement](t, p, WaitingQuery), 1)
		grey := ask[spec.AgreementResult](t, p, AgreementQuery).Reviewers[0]
		require.Equal(t, []int64{2, 1, 1}, []int64{grey.Judged, grey.First, grey.Second})
	}, 3*time.Hour+time.Minute)
	p.SetStartWorkflowOptions(startOptions())
	p.ExecuteWorkflow(CollectPreferences, plan(2))
	result := p.outcome(t)

	require.Equal(t, spec.EndComplete, result.Ended)
	require.Equal(t, int64(4), result.Judged)
	require.Equal(t, ref(spec.KindPreferences, "3"), result.Preferences.Ref)
	require.Equal(t, []spec.CompileInput{{Run: "cough", Name: "Cough", Pairs: []spec.ArtifactRef{ref(spec.KindPairs, "1")}, Stored: result.Stored, Judged: 4}}, p.compiled)
	require.Len(t, p.stored, 4)
	for i, w := range words {
		require.NoError(t, errors.Join(w.refused, w.err))
		first := shownFirst(testID, pairDigest(i%2), p.stored[i].Reviewer)
		require.Equal(t, first, w.recorded.First)
		require.Equal(t, choices[i].Outcome(first), w.recorded.Outcome, "what is recorded does not depend on the order that was shown")
		require.Equal(t, w.recorded, p.stored[i])
		require.False(t, w.recorded.JudgedAt.IsZero())
	}
	require.Equal(t, []spec.Outcome{spec.Tie, spec.BothBad}, []spec.Outcome{p.stored[2].Outcome, p.stored[3].Outcome})
}

func TestWhatIsRefusedAndWhy(t *testing.T) {
	p := newPanel(t, 3)
	state := plan(2)
	state.Plan.Reviewers = []string{"Person A", "Person B"}
	state.Plan.Deadline = p.Now().Add(10 * time.Hour)
	good := says("Person A", 1, spec.ChoiceA)
	first := p.judgeAt(time.Hour, good)
	again := p.judgeAt(2*time.Hour, good)
	with := func(change func(*spec.Judgement)) spec.Judgement { j := good; change(&j); return j }
	cases := map[string]struct {
		judgement spec.Judgement
		kind      fault.Kind
		want      string
	}{
		"another choice":       {says("Person A", 1, spec.ChoiceB), fault.Conflict, "Person A has judged pair 2 already: "},
		"a tie instead":        {says("Person A", 1, spec.ChoiceTie), fault.Conflict, "and the first judgement stands"},
		"a stranger":           {says("Dr. No", 1, spec.ChoiceA), fault.NotFound, "Dr. No is not among the reviewers of collection cough"},
		"nobody":               {says(" ", 1, spec.ChoiceA), fault.Invalid, "a judgement needs the reviewer's name"},
		"a name on two lines":  {says("Dr.\nGrey", 1, spec.ChoiceA), fault.Invalid, "on one line"},
		"a fifth choice":       {says("Person A", 2, "both"), fault.Invalid, `choice "both": expected A, B, tie or both_bad`},
		"another collection":   {with(func(j *spec.Judgement) { j.Collection = "fever" }), fault.Conflict, "the judgement is for collection fever, this is collection cough"},
		"a changed text":       {with(func(j *spec.Judgement) { j.Pair = digest("e") }), fault.Conflict, "the judgement of pair 2 is stale: it is about eeeeeeeeeeee, the pair is " + pairDigest(1).Short()},
		"an unknown pair":      {with(func(j *spec.Judgement) { j.Pair, j.Number = digest("e"), 0 }), fault.NotFound, "pair eeeeeeeeeeee is not in collection cough"},
		"a pair beyond":        {with(func(j *spec.Judgement) { j.Pair, j.Number = digest("e"), 4 }), fault.NotFound, "is not in collection cough"},
		"another pair's place": {with(func(j *spec.Judgement) { j.Number = 3 }), fault.Conflict, "the judgement names pair 3 and the digest of pair 2"},
		"half a digest":        {with(func(j *spec.Judgement) { j.Pair = "1f0c" }), fault.Invalid, "has 4 characters, expected 64"},
		"half a reason":        {with(func(j *spec.Judgement) { j.Reason = "1f0c" }), fault.Invalid, "reason: digest"},
	}
	words := map[string]*word{}
	for name, c := range cases {
		words[name] = p.judgeAt(3*time.Hour, c.judgement)
	}
	late := p.judgeAt(10*time.Hour+time.Nanosecond, says("Person B", 0, spec.ChoiceA))
	p.SetStartWorkflowOptions(startOptions())
	p.ExecuteWorkflow(CollectPreferences, state)
	result := p.outcome(t)

	require.Equal(t, spec.EndDeadline, result.Ended)
	require.Equal(t, int64(1), result.Judged, "none of the refused ones counts, and what is said again counts once")
	require.NoError(t, errors.Join(first.refused, first.err, again.refused, again.err))
	require.Equal(t, first.recorded.Outcome, again.recorded.Outcome)
	for name, c := range cases {
		require.Error(t, words[name].refused, name)
		require.False(t, words[name].done, name)
		require.Equal(t, c.kind, kindOf(words[name].refused), name)
		require.ErrorContains(t, words[name].refused, c.want, name)
	}
	require.False(t, late.done, "the refusal is in the next test: here the workflow may be gone")
}

func TestAJudgementAfterTheEndIsRefusedUnlessItWasSaidBefore(t *testing.T) {
	p := newPanel(t, 3)
	state := plan(1)
	state.Plan.Deadline = p.Now().Add(time.Hour)
	var late, same word
	p.during = func(spec.StoreJudgementsInput) { // the last batch is being stored: the collection is over, and still there
		p.judgeInto(&late, says("Person B", 1, spec.ChoiceA))
		p.judgeInto(&same, says("Person A", 0, spec.ChoiceA))
	}
	p.judgeAt(59*time.Minute, says("Person A", 0, spec.ChoiceA))
	p.SetStartWorkflowOptions(startOptions())
	p.ExecuteWorkflow(CollectPreferences, state)
	require.Equal(t, spec.EndDeadline, p.outcome(t).Ended)
	require.ErrorContains(t, late.refused, "the deadline of collection cough was ")
	require.NoError(t, errors.Join(same.refused, same.err))
	require.True(t, same.done, "said again, at any time")
}

func TestACompleteCollectionTakesNoMore(t *testing.T) {
	p := newPanel(t, 1)
	var late word
	p.during = func(spec.StoreJudgementsInput) {
		p.judgeInto(&late, says("Person B", 0, spec.ChoiceA))
	}
	p.judgeAt(time.Minute, says("Person A", 0, spec.ChoiceA))
	p.SetStartWorkflowOptions(startOptions())
	p.ExecuteWorkflow(CollectPreferences, plan(1))
	require.Equal(t, int64(1), p.outcome(t).Judged)
	require.ErrorContains(t, late.refused, "collection cough has all 1 judgements that it wanted")
}

func TestACollectionIsClosedByAPerson(t *testing.T) {
	p := newPanel(t, 3)
	var nobody, stands, refused error
	var late word
	closing := func(by string, into *error) func() {
		return func() {
			p.UpdateWorkflow(CloseUpdate, "", &testsuite.TestUpdateCallback{
				OnAccept: func() {}, OnReject: func(err error) { *into = err }, OnComplete: func(_ any, err error) { *into = err },
			}, spec.CloseRequest{By: by, Reason: "enough"})
		}
	}
	p.RegisterDelayedCallback(closing(" ", &nobody), time.Minute)
	p.RegisterDelayedCallback(closing("Person A", &stands), time.Hour)
	p.during = func(spec.StoreJudgementsInput) {
		closing("Person B", &refused)()
		p.judgeInto(&late, says("Person A", 1, spec.ChoiceA))
	}
	p.judgeAt(59*time.Minute, says("Person A", 0, spec.ChoiceA))
	p.SetStartWorkflowOptions(startOptions())
	p.ExecuteWorkflow(CollectPreferences, plan(1))
	result := p.outcome(t)
	require.Equal(t, spec.EndClosed, result.Ended)
	require.Equal(t, "Person A", result.Closed.By)
	require.NoError(t, stands)
	require.ErrorContains(t, nobody, "needs the name of who does it")
	require.ErrorContains(t, refused, "collection cough has ended already: closed")
	require.ErrorContains(t, late.refused, "collection cough was closed by Person A at ")
}

func TestWhoClosesACollectionSaysSoInFewWords(t *testing.T) {
	p := newPanel(t, 3)
	refused := map[string]*error{}
	p.RegisterDelayedCallback(func() {
		for want, request := range map[string]spec.CloseRequest{
			"a reviewer's name of 101 bytes":         {By: strings.Repeat("x", spec.MaxReviewerName+1)},
			"a reviewer's name of 3 bytes":           {By: "a\nb"},
			"a reason of 501 bytes for closing: exp": {By: "Person A", Reason: strings.Repeat("x", spec.MaxCloseReason+1)},
		} {
			refused[want] = new(error)
			p.UpdateWorkflow(CloseUpdate, "", &testsuite.TestUpdateCallback{
				OnAccept: func() {}, OnReject: func(err error) { *refused[want] = err }, OnComplete: func(any, error) {},
			}, request)
		}
	}, time.Minute)
	p.RegisterDelayedCallback(p.CancelWorkflow, time.Hour)
	p.SetStartWorkflowOptions(startOptions())
	p.ExecuteWorkflow(CollectPreferences, plan(1))
	require.Len(t, refused, 3)
	for want, err := range refused {
		require.ErrorContains(t, *err, want)
		require.NotContains(t, (*err).Error(), "xxx")
	}
}

func TestANameThatTheStoreHoldsIsRefusedAtOnce(t *testing.T) {
	p := newPanel(t, 3)
	tries := 0
	p.opening = func() error { tries++; return failed(fault.Conflict) }
	p.ExecuteWorkflow(CollectPreferences, plan(1))
	require.Equal(t, fault.Conflict, p.kind(t))
	require.Equal(t, 1, tries)
}

func TestWhatIsSaidAgainIsAnsweredWithWhatIsKept(t *testing.T) {
	p := newPanel(t, 3)
	set := spec.ImportedSet{PairSet: pairSet(1, 2), Swapped: pairSet(9, 10).Digests, Outcomes: "A"}
	set.Ref = ref(spec.KindPairs, "a")
	p.imports[set.Ref.Digest] = set
	p.RegisterDelayedCallback(func() {
		p.SignalWorkflow(ImportSignal, spec.ImportRequest{Reviewer: "Person A", Sets: []spec.ArtifactRef{set.Ref}})
	}, time.Minute)
	j := says("Person A", 0, spec.ChoiceA)
	j.Reason = digest("e")
	first := p.judgeAt(time.Minute, j)
	j.Reason = digest("f")
	again := p.judgeAt(time.Hour, j)
	imported := says("Person A", 1, spec.ChoiceA)
	if shownFirst(testID, imported.Pair, imported.Reviewer) == spec.PrefersB {
		imported.Choice = spec.ChoiceB
	}
	elsewhere := p.judgeAt(time.Hour, imported)
	p.RegisterDelayedCallback(p.CancelWorkflow, 2*time.Hour)
	p.SetStartWorkflowOptions(startOptions())
	p.ExecuteWorkflow(CollectPreferences, plan(2))
	require.Equal(t, digest("e"), first.recorded.Reason)
	require.True(t, again.done && elsewhere.done)
	want := first.recorded
	want.Reason, want.JudgedAt = "", time.Time{}
	require.Equal(t, want, again.recorded, "the second reason is kept nowhere")
	require.Empty(t, elsewhere.recorded.First, "nobody knows in which order it was shown")
	require.Equal(t, spec.PrefersA, elsewhere.recorded.Outcome)
}

func TestACollectionEndsAtItsTotal(t *testing.T) {
	p := newPanel(t, 3)
	state := plan(2)
	state.Plan.Total = 2
	for i := range 3 {
		p.judgeAt(time.Hour*time.Duration(i+1), says("Person A", i, spec.ChoiceA))
	}
	p.SetStartWorkflowOptions(startOptions())
	p.ExecuteWorkflow(CollectPreferences, state)
	result := p.outcome(t)
	require.Equal(t, spec.EndTotal, result.Ended)
	require.Equal(t, int64(2), result.Judged)
}

func TestSilenceEscalatesAgainAndAgainUntilSomebodyJudges(t *testing.T) {
	p := newPanel(t, 2)
	state := plan(1)
	state.Plan.EscalateHours = 24
	var stages []string
	p.OnUpsertTypedSearchAttributes(mock.Anything).Run(func(args mock.Arguments) {
		stage, _ := args.Get(0).(temporal.SearchAttributes).GetKeyword(ElaraStage)
		stages = append(stages, stage)
	}).Return(nil)
	overdue := func(at time.Duration, want bool) {
		p.RegisterDelayedCallback(func() { require.Equal(t, want, ask[spec.PreferencesStatus](t, p, StatusQuery).Overdue, at) }, at)
	}
	overdue(23*time.Hour, false)
	overdue(25*time.Hour, true)
	p.judgeAt(50*time.Hour, says("Person A", 0, spec.ChoiceA))
	overdue(51*time.Hour, false)
	overdue(75*time.Hour, true)
	p.judgeAt(76*time.Hour, says("Person A", 1, spec.ChoiceA))
	p.SetStartWorkflowOptions(startOptions())
	p.ExecuteWorkflow(CollectPreferences, state)
	require.Equal(t, spec.EndComplete, p.outcome(t).Ended)
	require.Equal(t, strings.Fields("preferences preferences-overdue preferences-overdue preferences preferences-overdue preferences done"), stages)
	require.Len(t, p.escalated, 3)
	require.Equal(t, spec.Escalation{Run: "cough", Name: "Cough", Level: 2, IdleHours: 48, Judged: 0, Wanted: 2}, p.escalated[1])
	require.Equal(t, spec.Escalation{Run: "cough", Name: "Cough", Level: 1, IdleHours: 24, Judged: 1, Wanted: 2}, p.escalated[2])
}

func TestAStoreThatIsAwayLosesNoJudgement(t *testing.T) {
	p := newPanel(t, 2)
	away, tries := true, 0
	p.storing = func(spec.StoreJudgementsInput) error {
		if tries++; away {
			return failed(fault.Transient)
		}
		return nil
	}
	p.judgeAt(time.Hour, says("Person A", 0, spec.ChoiceA))
	p.RegisterDelayedCallback(func() {
		status := ask[spec.PreferencesStatus](t, p, StatusQuery)
		require.Equal(t, 1, status.Waiting)
		require.Equal(t, "Transient", status.Trouble)
		away = false
	}, 3*time.Hour)
	p.RegisterDelayedCallback(func() {
		status := ask[spec.PreferencesStatus](t, p, StatusQuery)
		require.Zero(t, status.Waiting)
		require.Empty(t, status.Trouble)
	}, 4*time.Hour)
	p.judgeAt(5*time.Hour, says("Person A", 1, spec.ChoiceA))
	p.SetStartWorkflowOptions(startOptions())
	p.ExecuteWorkflow(CollectPreferences, plan(1))
	p.outcome(t)
	require.Len(t, p.stored, 2)
	require.Less(t, tries, 300, "it is asked again every few minutes, not without a pause")
}

// A store that has become slow takes no more than a batch in the time that it has.
func TestAfterAnOutageTheStoreIsNotSentAllAtOnce(t *testing.T) {
	p := newPanel(t, 5*storeBatch)
	away := true
	p.storing = func(in spec.StoreJudgementsInput) error {
		if away || len(in.Batch) > storeBatch {
			return failed(fault.Transient)
		}
		return nil
	}
	for i := range judgementsPerRun - 1 {
		p.judgeAt(time.Duration(i+1)*time.Second, says("Person A", i, spec.ChoiceA))
	}
	p.RegisterDelayedCallback(func() { away = false }, time.Hour)
	p.RegisterDelayedCallback(func() {
		require.Zero(t, ask[spec.PreferencesStatus](t, p, StatusQuery).Waiting)
		p.CancelWorkflow()
	}, 2*time.Hour)
	p.SetStartWorkflowOptions(startOptions())
	p.ExecuteWorkflow(CollectPreferences, plan(2))
	require.Len(t, p.stored, judgementsPerRun-1)
}

func TestACancelledCollectionStoresWhatWaits(t *testing.T) {
	p := newPanel(t, 2)
	var late word
	p.during = func(spec.StoreJudgementsInput) { p.judgeInto(&late, says("Person A", 1, spec.ChoiceA)) }
	p.judgeAt(time.Hour, says("Person A", 0, spec.ChoiceA))
	p.RegisterDelayedCallback(p.CancelWorkflow, time.Hour+time.Minute)
	p.SetStartWorkflowOptions(startOptions())
	p.ExecuteWorkflow(CollectPreferences, plan(1))
	require.ErrorContains(t, p.GetWorkflowError(), "canceled")
	require.Len(t, p.stored, 1)
	require.ErrorContains(t, late.refused, "collection cough was cancelled")
}

func TestThePairWithTheFewestJudgementsComesFirst(t *testing.T) {
	p := newPanel(t, 40)
	for i := 1; i < 40; i++ { // pair 1 has none, pairs 2 to 10 have two
		p.judgeAt(time.Minute, says("Person A", i, spec.ChoiceA))
		if i < 10 {
			p.judgeAt(time.Minute, says("Person B", i, spec.ChoiceA))
		}
	}
	p.RegisterDelayedCallback(func() {
		for i := range 20 {
			next := ask[spec.NextPair](t, p, NextPairQuery, fmt.Sprintf("reviewer %d", i))
			require.Equal(t, 1, next.Number)
			require.Equal(t, 31, next.Left, "a pair that has its judgements is handed out to nobody")
		}
		p.CancelWorkflow()
	}, time.Hour)
	p.SetStartWorkflowOptions(startOptions())
	p.ExecuteWorkflow(CollectPreferences, plan(2))
}

// Every reviewer judges every pair once, in the order in which they are handed out.
func TestPairsAreHandedOutEvenly(t *testing.T) {
	p := newPanel(t, 6)
	seen := map[string]int{}
	step := 0
	var round func()
	round = func() {
		for _, reviewer := range []string{"Person A", "Person B"} {
			next := ask[spec.NextPair](t, p, NextPairQuery, reviewer)
			require.Equal(t, 6-step, next.Left)
			require.Equal(t, next, ask[spec.NextPair](t, p, NextPairQuery, reviewer), "asked twice, the answer is the same")
			seen[reviewer+string(next.Pair)]++
			j := says(reviewer, next.Number-1, spec.ChoiceA)
			require.Equal(t, next.Pair, j.Pair)
			p.judge(j)
		}
		if step++; step < 6 {
			p.RegisterDelayedCallback(round, time.Minute)
		}
	}
	p.RegisterDelayedCallback(func() {
		_, err := p.QueryWorkflow(NextPairQuery, "")
		require.ErrorContains(t, err, "needs the reviewer's name")
		firsts := map[spec.Digest]bool{}
		for i := range 30 {
			firsts[ask[spec.NextPair](t, p, NextPairQuery, fmt.Sprintf("reviewer %d", i)).Pair] = true
		}
		require.Len(t, firsts, 6, "reviewers do not all begin with the same pair")
		round()
	}, time.Minute)
	p.SetStartWorkflowOptions(startOptions())
	p.ExecuteWorkflow(CollectPreferences, plan(2))
	p.outcome(t)
	require.Len(t, seen, 12)
}

func TestTheOrderShownIsAFairCoinForEachReviewerAndPair(t *testing.T) {
	count := map[spec.Outcome]int{}
	differ := 0
	for i := range 2000 {
		grey, yang := shownFirst("preferences.cough", pairDigest(i), "Person A"), shownFirst("preferences.cough", pairDigest(i), "Person B")
		require.Equal(t, grey, shownFirst("preferences.cough", pairDigest(i), "Person A"))
		count[grey]++
		if grey != yang {
			differ++
		}
	}
	require.InDelta(t, 1000, count[spec.PrefersA], 100) // 4.5 standard deviations
	require.InDelta(t, 1000, differ, 100)
	require.Len(t, count, 2)
}
