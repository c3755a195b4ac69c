package workflows

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"elara/spec"
	"elara/spec/fault"
)

func TestImportsJoinTheCollection(t *testing.T) {
	p := newPanel(t, 3)
	imported := func(name string, from, to int, outcomes string, swapped ...int) spec.ArtifactRef {
		set := spec.ImportedSet{PairSet: pairSet(from, to), Outcomes: outcomes}
		set.Ref = ref(spec.KindPairs, name)
		for i := from; i < to; i++ {
			sum := sha256.Sum256(fmt.Appendf(nil, "pair %d, exchanged", i))
			set.Swapped = append(set.Swapped, sum[:]...)
		}
		for _, i := range swapped { // the import holds the pair with its answers in the other order
			own, other := set.Digests.Raw(i), set.Swapped.Raw(i)
			for b := range own {
				own[b], other[b] = other[b], own[b]
			}
		}
		p.imports[set.Ref.Digest] = set
		return set.Ref
	}
	signal := func(at time.Duration, reviewer string, sets ...spec.ArtifactRef) {
		p.RegisterDelayedCallback(func() { p.SignalWorkflow(ImportSignal, spec.ImportRequest{Reviewer: reviewer, Sets: sets}) }, at)
	}
	p.judgeAt(time.Hour, says("the clinic", 1, spec.ChoiceTie))
	one := imported("a", 0, 2, "AA", 0)
	two := imported("b", 2, 5, "BTX")
	signal(2*time.Hour, "the clinic", one, two)
	signal(3*time.Hour, "the clinic", one) // the same again
	signal(4*time.Hour, "the clinic", ref(spec.KindPairs, "f"), spec.ArtifactRef{})
	signal(5*time.Hour, " ", one)
	var status spec.PreferencesStatus
	p.RegisterDelayedCallback(func() { status = ask[spec.PreferencesStatus](t, p, StatusQuery); p.CancelWorkflow() }, 6*time.Hour)
	p.SetStartWorkflowOptions(startOptions())
	p.ExecuteWorkflow(CollectPreferences, plan(2))

	require.Equal(t, 5, status.Pairs)
	require.Equal(t, []spec.ArtifactRef{ref(spec.KindPairs, "1"), two}, status.Sets, "where the pairs lie")
	require.Equal(t, int64(5), status.Judged)
	require.Zero(t, status.Importing)
	reports := status.Imports
	require.Len(t, reports, 6)
	require.Equal(t, spec.ImportReport{Set: one.Digest, Reviewer: "the clinic", Rows: 2, Kept: 1, Different: 1, Matched: 2}, reports[0])
	require.Equal(t, spec.ImportReport{Set: two.Digest, Reviewer: "the clinic", Rows: 3, Kept: 3, NewPairs: 2, Matched: 1}, reports[1])
	require.Equal(t, spec.ImportReport{Set: one.Digest, Reviewer: "the clinic", Rows: 2, Same: 1, Different: 1, Matched: 2}, reports[2])
	require.Equal(t, "it is no artifact of kind pairs", reports[3].Reason)
	require.Equal(t, "it could not be read: it did not work", reports[4].Reason)
	require.Equal(t, spec.ImportReport{Reason: "a judgement needs the reviewer's name"}, reports[5])
	var outcomes []spec.Outcome
	for _, j := range p.stored[1:] {
		require.Empty(t, j.First, "nobody here has shown it")
		outcomes = append(outcomes, j.Outcome)
	}
	require.Equal(t, []spec.Outcome{spec.PrefersB, spec.PrefersB, spec.Tie, spec.BothBad}, outcomes, "the exchanged one is turned round")
	require.Equal(t, pairDigest(0), p.stored[1].Pair)
	require.Equal(t, one.Digest, p.stored[1].Import)
	require.Equal(t, int64(4), status.Reviewers[0].Imported)
}

func TestImportsWaitWhileTheStoreIsAway(t *testing.T) {
	const rows, sets = spec.MaxImportRows, 4
	p := newPanel(t, 1)
	away, most := true, 0
	p.storing = func(in spec.StoreJudgementsInput) error {
		most = max(most, len(in.Batch))
		if away {
			return failed(fault.Transient)
		}
		return nil
	}
	request := spec.ImportRequest{Reviewer: "ward 7"}
	for i := range sets {
		set := spec.ImportedSet{PairSet: pairSet(1+i*rows, 1+(i+1)*rows), Swapped: pairSet((9+i)*rows, (10+i)*rows).Digests, Outcomes: strings.Repeat("A", rows)}
		set.Ref = ref(spec.KindPairs, fmt.Sprint(i))
		p.imports[set.Ref.Digest] = set
		request.Sets = append(request.Sets, set.Ref)
	}
	p.judgeAt(time.Second, says("Person A", 0, spec.ChoiceA))
	p.RegisterDelayedCallback(func() { p.SignalWorkflow(ImportSignal, request) }, time.Minute)
	p.RegisterDelayedCallback(func() {
		status := ask[spec.PreferencesStatus](t, p, StatusQuery)
		require.Equal(t, rows+1, status.Waiting)
		require.Equal(t, sets-1, status.Importing, "the others wait")
		away = false
	}, 4*time.Minute)
	p.RegisterDelayedCallback(func() {
		require.Zero(t, ask[spec.PreferencesStatus](t, p, StatusQuery).Importing)
		p.CancelWorkflow()
	}, time.Hour)
	p.SetStartWorkflowOptions(startOptions())
	p.ExecuteWorkflow(CollectPreferences, plan(2))
	require.Len(t, p.stored, rows*sets+1)
	require.Equal(t, storeBatch, most, "a store that was away is not sent all at once")
}

