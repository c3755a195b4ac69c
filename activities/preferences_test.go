package activities

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"

	"elara/data/preference"
	"elara/spec"
	"elara/spec/fault"
	"elara/storage"
	"elara/storage/artifact"
	"elara/storage/cas"
	"elara/storage/faulty"
	"elara/storage/mem"
	"elara/tests/toy"
)

// threePairs are the pairs of these tests.
func threePairs() []preference.Pair {
	var pairs []preference.Pair
	for _, name := range []string{"one", "two", "three"} {
		pairs = append(pairs, preference.Pair{ID: name, Prompt: preference.Prompt{Text: "Is " + name + " urgent?"}, ResponseA: "Yes.", ResponseB: "No."})
	}
	return pairs
}

func publishPairs(t *testing.T, r *room, pairs []preference.Pair, judged ...preference.Judged) spec.ArtifactRef {
	t.Helper()
	var lines, judgements bytes.Buffer
	require.NoError(t, preference.WritePairs(&lines, pairs))
	files := map[string][]byte{preference.PairsFile: lines.Bytes()}
	if judged != nil {
		require.NoError(t, preference.WriteJudgements(&judgements, judged))
		files[preference.JudgementsFile] = judgements.Bytes()
	}
	ref, err := artifact.PublishBytes(t.Context(), r.store, spec.KindPairs, files, nil, nil)
	require.NoError(t, err)
	return ref
}

func collection(pairs spec.ArtifactRef) spec.PreferencesInput {
	return spec.PreferencesInput{Run: "cough", Name: "cough", Pairs: pairs, Plan: spec.PreferencesPlan{PerPair: 2}}
}

func TestPairsOfACollectionAreTheirDigests(t *testing.T) {
	r := newRoom(t)
	in := collection(publishPairs(t, r, threePairs()))
	set := do(t, r, r.control.OpenPreferences, in)
	require.Equal(t, set, do(t, r, r.control.OpenPreferences, in), "a second attempt")
	require.Equal(t, 3, set.Digests.Len())
	for i, pair := range threePairs() {
		require.Equal(t, pair.Digest(), set.Digests.At(i))
	}
	pointer, err := artifact.FindCollection(t.Context(), r.store, "cough")
	require.NoError(t, err)
	require.Equal(t, []spec.ArtifactRef{in.Pairs}, pointer.Pairs)

	bad, err := artifact.PublishBytes(t.Context(), r.store, spec.KindPairs, map[string][]byte{preference.PairsFile: []byte(`{"prompt":"secret","response_a":"a","response_b":"a"}`)}, nil, nil)
	require.NoError(t, err)
	_, err = try(t, r, r.control.OpenPreferences, collection(bad))
	kind, final := kindOf(t, err)
	require.Equal(t, fault.Invalid, kind)
	require.True(t, final)
	require.ErrorContains(t, err, "pairs.jsonl:1: response_a and response_b are the same text")
	require.NotContains(t, err.Error(), "secret")
}

func TestTooManyPairsAreRefusedBeforeAnybodyJudges(t *testing.T) {
	r := newRoom(t)
	many := make([]preference.Pair, spec.MaxPairs+1)
	for i := range many {
		many[i] = preference.Pair{Prompt: preference.Prompt{Text: strings.Repeat("?", i%150+1)}, ResponseA: strings.Repeat("a", i/150+1), ResponseB: "b"}
	}
	_, err := try(t, r, r.control.OpenPreferences, collection(publishPairs(t, r, many)))
	kind, _ := kindOf(t, err)
	require.Equal(t, fault.Invalid, kind)
	require.ErrorContains(t, err, "10001 pairs, expected at most 10000 in one collection")
}

func recorded(pair preference.Pair, reviewer string, outcome, first spec.Outcome) spec.RecordedJudgement {
	return spec.RecordedJudgement{
		Pair: pair.Digest(), Number: 1, Outcome: outcome, First: first, Reviewer: reviewer, JudgedAt: time.Date(2026, 11, 28, 9, 0, 0, 0, time.UTC),
	}
}

