package retention_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"elara/spec"
	"elara/spec/fault"
	"elara/storage"
	"elara/storage/artifact"
	"elara/storage/cas"
	"elara/storage/checkpoint"
	"elara/storage/mem"
	"elara/storage/retention"
)

const (
	month = 30 * 24 * time.Hour
	job   = spec.Digest("5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03")
)

// attic is a store whose objects are as old as age says when they are written.
type attic struct {
	*mem.Store
	age time.Duration
}

func newAttic() *attic {
	a := &attic{age: 100 * 24 * time.Hour}
	a.Store = mem.NewAt(func() time.Time { return time.Now().Add(-a.age) })
	return a
}

func (a *attic) publish(t *testing.T, kind spec.ArtifactKind, content string, inputs ...spec.ArtifactRef) spec.ArtifactRef {
	t.Helper()
	var digests []spec.Digest
	for _, input := range inputs {
		digests = append(digests, input.Digest)
	}
	ref, err := artifact.PublishBytes(t.Context(), a, kind, map[string][]byte{"file": []byte(content)}, digests, nil)
	require.NoError(t, err)
	return ref
}

func (a *attic) release(t *testing.T, to spec.ArtifactRef) {
	t.Helper()
	serves, err := artifact.Current(t.Context(), a, "stable")
	if !fault.Is(err, fault.NotFound) {
		require.NoError(t, err)
	}
	_, err = artifact.Flip(t.Context(), a, "stable", serves.Current().Digest, artifact.Change{To: to, Decision: spec.Decision{
		Verdict: spec.Approved, Candidate: to.Digest, Reviewer: "the reviewer", DecidedAt: time.Unix(1, 0),
	}})
	require.NoError(t, err)
}

// record notes the result of a stage under a key of its own.
func (a *attic) record(t *testing.T, digit string, ref spec.ArtifactRef) spec.Digest {
	t.Helper()
	key := spec.Digest(strings.Repeat(digit, 64))
	require.NoError(t, artifact.RecordStage(t.Context(), a, "train", key, spec.AdapterResult{Adapter: "patient", Ref: ref}))
	return key
}

func (a *attic) recorded(t *testing.T, key spec.Digest) bool {
	t.Helper()
	var result spec.AdapterResult
	found, err := artifact.LookupStage(t.Context(), a, "train", key, &result)
	require.NoError(t, err)
	return found
}

func (a *attic) train(t *testing.T, run spec.RunID, steps ...int64) {
	t.Helper()
	lease, err := checkpoint.Acquire(t.Context(), a, run, "patient", "worker", job)
	require.NoError(t, err)
	for _, step := range steps {
		_, err := lease.Commit(t.Context(), spec.Snapshot{Step: step, Files: map[string][]byte{"state": []byte(string(run) + time.Duration(step).String())}}, checkpoint.Facts{})
		require.NoError(t, err)
	}
}

func (a *attic) steps(t *testing.T, run spec.RunID) []int64 {
	t.Helper()
	entries, err := checkpoint.List(t.Context(), a, run, "patient")
	require.NoError(t, err)
	var steps []int64
	for _, entry := range entries {
		steps = append(steps, entry.Step)
	}
	return steps
}

func (a *attic) keys(t *testing.T) []string {
	t.Helper()
	var keys []string
	for info, err := range a.List(t.Context(), "") {
		require.NoError(t, err)
		keys = append(keys, info.Key)
	}
	return keys
}

func (a *attic) whole(t *testing.T, ref spec.ArtifactRef) bool {
	t.Helper()
	there, err := artifact.Exists(t.Context(), a, ref)
	require.NoError(t, err)
	return there
}

func options() retention.Options {
	return retention.Options{Grace: month, Now: time.Now(), Live: []spec.RunID{"live"}}
}

func TestWhatNothingNeedsGoesAndTheRestStays(t *testing.T) {
	a := newAttic()
	data := a.publish(t, spec.KindDataset, "rows")
	served := a.publish(t, spec.KindAdapter, "served", data)
	former := a.publish(t, spec.KindCandidate, "former", served)
	a.release(t, former)
	a.release(t, a.publish(t, spec.KindCandidate, "current"))
	ofRelease := a.record(t, "1", served)
	wanted := a.publish(t, spec.KindAdapter, "of a run that goes on")
	lost := a.publish(t, spec.KindAdapter, "lost")
	ofLost := a.record(t, "2", lost)
	a.train(t, "over", 10, 20, 30)
	a.train(t, "live", 10, 20)
	a.age = 24 * time.Hour
	young := a.publish(t, spec.KindAdapter, "young and unknown")
	lately := a.publish(t, spec.KindAdapter, "made lately")
	a.age = 100 * 24 * time.Hour
	early := a.publish(t, spec.KindAdapter, "made long ago, found again lately")
	a.age = 24 * time.Hour
	ofLately := a.record(t, "3", early)

	o := options()
	o.Keep = []spec.ArtifactRef{wanted}
	before := a.keys(t)
	o.Rehearse = true
	rehearsed, err := retention.Prune(t.Context(), a, o)
	require.NoError(t, err)
	require.Equal(t, before, a.keys(t), "a rehearsal changes nothing")

	o.Rehearse = false
	pruned, err := retention.Prune(t.Context(), a, o)
	require.NoError(t, err)
	require.Equal(t, rehearsed, pruned, "and names exactly what goes")

	for _, ref := range []spec.ArtifactRef{data, served, former, wanted, young, lately, early} {
		require.True(t, a.whole(t, ref))
	}
	require.False(t, a.whole(t, lost))
	require.True(t, a.recorded(t, ofRelease))
	require.True(t, a.recorded(t, ofLately))
	require.False(t, a.recorded(t, ofLost))
	require.Equal(t, []int64{30}, a.steps(t, "over"))
	require.Equal(t, []int64{10, 20}, a.steps(t, "live"))

	require.Equal(t, []string{"runs/over/patient/checkpoints/00000020.000001.json", "runs/over/patient/checkpoints/00000010.000001.json"}, pruned.Checkpoints)
	require.Equal(t, []string{"stages/train/" + string(ofLost) + ".json"}, pruned.Records)
	require.Len(t, pruned.Blobs, 4, "manifest and file of the lost adapter, the states of steps 10 and 20")
	after := a.keys(t)
	require.Len(t, after, len(before)-len(pruned.Checkpoints)-len(pruned.Records)-len(pruned.Blobs))
	kept := 0
	for _, key := range after {
		if strings.HasPrefix(key, cas.Prefix) {
			kept++
		}
	}
	require.Equal(t, kept, pruned.KeptBlobs)
	gone := slices.DeleteFunc(slices.Clone(before), func(key string) bool { return slices.Contains(after, key) })
	named := strings.Fields(pruned.Lines())
	slices.Sort(named)
	require.Equal(t, gone, named)

	again, err := retention.Prune(t.Context(), a, o)
	require.NoError(t, err)
	require.Empty(t, again.Lines())
}

