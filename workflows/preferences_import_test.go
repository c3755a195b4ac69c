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
	require.Equal(t, "it could not be read: it did not work", reports[3].Reason)
	require.Contains(t, reports[5].Reason, "a judgement needs the reviewer's name")
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
	require.Equal(t, storeMost, most, "a batch fits a payload")
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