func TestJudgementsAreStoredWithTheirWordsAndCompiled(t *testing.T) {
	r := newRoom(t)
	pairs := threePairs()
	in := collection(publishPairs(t, r, pairs))
	do(t, r, r.control.OpenPreferences, in)
	reason, err := cas.PutBytes(t.Context(), r.store, []byte("misses the red flags"))
	require.NoError(t, err)

	first := []spec.RecordedJudgement{
		recorded(pairs[0], "Person A", spec.PrefersA, spec.PrefersA), recorded(pairs[0], "Person B", spec.PrefersA, spec.PrefersB),
		recorded(pairs[1], "Person A", spec.PrefersB, spec.PrefersB),
	}
	first[0].Reason = reason.Digest
	first[1].Reason = spec.Digest(strings.Repeat("e", 64)) // nobody has put these words
	store := spec.StoreJudgementsInput{Run: "cough", Pairs: []spec.ArtifactRef{in.Pairs}, Batch: first}
	one := do(t, r, r.control.StoreJudgements, store)
	require.Equal(t, one, do(t, r, r.control.StoreJudgements, store), "a second attempt")
	require.Equal(t, int64(3), one.Count)
	second := store
	second.Before, second.Batch = one, []spec.RecordedJudgement{recorded(pairs[1], "Person B", spec.Tie, spec.PrefersA), recorded(pairs[2], "Person A", spec.BothBad, spec.PrefersA)}
	two := do(t, r, r.control.StoreJudgements, second)
	require.Equal(t, int64(5), two.Count)
	require.Equal(t, one, do(t, r, r.control.StoreJudgements, store), "an attempt that was given up wakes up")
	pointer, err := artifact.FindCollection(t.Context(), r.store, "cough")
	require.NoError(t, err)
	require.Equal(t, two, pointer.Stored)
	nothing := second
	nothing.Before, nothing.Batch = two, nil
	require.Equal(t, two, do(t, r, r.control.StoreJudgements, nothing), "no empty batch is stored")

	result := do(t, r, r.control.CompilePreferences, spec.CompileInput{Run: "cough", Name: "Cough", Pairs: store.Pairs, Stored: two, Judged: 5})
	require.Equal(t, spec.OutcomeCounts{Pairs: 3, PrefersA: 1, BothBad: 1, Undecided: 1, Judgements: 5}, result.Counts)
	require.Equal(t, int64(2), result.Agreement.Reviewers[1].Judged)
	require.InDelta(t, 2.0/3, *result.Agreement.FirstWins, 1e-12) // of three judgements for one answer, two are for the first one shown
	require.Equal(t, []string{"judgements.jsonl", "pairs.jsonl", "preferences.jsonl", "summary.json"}, r.names(t, result.Ref))
	require.Equal(t, `{"prompt":"Is one urgent?","chosen":"Yes.","rejected":"No.","pair":"`+string(pairs[0].Digest())+`","votes":2,"judgements":2}`+"\n",
		r.read(t, result.Ref, "preferences.jsonl"))
	judged, err := preference.ReadJudgements("judgements.jsonl", strings.NewReader(r.read(t, result.Ref, "judgements.jsonl")))
	require.NoError(t, err)
	require.Len(t, judged, 5)
	require.Equal(t, preference.Judged{RecordedJudgement: first[0], Words: "misses the red flags"}, judged[0])
	require.Equal(t, preference.Judged{RecordedJudgement: first[1]}, judged[1], "it counts without its words")
	var summary preference.Summary
	require.NoError(t, json.Unmarshal([]byte(r.read(t, result.Ref, "summary.json")), &summary))
	require.Equal(t, []preference.Undecided{{Pair: pairs[1].Digest(), Number: 2, ID: "two", B: 1, Tie: 1}}, summary.Undecided)
	pointer, err = artifact.FindCollection(t.Context(), r.store, "cough")
	require.NoError(t, err)
	require.Equal(t, result.Ref, pointer.Result)

	t.Run("and a chain that lacks some is refused", func(t *testing.T) {
		short := two
		short.Count = 6
		_, err := try(t, r, r.control.CompilePreferences, spec.CompileInput{Run: "cough", Pairs: store.Pairs, Stored: short})
		kind, _ := kindOf(t, err)
		require.Equal(t, fault.Corrupt, kind)
		require.ErrorContains(t, err, "the store holds 5 judgements, 6 were recorded")
	})
	t.Run("and so is one that was never told of all", func(t *testing.T) {
		_, err := try(t, r, r.control.CompilePreferences, spec.CompileInput{Run: "cough", Pairs: store.Pairs, Stored: two, Judged: 6})
		require.ErrorContains(t, err, "6 judgements were recorded, 5 were stored")
	})
	t.Run("and so is one in which a reviewer judged twice", func(t *testing.T) {
		again := store
		again.Before = two
		thrice := do(t, r, r.control.StoreJudgements, again)
		_, err := try(t, r, r.control.CompilePreferences, spec.CompileInput{Run: "cough", Pairs: store.Pairs, Stored: thrice, Judged: 8})
		kind, _ := kindOf(t, err)
		require.Equal(t, fault.Corrupt, kind)
		require.ErrorContains(t, err, "is judged twice by one reviewer")
	})
}

