package checkpoint_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/spec"
	"elara/spec/fault"
	"elara/storage"
	"elara/storage/checkpoint"
	"elara/storage/faulty"
	"elara/storage/mem"
)

func TestASupersededHolderIsRefused(t *testing.T) {
	overStores(t, func(t *testing.T, store storage.Store) {
		zombie := acquire(t, store, "worker-a")
		commit(t, zombie, 10)
		second := acquire(t, store, "worker-b")
		_, err := zombie.Commit(t.Context(), snapshot(20), facts)
		requireKind(t, fault.Conflict, err)
		require.ErrorContains(t, err, "lease 1 of run-7/patient was taken over by lease 2 (worker-b)")
		_, err = zombie.Commit(t.Context(), snapshot(10), facts)
		requireKind(t, fault.Conflict, err)
		commit(t, second, 15)
		require.Equal(t, "10.1 15.2", chain(t, store))
		requireRead(t, store, 15)
	})
}

// TestAPausedWriterIsFencedWhereverItPaused stops a worker before every single operation of a commit, lets another one
// take over and commit, and wakes the first. Its commit is refused, and nothing it wrote is read, though its step is
// the highest.
func TestAPausedWriterIsFencedWhereverItPaused(t *testing.T) {
	overStores(t, func(t *testing.T, base storage.Store) {
		for n, paused := 1, true; paused; n++ {
			name := spec.AdapterName(fmt.Sprintf("paused-%d", n))
			first, err := checkpoint.Acquire(t.Context(), base, run, name, "worker-a", job)
			require.NoError(t, err)
			_, err = first.Commit(t.Context(), snapshot(10), facts)
			require.NoError(t, err)

			reached, wake := make(chan struct{}), make(chan struct{})
			begun := -1
			slow := faulty.New(base, func(op faulty.Op) faulty.Fault {
				if begun >= 0 && op.Number == begun+n {
					close(reached)
					return faulty.Fault{Wait: wake}
				}
				return faulty.Fault{}
			})
			zombie, err := checkpoint.Acquire(t.Context(), slow, run, name, "worker-b", job)
			require.NoError(t, err)
			begun = len(slow.Ops())
			result := make(chan error, 1)
			go func() {
				_, err := zombie.Commit(t.Context(), snapshot(99), facts)
				result <- err
			}()
			select {
			case <-reached:
			case err = <-result:
				require.NoError(t, err)
				paused = false
				continue
			}
			next, err := checkpoint.Acquire(t.Context(), base, run, name, "worker-c", job)
			require.NoError(t, err)
			require.Equal(t, int64(10), next.ResumedFrom())
			_, err = next.Commit(t.Context(), snapshot(20), facts)
			require.NoError(t, err)
			close(wake)
			requireKind(t, fault.Conflict, <-result)

			got, m, found, skipped, err := checkpoint.Newest(t.Context(), base, run, name)
			require.NoError(t, err)
			require.True(t, found)
			require.Empty(t, skipped)
			require.Equal(t, int64(20), m.Step)
			require.Equal(t, snapshot(20), got)
		}
	})
}

// TestATakeoverThatStopsHalfWayConstrainsNothing lets a worker die between its two writes of the pointer.
func TestATakeoverThatStopsHalfWayConstrainsNothing(t *testing.T) {
	store := mem.New()
	commit(t, acquire(t, store, "worker-a"), 10, 20)
	puts := 0
	_, err := checkpoint.Acquire(t.Context(), faulty.New(store, func(op faulty.Op) faulty.Fault {
		if op.Kind == faulty.Put {
			puts++
		}
		if puts == 2 {
			return faulty.Fault{Before: faulty.Dead()}
		}
		return faulty.Fault{}
	}), run, adapter, "worker-b", job)
	requireKind(t, fault.Transient, err)
	requireRead(t, store, 20)
	third := acquire(t, store, "worker-c")
	require.Equal(t, int64(3), third.Token())
	requireNewest(t, third, 20)
	require.Equal(t, "10.1 20.1", chain(t, store))
}

// TestManyWorkersMakeOneChain lets workers take the lease from each other at any time. The state of each step names
// every checkpoint it descends from, so the newest one tells whether the chain is the chain that was trained.
func TestManyWorkersMakeOneChain(t *testing.T) {
	overStores(t, func(t *testing.T, store storage.Store) {
		const workers, takeovers, lastStep = 4, 6, 20
		errs := make([]error, workers)
		var group sync.WaitGroup
		for i := range workers {
			group.Go(func() { errs[i] = work(t, store, fmt.Sprintf("worker-%d", i), takeovers, lastStep) })
		}
		group.Wait()
		require.NoError(t, errors.Join(errs...))

		newest, m, found, skipped, err := checkpoint.Newest(t.Context(), store, run, adapter)
		require.NoError(t, err)
		require.True(t, found)
		require.Empty(t, skipped)
		require.Equal(t, int64(lastStep), m.Step)
		require.Equal(t, chain(t, store), string(newest.Files["history"]))
		whole, damaged, err := checkpoint.Verify(t.Context(), store, run, adapter)
		require.NoError(t, err)
		require.Empty(t, damaged)
		require.Len(t, whole, lastStep)
	})
}