// A run that goes on may find any result that is recorded, however old, and counts on it from then on.
func TestWhileARunGoesOnEveryRecordedResultStays(t *testing.T) {
	a := newAttic()
	old := a.publish(t, spec.KindAdapter, "old")
	key := a.record(t, "1", old)
	o := options()
	o.Busy = true
	result, err := retention.Prune(t.Context(), a, o)
	require.NoError(t, err)
	require.Empty(t, result.Lines())
	require.True(t, a.recorded(t, key))
	require.True(t, a.whole(t, old))
}

func TestPruningStopsWhereItCannotKnowWhatIsNeeded(t *testing.T) {
	damage := func(t *testing.T, a *attic, key string) {
		t.Helper()
		_, err := storage.PutBytes(t.Context(), a, key, []byte("damaged"), storage.Always())
		require.NoError(t, err)
	}
	for name, spoil := range map[string]func(*testing.T, *attic, *retention.Options){
		"a released candidate": func(t *testing.T, a *attic, _ *retention.Options) {
			to := a.publish(t, spec.KindCandidate, "c")
			a.release(t, to)
			damage(t, a, cas.Key(to.Digest))
		},
		"what a released candidate was made from": func(t *testing.T, a *attic, _ *retention.Options) {
			adapter := a.publish(t, spec.KindAdapter, "a")
			a.release(t, a.publish(t, spec.KindCandidate, "c", adapter))
			damage(t, a, cas.Key(adapter.Digest))
		},
		"a release pointer": func(t *testing.T, a *attic, _ *retention.Options) {
			a.release(t, a.publish(t, spec.KindCandidate, "c"))
			damage(t, a, artifact.ReleaseKey("stable"))
		},
		"a checkpoint": func(t *testing.T, a *attic, _ *retention.Options) {
			a.train(t, "live", 10)
			damage(t, a, checkpoint.ManifestKey("live", "patient", 10, 1))
		},
		"a stage record": func(t *testing.T, a *attic, _ *retention.Options) {
			damage(t, a, "stages/train/"+strings.Repeat("1", 64)+".json")
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAttic()
			lost := a.publish(t, spec.KindAdapter, "lost")
			o := options()
			spoil(t, a, &o)
			result, err := retention.Prune(t.Context(), a, o)
			require.Equal(t, fault.Corrupt, fault.KindOf(err), "%v", err)
			require.Empty(t, result.Blobs)
			require.True(t, a.whole(t, lost), "nothing was swept")
		})
	}
}

func TestAGracePeriodThatIsTooShortIsRefusedBeforeAnythingGoes(t *testing.T) {
	a := newAttic()
	a.train(t, "over", 10, 20)
	o := options()
	o.Grace = 47 * time.Hour
	_, err := retention.Prune(t.Context(), a, o)
	require.Equal(t, fault.Invalid, fault.KindOf(err))
	require.Equal(t, []int64{10, 20}, a.steps(t, "over"))
}

func TestWhatPeopleHaveSaidStays(t *testing.T) {
	a := newAttic()
	pairs := a.publish(t, spec.KindPairs, "pairs")
	first := a.publish(t, spec.KindJudgements, "first batch", pairs)
	second := a.publish(t, spec.KindJudgements, "second batch", first, pairs)
	require.NoError(t, artifact.OpenCollection(t.Context(), a, artifact.Collection{Run: "cough", Origin: "o", Pairs: []spec.ArtifactRef{pairs}}))
	require.NoError(t, artifact.AdvanceCollection(t.Context(), a, "cough", []spec.ArtifactRef{pairs},
		spec.StoredJudgements{Head: second, Count: 2}, spec.ArtifactRef{}))
	lost := a.publish(t, spec.KindJudgements, "of an attempt that was given up")

	_, err := retention.Prune(t.Context(), a, options())
	require.NoError(t, err)
	for _, ref := range []spec.ArtifactRef{pairs, first, second} {
		require.True(t, a.whole(t, ref))
	}
	require.False(t, a.whole(t, lost))
}