func TestAnImportThatHasNoRoomIsRefusedWhole(t *testing.T) {
	p := newPanel(t, spec.MaxPairs-1)
	set := spec.ImportedSet{PairSet: pairSet(spec.MaxPairs, spec.MaxPairs+2), Swapped: pairSet(2*spec.MaxPairs, 2*spec.MaxPairs+2).Digests, Outcomes: "AB"}
	set.Ref = ref(spec.KindPairs, "a")
	p.imports[set.Ref.Digest] = set
	var status spec.PreferencesStatus
	p.RegisterDelayedCallback(func() {
		p.SignalWorkflow(ImportSignal, spec.ImportRequest{Reviewer: "x", Sets: []spec.ArtifactRef{set.Ref}})
	}, time.Minute)
	p.RegisterDelayedCallback(func() { status = ask[spec.PreferencesStatus](t, p, StatusQuery); p.CancelWorkflow() }, time.Hour)
	p.ExecuteWorkflow(CollectPreferences, plan(1))
	require.Equal(t, spec.MaxPairs-1, status.Pairs)
	require.Equal(t, 2, status.Imports[0].Refused)
	require.Contains(t, status.Imports[0].Reason, "the collection takes 10000 pairs at most")
}

// importOf makes an import that the store holds, of pairs that nothing else has.
func (p *panel) importOf(name string, from, to int) spec.ArtifactRef {
	set := spec.ImportedSet{PairSet: pairSet(from, to), Swapped: pairSet(100000+from, 100000+to).Digests, Outcomes: strings.Repeat("A", to-from)}
	set.Ref = ref(spec.KindPairs, name)
	p.imports[set.Ref.Digest] = set
	return set.Ref
}

func (p *panel) importAt(at time.Duration, reviewer string, sets ...spec.ArtifactRef) {
	p.RegisterDelayedCallback(func() { p.SignalWorkflow(ImportSignal, spec.ImportRequest{Reviewer: reviewer, Sets: sets}) }, at)
}

func TestAnImportThatTheStoreDoesNotGiveHoldsNothingUp(t *testing.T) {
	p := newPanel(t, 3)
	away, tries := true, 0
	p.importing = func() error {
		if tries++; away {
			return failed(fault.Transient)
		}
		return nil
	}
	state := plan(2)
	state.Plan.EscalateHours = 1
	state.Plan.Deadline = p.Now().Add(5 * time.Hour)
	p.importAt(time.Minute, "ward 7", p.importOf("a", 3, 5))
	p.judgeAt(2*time.Minute, says("Person A", 0, spec.ChoiceA))
	p.RegisterDelayedCallback(func() {
		status := ask[spec.PreferencesStatus](t, p, StatusQuery)
		require.Equal(t, int64(1), status.Stored.Count, "judgements are stored meanwhile")
		require.True(t, status.Overdue, "and silence escalates")
		require.Equal(t, 1, status.Importing)
		require.Empty(t, status.Imports)
		away = false
	}, 2*time.Hour)
	p.RegisterDelayedCallback(func() {
		require.Zero(t, ask[spec.PreferencesStatus](t, p, StatusQuery).Importing, "it is read when the store is back")
	}, 2*time.Hour+5*time.Minute)
	p.SetStartWorkflowOptions(startOptions())
	p.ExecuteWorkflow(CollectPreferences, state)
	result := p.outcome(t)
	require.Equal(t, spec.EndDeadline, result.Ended)
	require.Equal(t, int64(3), result.Judged)
	require.Less(t, tries, 1000, "it is asked again every few minutes")
}

