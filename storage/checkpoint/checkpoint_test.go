package checkpoint_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"elara/spec"
	"elara/spec/fault"
	"elara/storage"
	"elara/storage/checkpoint"
	"elara/storage/mem"
)

func TestATrainingBeginsWithNothing(t *testing.T) {
	overStores(t, func(t *testing.T, store storage.Store) {
		lease := acquire(t, store, "worker-a")
		require.Equal(t, int64(1), lease.Token())
		require.Empty(t, requireNewest(t, lease, 0))
		requireRead(t, store, 0)
	})
}

func TestWhatWasCommittedIsResumed(t *testing.T) {
	overStores(t, func(t *testing.T, store storage.Store) {
		first := acquire(t, store, "worker-a")
		commit(t, first, 10, 20)
		requireRead(t, store, 20)

		second := acquire(t, store, "worker-b")
		require.Equal(t, int64(2), second.Token())
		require.Empty(t, requireNewest(t, second, 20))
		commit(t, second, 30)
		requireRead(t, store, 30)
		again, found, _, err := second.Newest(t.Context())
		require.NoError(t, err)
		require.True(t, found)
		require.Equal(t, snapshot(30), again, "a later call sees what was committed since")
		require.Equal(t, "10.1 20.1 30.2", chain(t, store))

		history, err := checkpoint.History(t.Context(), store, run, adapter)
		require.NoError(t, err)
		require.Len(t, history, 2)
		require.Equal(t, []any{"worker-a", int64(0), int64(20)}, []any{history[0].Holder, history[0].From, history[0].To})
		require.Equal(t, []any{"worker-b", int64(20), int64(30)}, []any{history[1].Holder, history[1].From, history[1].To})
		require.Equal(t, int64(1), history[1].FromOf)
	})
}

func TestManifestTellsWhatAndHow(t *testing.T) {
	store := mem.New()
	m, err := acquire(t, store, "worker-a").Commit(t.Context(), snapshot(7), facts)
	require.NoError(t, err)
	content, _, err := storage.ReadAll(t.Context(), store, "runs/run-7/patient/checkpoints/00000007.000001.json")
	require.NoError(t, err)
	// Digests by sha256sum of the three files.
	require.JSONEq(t, `{
		"format": 1, "run": "run-7", "adapter": "patient", "step": 7, "token": 1,
		"job": "`+string(job)+`",
		"files": [
			{"name": "adapter_model.safetensors", "digest": "5c86e3420dda4235bca74b5ddb01334933ccf17a4e5e57e79b99d64bf083d27e", "size_bytes": 500},
			{"name": "optimizer.safetensors", "digest": "f76355d3173e47c49ab205e60f36fb524d71a936503b2cdf4287f15ed452ba85", "size_bytes": 1000},
			{"name": "tokenizer.json", "digest": "59dd8679680697b222fb2390d5b5755106de49901d6edd2b2f2234a8f808f027", "size_bytes": 22}
		],
		"facts": {
			"config": "`+string(job)+`",
			"engine": {"device": "cpu", "cpu": "avx2", "dtype": "float32", "threads": 2},
			"counters": {"epoch": 1, "row": 40}
		}
	}`, string(content))
	require.Equal(t, facts, m.Facts)
}

func TestOtherRunsAndAdaptersAreApart(t *testing.T) {
	store := mem.New()
	commit(t, acquire(t, store, "worker-a"), 10)
	for _, other := range []struct {
		run     spec.RunID
		adapter spec.AdapterName
	}{{run, "doctor"}, {"run-77", adapter}} {
		lease, err := checkpoint.Acquire(t.Context(), store, other.run, other.adapter, "worker-b", job)
		require.NoError(t, err)
		require.Equal(t, int64(1), lease.Token())
		requireNewest(t, lease, 0)
	}
	requireRead(t, store, 10)
}

func TestAnotherJobIsRefusedByName(t *testing.T) {
	store := mem.New()
	commit(t, acquire(t, store, "worker-a"), 10)
	changed := spec.Digest("00" + string(job[2:]))
	_, err := checkpoint.Acquire(t.Context(), store, run, adapter, "worker-b", changed)
	requireKind(t, fault.Invalid, err)
	require.ErrorContains(t, err, "training run-7/patient began as job "+job.Short()+" and cannot go on as job "+changed.Short())
	require.ErrorContains(t, err, "another run ID")
	requireNewest(t, acquire(t, store, "worker-b"), 10)
}

func TestCommittingTheSameStepAgainChangesNothing(t *testing.T) {
	overStores(t, func(t *testing.T, store storage.Store) {
		lease := acquire(t, store, "worker-a")
		first, err := lease.Commit(t.Context(), snapshot(10), facts)
		require.NoError(t, err)
		again, err := lease.Commit(t.Context(), snapshot(10), facts)
		require.NoError(t, err)
		require.Equal(t, first, again)

		resumed := acquire(t, store, "worker-b")
		held, err := resumed.Commit(t.Context(), snapshot(10), facts) // a segment that yields where it began
		require.NoError(t, err)
		require.Equal(t, first, held)
		require.Equal(t, "10.1", chain(t, store))
	})
}

func TestStepsOnlyGoForward(t *testing.T) {
	store := mem.New()
	lease := acquire(t, store, "worker-a")
	commit(t, lease, 10, 20)
	_, err := lease.Commit(t.Context(), snapshot(15), facts)
	requireKind(t, fault.Invalid, err)
	require.ErrorContains(t, err, "commit step 15 after step 20")
	other := snapshot(20)
	other.Files["adapter_model.safetensors"] = []byte("other weights")
	_, err = lease.Commit(t.Context(), other, facts)
	requireKind(t, fault.Invalid, err)
	require.ErrorContains(t, err, "other files")
	for _, empty := range []spec.Snapshot{{Step: 0, Files: other.Files}, {Step: -1, Files: other.Files}, {Step: 30}} {
		_, err = lease.Commit(t.Context(), empty, facts)
		requireKind(t, fault.Invalid, err)
	}
	commit(t, lease, 30)
	require.Equal(t, "10.1 20.1 30.1", chain(t, store))
}

func TestBadNamesAreRefused(t *testing.T) {
	store := mem.New()
	for _, bad := range []struct {
		run     spec.RunID
		adapter spec.AdapterName
		job     spec.Digest
	}{{"../up", adapter, job}, {run, "a/b", job}, {run, adapter, "short"}, {"", adapter, job}} {
		_, err := checkpoint.Acquire(t.Context(), store, bad.run, bad.adapter, "worker", bad.job)
		requireKind(t, fault.Invalid, err)
	}
}
