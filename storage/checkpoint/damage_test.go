package checkpoint_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"elara/spec/fault"
	"elara/storage"
	"elara/storage/checkpoint"
	"elara/storage/faulty"
	"elara/storage/mem"
)

func TestDamagedCheckpointsAreSkippedAndTold(t *testing.T) {
	for _, test := range []struct {
		name   string
		damage func(t *testing.T, store storage.Store)
		says   string
	}{
		{"a bit flipped in a file", func(t *testing.T, store storage.Store) {
			flip(t, store, blobKey(20, "optimizer.safetensors"))
		}, "file optimizer.safetensors: blob"},
		{"a file is missing", func(t *testing.T, store storage.Store) {
			require.NoError(t, store.Delete(t.Context(), blobKey(20, "adapter_model.safetensors")))
		}, "file adapter_model.safetensors: "},
		{"a file was cut", func(t *testing.T, store storage.Store) {
			_, err := storage.PutBytes(t.Context(), store, blobKey(20, "optimizer.safetensors"), []byte("moments"), storage.Always())
			require.NoError(t, err)
		}, "file optimizer.safetensors: blob"},
		{"the manifest is damaged", func(t *testing.T, store storage.Store) {
			_, err := storage.PutBytes(t.Context(), store, checkpoint.ManifestKey(run, adapter, 20, 1), []byte(`{"format":1,`), storage.Always())
			require.NoError(t, err)
		}, "not a manifest"},
		{"the manifest is that of another step", func(t *testing.T, store storage.Store) {
			content, _, err := storage.ReadAll(t.Context(), store, checkpoint.ManifestKey(run, adapter, 10, 1))
			require.NoError(t, err)
			_, err = storage.PutBytes(t.Context(), store, checkpoint.ManifestKey(run, adapter, 20, 1), content, storage.Always())
			require.NoError(t, err)
		}, "under another key"},
		{"the manifest is missing", func(t *testing.T, store storage.Store) {
			require.NoError(t, store.Delete(t.Context(), checkpoint.ManifestKey(run, adapter, 20, 1)))
		}, "its manifest is missing"},
	} {
		t.Run(test.name, func(t *testing.T) {
			overStores(t, func(t *testing.T, store storage.Store) {
				commit(t, acquire(t, store, "worker-a"), 10, 20)
				test.damage(t, store)
				requireRead(t, store, 10)
				whole, damaged, err := checkpoint.Verify(t.Context(), store, run, adapter)
				require.NoError(t, err)
				require.Len(t, whole, 1)
				require.Len(t, damaged, 1)
				require.Contains(t, damaged[0].String(), test.says)

				lease := acquire(t, store, "worker-b")
				skipped := requireNewest(t, lease, 10)
				require.Len(t, skipped, 1)
				require.Contains(t, skipped[0].String(), "step 20 (token 1): ")
				require.Contains(t, skipped[0].String(), test.says)

				// Trained anew, the step has the same bytes: what is damaged must not be taken as found.
				commit(t, lease, 20)
				requireRead(t, store, 20)
				require.Equal(t, "10.1 20.2", chain(t, store))
			})
		})
	}
}

func TestASkippedCheckpointNeverComesBack(t *testing.T) {
	store := mem.New()
	commit(t, acquire(t, store, "worker-a"), 10, 20, 30)
	flip(t, store, blobKey(30, "optimizer.safetensors"))
	second := acquire(t, store, "worker-b")
	requireNewest(t, second, 20)
	commit(t, second, 25)
	flip(t, store, blobKey(30, "optimizer.safetensors")) // the damage was in a cache on the way, say
	require.Equal(t, "10.1 20.1 25.2", chain(t, store))
	requireRead(t, store, 25)
}

func TestNothingUsableMeansTheBeginning(t *testing.T) {
	store := mem.New()
	commit(t, acquire(t, store, "worker-a"), 10, 20)
	flip(t, store, blobKey(10, "tokenizer.json")) // shared by both
	lease := acquire(t, store, "worker-b")
	require.Len(t, requireNewest(t, lease, 0), 2)
	commit(t, lease, 10)
	require.Equal(t, "10.2", chain(t, store))
	requireRead(t, store, 10)
}

func TestAnOutageNeverSendsATrainingBack(t *testing.T) {
	inner := mem.New()
	commit(t, acquire(t, inner, "worker-a"), 10, 20)
	down := func(op faulty.Op) faulty.Fault {
		if op.Kind == faulty.Get && op.Key == blobKey(20, "optimizer.safetensors") {
			return faulty.Fault{Before: faulty.Unavailable()}
		}
		return faulty.Fault{}
	}
	_, err := checkpoint.Acquire(t.Context(), faulty.New(inner, down), run, adapter, "worker-b", job)
	requireKind(t, fault.Transient, err)
	cut := func(op faulty.Op) faulty.Fault {
		if op.Kind == faulty.Get && op.Key == blobKey(20, "optimizer.safetensors") {
			return faulty.Fault{Body: func(body []byte) []byte { return body[:len(body)-1] }}
		}
		return faulty.Fault{}
	}
	_, err = checkpoint.Acquire(t.Context(), faulty.New(inner, cut), run, adapter, "worker-b", job)
	requireKind(t, fault.Transient, err)
	requireNewest(t, acquire(t, inner, "worker-b"), 20)
}

func TestALostPointerIsToldNotGuessed(t *testing.T) {
	store := mem.New()
	lease := acquire(t, store, "worker-a")
	commit(t, lease, 10)
	pointer, _, err := storage.ReadAll(t.Context(), store, checkpoint.PointerKey(run, adapter))
	require.NoError(t, err)

	require.NoError(t, store.Delete(t.Context(), checkpoint.PointerKey(run, adapter)))
	_, err = lease.Commit(t.Context(), snapshot(20), facts)
	requireKind(t, fault.Corrupt, err)
	_, err = checkpoint.Acquire(t.Context(), store, run, adapter, "worker-b", job)
	requireKind(t, fault.Corrupt, err)
	require.ErrorContains(t, err, `"runs/run-7/patient/latest.json" is missing though checkpoints`)

	for _, damaged := range [][]byte{pointer[:len(pointer)/2], {}, []byte(`{"format":2}`), []byte(`{"format":1,"run":"other","adapter":"patient"}`),
		[]byte(`{"format":1,"run":"run-7","adapter":"patient","grants":[{"token":2}]}`)} {
		_, err = storage.PutBytes(t.Context(), store, checkpoint.PointerKey(run, adapter), damaged, storage.Always())
		require.NoError(t, err)
		_, err = checkpoint.Acquire(t.Context(), store, run, adapter, "worker-b", job)
		requireKind(t, fault.Corrupt, err)
		require.ErrorContains(t, err, "another run ID")
	}

	_, err = storage.PutBytes(t.Context(), store, checkpoint.PointerKey(run, adapter), pointer, storage.Always())
	require.NoError(t, err)
	requireNewest(t, acquire(t, store, "worker-b"), 10)
}

func TestForeignObjectsAreLeftAlone(t *testing.T) {
	store := mem.New()
	commit(t, acquire(t, store, "worker-a"), 10)
	for _, name := range []string{"notes.txt", "00000020.json", "20.1.json", "00000020.000001.json.bak", ".00000020.000001.json", "-0000020.000001.json"} {
		_, err := storage.PutBytes(t.Context(), store, "runs/run-7/patient/checkpoints/"+name, []byte("{}"), storage.Always())
		require.NoError(t, err)
	}
	require.Empty(t, requireNewest(t, acquire(t, store, "worker-b"), 10))
	require.Equal(t, "10.1", chain(t, store))
}
