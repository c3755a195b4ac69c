package checkpoint_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"elara/spec/fault"
	"elara/storage"
	"elara/storage/cas"
	"elara/storage/checkpoint"
	"elara/storage/mem"
)

// aged gives a store whose objects were written so long ago.
func aged(age time.Duration) *mem.Store {
	return mem.NewAt(func() time.Time { return time.Now().Add(-age) })
}

func TestSweepKeepsTheNewestAndThePinned(t *testing.T) {
	store := aged(2 * time.Hour)
	commit(t, acquire(t, store, "worker-a"), 10, 20, 30, 40)
	removed, err := checkpoint.Sweep(t.Context(), store, run, adapter, 2, time.Hour, 10)
	require.NoError(t, err)
	require.Equal(t, []string{checkpoint.ManifestKey(run, adapter, 20, 1)}, removed)
	require.Equal(t, "10.1 30.1 40.1", chain(t, store))
	requireNewest(t, acquire(t, store, "worker-b"), 40)
}

func TestSweepCountsOnlyWhatCouldBeResumed(t *testing.T) {
	store := aged(2 * time.Hour)
	commit(t, acquire(t, store, "worker-a"), 10, 20, 30)
	require.NoError(t, store.Delete(t.Context(), blobKey(30, "optimizer.safetensors")))
	removed, err := checkpoint.Sweep(t.Context(), store, run, adapter, 1, time.Hour)
	require.NoError(t, err)
	require.Equal(t, []string{checkpoint.ManifestKey(run, adapter, 10, 1)}, removed)
	requireNewest(t, acquire(t, store, "worker-b"), 20)
}

func TestSweepRemovesWhatIsOutsideTheChain(t *testing.T) {
	store := aged(2 * time.Hour)
	commit(t, acquire(t, store, "worker-a"), 10, 20)
	flip(t, store, blobKey(20, "optimizer.safetensors"))
	commit(t, acquire(t, store, "worker-b"), 15)
	removed, err := checkpoint.Sweep(t.Context(), store, run, adapter, 5, time.Hour)
	require.NoError(t, err)
	require.Equal(t, []string{checkpoint.ManifestKey(run, adapter, 20, 1)}, removed)
}

func TestSweepLeavesWhatIsYoung(t *testing.T) {
	store := aged(time.Minute)
	commit(t, acquire(t, store, "worker-a"), 10, 20, 30)
	removed, err := checkpoint.Sweep(t.Context(), store, run, adapter, 1, time.Hour)
	require.NoError(t, err)
	require.Empty(t, removed)
	for _, bad := range []struct {
		keep  int
		grace time.Duration
	}{{0, time.Hour}, {1, 0}} {
		_, err = checkpoint.Sweep(t.Context(), store, run, adapter, bad.keep, bad.grace)
		requireKind(t, fault.Invalid, err)
	}
}

func TestBlobsOfKeptCheckpointsSurviveTheSweep(t *testing.T) {
	store := aged(100 * time.Hour)
	commit(t, acquire(t, store, "worker-a"), 10, 20)
	_, err := checkpoint.Sweep(t.Context(), store, run, adapter, 1, time.Hour)
	require.NoError(t, err)
	marks := make(cas.Marks)
	require.NoError(t, checkpoint.Mark(t.Context(), store, marks))
	removed, err := cas.Sweep(t.Context(), store, marks, 48*time.Hour, time.Now())
	require.NoError(t, err)
	require.Len(t, removed, 2, "weights and moments of step 10; the tokenizer is shared")
	requireRead(t, store, 20)
	whole, damaged, err := checkpoint.Verify(t.Context(), store, run, adapter)
	require.NoError(t, err)
	require.Len(t, whole, 1)
	require.Empty(t, damaged)
}

func TestMarkStopsAtAManifestItCannotRead(t *testing.T) {
	store := mem.New()
	commit(t, acquire(t, store, "worker-a"), 10)
	_, err := storage.PutBytes(t.Context(), store, checkpoint.ManifestKey(run, adapter, 10, 1), []byte(`{"format":2}`), storage.Always())
	require.NoError(t, err)
	err = checkpoint.Mark(t.Context(), store, make(cas.Marks))
	requireKind(t, fault.Corrupt, err)
	require.ErrorContains(t, err, "00000010.000001.json")
}
