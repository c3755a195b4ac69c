package checkpoint_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/spec/fault"
	"elara/storage"
	"elara/storage/checkpoint"
	"elara/storage/faulty"
	"elara/storage/gateway/gatewaytest"
	"elara/storage/mem"
)

// train takes the lease and commits up to step 30, trying again what is worth it. It gives the newest step whose
// commit was acknowledged.
func train(t *testing.T, store storage.Store, tries int) (acknowledged int64, err error) {
	var lease *checkpoint.Lease
	for range tries {
		if lease, err = checkpoint.Acquire(t.Context(), store, run, adapter, "worker-b", job); !fault.Is(err, fault.Transient) {
			break
		}
	}
	if err != nil {
		return 0, err
	}
	_, _, _, err = lease.Newest(t.Context())
	require.NoError(t, err, "what Acquire read is handed out without the store")
	for step := lease.ResumedFrom() + 10; step <= 30; step += 10 {
		for range tries {
			if _, err = lease.Commit(t.Context(), snapshot(step), facts); !fault.Is(err, fault.Transient) {
				break
			}
		}
		if err != nil {
			return acknowledged, err
		}
		acknowledged = step
	}
	return acknowledged, nil
}

// TestACrashAtAnyOperationLosesNothing lets a worker die before and after every single operation of a takeover and two
// commits. Whoever comes next finds what was acknowledged, or a later step that was completed, whole; and goes on.
// Over the gateway, where each operation reaches the disk, every third one.
func TestACrashAtAnyOperationLosesNothing(t *testing.T) {
	crash := func(t *testing.T, open func(t *testing.T) storage.Store, stride int) {
		plans := map[string]func(n int) faulty.Plan{"before": faulty.DieBefore, "after": faulty.DieAfter}
		for when, plan := range plans {
			n := 1
			for died := true; died; n += stride {
				store := open(t)
				commit(t, acquire(t, store, "worker-a"), 10)
				mortal := faulty.New(store, plan(n))
				acknowledged, err := train(t, mortal, 1)
				died = err != nil
				at := fmt.Sprintf("death %s operation %d: %v", when, n, mortal.Ops()[len(mortal.Ops())-1])
				acknowledged = max(acknowledged, 10)

				got, m, found, _, err := checkpoint.Newest(t.Context(), store, run, adapter)
				require.NoError(t, err, at)
				require.True(t, found, at)
				require.GreaterOrEqual(t, m.Step, acknowledged, at)
				require.Equal(t, snapshot(m.Step), got, at)

				next := acquire(t, store, "worker-c")
				require.Equal(t, m.Step, next.ResumedFrom(), at)
				require.Empty(t, requireNewest(t, next, m.Step), at)
				if m.Step < 30 {
					commit(t, next, m.Step+10)
				}
				whole, damaged, err := checkpoint.Verify(t.Context(), store, run, adapter)
				require.NoError(t, err, at)
				require.Empty(t, damaged, at)
				require.Len(t, whole, int(min(m.Step+10, 30)/10), at)
			}
			require.Greater(t, n, 20, "a takeover and two commits have more operations than this")
		}
	}
	t.Run("memory", func(t *testing.T) { crash(t, func(*testing.T) storage.Store { return mem.New() }, 1) })
	t.Run("gateway", func(t *testing.T) { crash(t, gatewaytest.Start(t), 3) })
}

// TestOneFailureAtAnyOperationIsOvercome answers 503 to every single operation in turn, before and after it took
// place, and cuts every body. Trying again ends with the training done and every step in the chain. Over the gateway,
// every fifth.
func TestOneFailureAtAnyOperationIsOvercome(t *testing.T) {
	overcome := func(t *testing.T, open func(t *testing.T) storage.Store, stride int) {
		failures := map[string]faulty.Fault{
			"not done":             {Before: faulty.Unavailable()},
			"done, answer lost":    {After: faulty.Unavailable()},
			"body cut":             {Body: func(body []byte) []byte { return body[:len(body)/2] }},
			"conflict though done": {After: fault.New(fault.Conflict, "a retry below met its own first attempt")},
		}
		for name, failure := range failures {
			for n, reached := 1, true; reached; n += stride {
				store := open(t)
				commit(t, acquire(t, store, "worker-a"), 10)
				shaky := faulty.New(store, func(op faulty.Op) faulty.Fault {
					if op.Number != n || (fault.Is(failure.After, fault.Conflict) && op.Kind != faulty.Put) {
						return faulty.Fault{}
					}
					return failure
				})
				acknowledged, err := train(t, shaky, 3)
				at := fmt.Sprintf("%s at operation %d of %v", name, n, shaky.Ops())
				require.NoError(t, err, at)
				require.Equal(t, int64(30), acknowledged, at)
				requireRead(t, store, 30)
				whole, damaged, err := checkpoint.Verify(t.Context(), store, run, adapter)
				require.NoError(t, err, at)
				require.Empty(t, damaged, at)
				require.Len(t, whole, 3, at)
				reached = n <= len(shaky.Ops())
			}
		}
	}
	t.Run("memory", func(t *testing.T) { overcome(t, func(*testing.T) storage.Store { return mem.New() }, 1) })
	t.Run("gateway", func(t *testing.T) { overcome(t, gatewaytest.Start(t), 5) })
}