func TestADeadlineComesWhileAnImportWaitsForTheStore(t *testing.T) {
	p := newPanel(t, 3)
	p.importing = func() error { return failed(fault.Transient) }
	state := plan(1)
	state.Plan.Deadline = p.Now().Add(time.Hour)
	p.importAt(time.Minute, "ward 7", p.importOf("a", 0, 3))
	p.SetStartWorkflowOptions(startOptions())
	p.ExecuteWorkflow(CollectPreferences, state)
	result := p.outcome(t)
	require.Equal(t, spec.EndDeadline, result.Ended)
	require.Equal(t, "the collection has ended: deadline", result.Imports[0].Reason)
}

func TestAnImportThatIsReadAfterTheDeadlineIsLate(t *testing.T) {
	p := newPanel(t, 3)
	state := plan(1)
	state.Plan.Deadline = p.Now().Add(time.Hour)
	p.importing = func() error {
		if p.Now().Before(state.Plan.Deadline) {
			return failed(fault.Transient)
		}
		return nil
	}
	p.importAt(time.Hour-20*time.Second, "ward 7", p.importOf("a", 0, 3), p.importOf("b", 3, 5))
	p.SetStartWorkflowOptions(startOptions())
	p.ExecuteWorkflow(CollectPreferences, state)
	result := p.outcome(t)
	require.Equal(t, spec.EndDeadline, result.Ended)
	require.Zero(t, result.Judged)
	for i, rows := range []int{3, 0} {
		require.Equal(t, "the collection has ended: deadline", result.Imports[i].Reason)
		require.Equal(t, []int{rows, rows}, []int{result.Imports[i].Rows, result.Imports[i].Refused})
	}
}

// Its first artifact completes all pairs that are there; the second brings more.
func TestARequestIsImportedWholeBeforeItEndsTheCollection(t *testing.T) {
	p := newPanel(t, 3)
	p.importAt(time.Minute, "ward 7", p.importOf("a", 0, 3), p.importOf("b", 3, 5))
	p.SetStartWorkflowOptions(startOptions())
	p.ExecuteWorkflow(CollectPreferences, plan(1))
	result := p.outcome(t)
	require.Equal(t, spec.EndComplete, result.Ended)
	require.Equal(t, int64(5), result.Judged)
	require.Equal(t, []int{3, 2}, []int{result.Imports[0].Kept, result.Imports[1].Kept})
}

func TestImportsAreBounded(t *testing.T) {
	p := newPanel(t, 1)
	p.importing = func() error { return failed(fault.Transient) }
	many := spec.ImportRequest{Reviewer: "ward 7"}
	for i := range maxImports + 1 {
		many.Sets = append(many.Sets, spec.ArtifactRef{Kind: spec.KindPairs, Digest: pairDigest(i)})
	}
	p.imports[pairDigest(0)] = spec.ImportedSet{} // it is there, and the store does not give it
	p.RegisterDelayedCallback(func() { p.SignalWorkflow(ImportSignal, many) }, time.Minute)
	long := strings.Repeat("x", 1000)
	p.importAt(2*time.Minute, long, p.importOf("a", 3, 5))
	p.importAt(2*time.Minute, "ward 7", spec.ArtifactRef{Kind: spec.ArtifactKind(long), Digest: spec.Digest(long)})
	var status spec.PreferencesStatus
	p.RegisterDelayedCallback(func() { status = ask[spec.PreferencesStatus](t, p, StatusQuery); p.CancelWorkflow() }, time.Hour)
	p.SetStartWorkflowOptions(startOptions())
	p.ExecuteWorkflow(CollectPreferences, plan(2))
	require.Equal(t, maxImports, status.Importing)
	require.Equal(t, []spec.ImportReport{
		{Set: pairDigest(maxImports), Reviewer: "ward 7", Reason: "200 artifacts wait to be imported already"},
		{Reason: "a reviewer's name of 1000 bytes: expected at most 100, on one line, without blanks around it"},
		{Reviewer: "ward 7", Reason: "it is no artifact of kind pairs"},
	}, status.Imports)
}

func TestACollectionTakesSoManyArtifactsOfPairs(t *testing.T) {
	p := newPanel(t, 1)
	state := plan(2)
	state.Sets = make([]spec.ArtifactRef, maxSets)
	state.Digests, state.Began = pairSet(0, 1).Digests, p.Now()
	p.importAt(time.Minute, "ward 7", p.importOf("a", 3, 5), p.importOf("b", 0, 1))
	var status spec.PreferencesStatus
	p.RegisterDelayedCallback(func() { status = ask[spec.PreferencesStatus](t, p, StatusQuery); p.CancelWorkflow() }, time.Hour)
	p.SetStartWorkflowOptions(startOptions())
	p.ExecuteWorkflow(CollectPreferences, state)
	require.Len(t, status.Sets, maxSets)
	require.Equal(t, "the collection takes 500 artifacts of pairs at most", status.Imports[0].Reason)
	require.Equal(t, 2, status.Imports[0].Refused)
	require.Equal(t, 1, status.Imports[1].Kept, "one that brings no pairs is taken")
}