func TestWordsThatAreABookAreLeftOut(t *testing.T) {
	r := newRoom(t)
	pairs := threePairs()
	in := collection(publishPairs(t, r, pairs))
	do(t, r, r.control.OpenPreferences, in)
	book, err := cas.PutBytes(t.Context(), r.store, bytes.Repeat([]byte("a"), spec.MaxReason+1))
	require.NoError(t, err)
	j := recorded(pairs[0], "Person A", spec.PrefersA, spec.PrefersA)
	j.Reason = book.Digest
	stored := do(t, r, r.control.StoreJudgements, spec.StoreJudgementsInput{Run: "cough", Pairs: []spec.ArtifactRef{in.Pairs}, Batch: []spec.RecordedJudgement{j}})
	require.NotContains(t, r.read(t, stored.Head, preference.JudgementsFile), "words")
}

func TestWordsThatAreDamagedAreLeftOut(t *testing.T) {
	r := newRoom(t)
	pairs := threePairs()
	in := collection(publishPairs(t, r, pairs))
	do(t, r, r.control.OpenPreferences, in)
	reason, err := cas.PutBytes(t.Context(), r.store, []byte("misses the red flags"))
	require.NoError(t, err)
	_, err = storage.PutBytes(t.Context(), r.store, cas.Key(reason.Digest), []byte("misses the red frogs"), storage.Always())
	require.NoError(t, err)
	j := recorded(pairs[0], "Person A", spec.PrefersA, spec.PrefersA)
	j.Reason = reason.Digest
	stored := do(t, r, r.control.StoreJudgements, spec.StoreJudgementsInput{Run: "cough", Pairs: []spec.ArtifactRef{in.Pairs}, Batch: []spec.RecordedJudgement{j}})
	require.Equal(t, int64(1), stored.Count)
	require.NotContains(t, r.read(t, stored.Head, preference.JudgementsFile), "words")
}