// work trains step by step up to the last one. A worker that lost its lease takes it again, so many times. One that
// gives up lost to a later holder, and the last holder of all loses to nobody.
func work(t *testing.T, store storage.Store, holder string, takeovers int, lastStep int64) error {
	for range takeovers {
		lease, err := checkpoint.Acquire(t.Context(), store, run, adapter, holder, job)
		if fault.Is(err, fault.Conflict) {
			continue
		}
		if err != nil {
			return err
		}
		state, _, _, err := lease.Newest(t.Context())
		if err != nil {
			return err
		}
		history := bytes.Clone(state.Files["history"])
		for step := state.Step + 1; step <= lastStep; step++ {
			history = []byte(strings.TrimSpace(fmt.Sprintf("%s %d.%d", history, step, lease.Token())))
			_, err = lease.Commit(t.Context(), spec.Snapshot{Step: step, Files: map[string][]byte{"history": history}}, facts)
			if err != nil {
				break
			}
		}
		if err == nil {
			return nil
		}
		if !fault.Is(err, fault.Conflict) {
			return err
		}
	}
	return nil
}

// pausing gives a store on which the n-th put waits until wake is closed; reached is closed when it begins to wait.
func pausing(store storage.Store, n int) (_ *faulty.Store, reached, wake chan struct{}) {
	reached, wake = make(chan struct{}), make(chan struct{})
	puts := 0
	return faulty.New(store, func(op faulty.Op) faulty.Fault {
		if op.Kind == faulty.Put {
			if puts++; puts == n {
				close(reached)
				return faulty.Fault{Wait: wake}
			}
		}
		return faulty.Fault{}
	}), reached, wake
}

// TestEqualNamesDoNotShareALease lets two workers of the same name create the pointer. The second one's write is
// refused while the first one's grant stands there, equal in everything that a name and a job say.
func TestEqualNamesDoNotShareALease(t *testing.T) {
	store := mem.New()
	type outcome struct {
		lease *checkpoint.Lease
		err   error
	}
	begin := func(over storage.Store) chan outcome {
		done := make(chan outcome, 1)
		go func() {
			lease, err := checkpoint.Acquire(t.Context(), over, run, adapter, "same", job)
			done <- outcome{lease, err}
		}()
		return done
	}
	late, lateReached, wakeLate := pausing(store, 1) // found no pointer, is about to create it
	lateDone := begin(late)
	<-lateReached
	first, firstReached, wakeFirst := pausing(store, 2) // created it, is about to settle
	firstDone := begin(first)
	<-firstReached
	close(wakeLate)
	winner := <-lateDone
	require.NoError(t, winner.err)
	require.Equal(t, int64(2), winner.lease.Token())
	close(wakeFirst)
	requireKind(t, fault.Conflict, (<-firstDone).err)
	commit(t, winner.lease, 10)
	require.Equal(t, "10.2", chain(t, store))
}

// TestACommitWhoseAnswerWasLostBeforeATakeoverStands: the new holder resumed from it, so telling the old one that it
// failed would be a lie.
func TestACommitWhoseAnswerWasLostBeforeATakeoverStands(t *testing.T) {
	store := mem.New()
	var lost bool
	reached, wake := make(chan struct{}), make(chan struct{})
	puts := 0
	lease, err := checkpoint.Acquire(t.Context(), faulty.New(store, func(op faulty.Op) faulty.Fault {
		if lost {
			lost = false
			close(reached)
			return faulty.Fault{Wait: wake}
		}
		if op.Kind == faulty.Put && op.Key == checkpoint.PointerKey(run, adapter) {
			if puts++; puts == 3 { // after the grant and its settling
				lost = true
				return faulty.Fault{After: faulty.Unavailable()}
			}
		}
		return faulty.Fault{}
	}), run, adapter, "worker-a", job)
	require.NoError(t, err)
	result := make(chan error, 1)
	go func() {
		_, err := lease.Commit(t.Context(), snapshot(10), facts)
		result <- err
	}()
	<-reached
	next := acquire(t, store, "worker-b")
	requireNewest(t, next, 10)
	close(wake)
	require.NoError(t, <-result)
	_, err = lease.Commit(t.Context(), snapshot(20), facts)
	requireKind(t, fault.Conflict, err)
}
