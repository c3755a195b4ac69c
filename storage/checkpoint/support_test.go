package checkpoint_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/spec"
	"elara/spec/fault"
	"elara/storage"
	"elara/storage/cas"
	"elara/storage/checkpoint"
	"elara/storage/gateway/gatewaytest"
	"elara/storage/mem"
)

const (
	run     = spec.RunID("run-7")
	adapter = spec.AdapterName("patient")
)

var (
	job   = spec.DigestOf(sha256.Sum256([]byte("configuration, data and base")))
	facts = checkpoint.Facts{
		Config: job, Engine: checkpoint.Engine{Device: "cpu", CPU: "avx2", DType: "float32", Threads: 2},
		Counters: map[string]int64{"row": 40, "epoch": 1},
	}
)

// snapshot makes the state at a step, different at every step except for one file.
func snapshot(step int64) spec.Snapshot {
	return spec.Snapshot{Step: step, Files: map[string][]byte{
		"adapter_model.safetensors": bytes.Repeat(fmt.Appendf(nil, "weights %d;", step), 50),
		"optimizer.safetensors":     bytes.Repeat(fmt.Appendf(nil, "moments %d;", step), 100),
		"tokenizer.json":            []byte("the same at every step"),
	}}
}

// overStores runs a test over memory and over a real S3 server.
func overStores(t *testing.T, test func(t *testing.T, store storage.Store)) {
	t.Run("memory", func(t *testing.T) { test(t, mem.New()) })
	t.Run("gateway", func(t *testing.T) { test(t, gatewaytest.Start(t)(t)) })
}

func acquire(t *testing.T, store storage.Store, holder string) *checkpoint.Lease {
	t.Helper()
	lease, err := checkpoint.Acquire(t.Context(), store, run, adapter, holder, job)
	require.NoError(t, err)
	return lease
}

func commit(t *testing.T, lease *checkpoint.Lease, steps ...int64) {
	t.Helper()
	for _, step := range steps {
		_, err := lease.Commit(t.Context(), snapshot(step), facts)
		require.NoError(t, err)
	}
}

// requireNewest checks what a new holder of the lease goes on from; step 0 is the beginning.
func requireNewest(t *testing.T, lease *checkpoint.Lease, step int64) []checkpoint.Skipped {
	t.Helper()
	got, found, skipped, err := lease.Newest(t.Context())
	require.NoError(t, err)
	require.Equal(t, step > 0, found)
	require.Equal(t, step, lease.ResumedFrom())
	if step > 0 {
		require.Equal(t, snapshot(step), got)
	}
	return skipped
}

// requireRead checks what a reader without a lease gets.
func requireRead(t *testing.T, store storage.Store, step int64) {
	t.Helper()
	got, m, found, _, err := checkpoint.Newest(t.Context(), store, run, adapter)
	require.NoError(t, err)
	require.Equal(t, step > 0, found)
	if found {
		require.Equal(t, snapshot(step), got)
		require.Equal(t, step, m.Step)
	}
}

func requireKind(t *testing.T, kind fault.Kind, err error) {
	t.Helper()
	require.Error(t, err)
	require.Equal(t, kind, fault.KindOf(err), "%v", err)
}

// chain gives "step.token" of every checkpoint that counts.
func chain(t *testing.T, store storage.Store) string {
	t.Helper()
	entries, err := checkpoint.List(t.Context(), store, run, adapter)
	require.NoError(t, err)
	var links []string
	for _, entry := range entries {
		if entry.InChain {
			links = append(links, fmt.Sprintf("%d.%d", entry.Step, entry.Token))
		} else {
			require.NotEmpty(t, entry.Reason)
		}
	}
	return strings.Join(links, " ")
}

// blobKey finds the object of one file of the state at a step.
func blobKey(step int64, name string) string {
	return cas.Key(cas.BlobOf(snapshot(step).Files[name]).Digest)
}

// flip changes one bit of an object at rest.
func flip(t *testing.T, store storage.Store, key string) {
	t.Helper()
	content, _, err := storage.ReadAll(t.Context(), store, key)
	require.NoError(t, err)
	content[len(content)/2] ^= 1
	_, err = storage.PutBytes(t.Context(), store, key, content, storage.Always())
	require.NoError(t, err)
}