// A hundred reasons are read side by side, and a store that is slow with them is no dead worker.
func TestManyReasonsOfASlowStoreAreStored(t *testing.T) {
	const many = 100
	var reading atomic.Int64
	together, beaten := make(chan struct{}), make(chan struct{})
	reasons := map[string]bool{}
	store := faulty.New(mem.New(), func(op faulty.Op) faulty.Fault {
		switch {
		case op.Kind != faulty.Get || !reasons[op.Key]:
			return faulty.Fault{}
		case reading.Add(1) == wordsAtOnce:
			close(together)
		}
		return faulty.Fault{Wait: beaten}
	})
	r := newRoomWith(t, store, toy.Trainer{})
	beat := sync.OnceFunc(func() { <-together; close(beaten) })
	r.SetOnActivityHeartbeatListener(func(*activity.Info, converter.EncodedValues) { beat() })
	pairs := threePairs()
	in := collection(publishPairs(t, r, pairs))
	do(t, r, r.control.OpenPreferences, in)
	batch := make([]spec.RecordedJudgement, many)
	for i := range batch {
		reason, err := cas.PutBytes(t.Context(), r.store, fmt.Appendf(nil, "reason %d", i))
		require.NoError(t, err)
		reasons[cas.Key(reason.Digest)] = true
		batch[i] = recorded(pairs[0], fmt.Sprintf("Person %d", i), spec.PrefersA, spec.PrefersA)
		batch[i].Reason = reason.Digest
	}
	stored := do(t, r, r.control.StoreJudgements, spec.StoreJudgementsInput{Run: "cough", Pairs: []spec.ArtifactRef{in.Pairs}, Batch: batch})
	judged, err := preference.ReadJudgements("judgements.jsonl", strings.NewReader(r.read(t, stored.Head, preference.JudgementsFile)))
	require.NoError(t, err)
	require.Len(t, judged, many)
	for i, j := range judged {
		require.Equal(t, preference.Judged{RecordedJudgement: batch[i], Words: fmt.Sprintf("reason %d", i)}, j)
	}
}

func TestOpeningACollectionOnASlowStoreIsAlive(t *testing.T) {
	beaten := make(chan struct{})
	pointer := artifact.CollectionKey("cough")
	store := faulty.New(mem.New(), func(op faulty.Op) faulty.Fault {
		if op.Kind == faulty.Put && op.Key == pointer {
			return faulty.Fault{Wait: beaten}
		}
		return faulty.Fault{}
	})
	r := newRoomWith(t, store, toy.Trainer{})
	beat := sync.OnceFunc(func() { close(beaten) })
	r.SetOnActivityHeartbeatListener(func(*activity.Info, converter.EncodedValues) { beat() })
	require.Equal(t, 3, do(t, r, r.control.OpenPreferences, collection(publishPairs(t, r, threePairs()))).Digests.Len())
}

func TestImportsAreReadAndChecked(t *testing.T) {
	r := newRoom(t)
	pairs := threePairs()
	judged := func(outcomes ...spec.Outcome) (all []preference.Judged) {
		for i, outcome := range outcomes {
			all = append(all, preference.Judged{RecordedJudgement: spec.RecordedJudgement{Pair: pairs[i].Digest(), Outcome: outcome}})
		}
		return all
	}
	ref := publishPairs(t, r, pairs, judged(spec.PrefersA, spec.PrefersB, spec.PrefersA)...)
	set := do(t, r, r.control.ReadImport, ref)
	require.Equal(t, "ABA", set.Outcomes)
	require.Equal(t, pairs[2].Digest(), set.Digests.At(2))
	require.Equal(t, pairs[2].Swapped().Digest(), set.Swapped.At(2))

	mixed := judged(spec.PrefersA, spec.PrefersB, spec.PrefersA)
	mixed[0], mixed[1] = mixed[1], mixed[0]
	for name, c := range map[string]struct {
		ref  spec.ArtifactRef
		want string
	}{
		"fewer judgements than pairs": {publishPairs(t, r, pairs, judged(spec.PrefersA)...), "1 judgements of 3 pairs, expected one each"},
		"judgements of other pairs":   {publishPairs(t, r, pairs, mixed...), "judgement 1 is not about pair 1"},
		"pairs without judgements":    {publishPairs(t, r, pairs), `has no file "judgements.jsonl"`},
		"another kind":                {spec.ArtifactRef{Kind: spec.KindAdapter, Digest: ref.Digest}, `expected an artifact of kind pairs, found "adapter"`},
	} {
		_, err := try(t, r, r.control.ReadImport, c.ref)
		require.ErrorContains(t, err, c.want, name)
		_, final := kindOf(t, err)
		require.True(t, final, name)
	}
}
