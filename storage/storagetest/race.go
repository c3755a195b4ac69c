package storagetest

import (
	"bytes"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/spec/fault"
	"elara/storage"
)

const racers = 16

// race runs work in racers goroutines that begin together.
func race(work func(i int)) {
	var ready, done sync.WaitGroup
	start := make(chan struct{})
	for i := range racers {
		ready.Add(1)
		done.Go(func() {
			ready.Done()
			<-start
			work(i)
		})
	}
	ready.Wait()
	close(start)
	done.Wait()
}

// onlyWinner checks that exactly one put succeeded, that all others were conflicts, and that its content stands.
func onlyWinner(t *testing.T, s storage.Store, condition storage.Condition) {
	t.Helper()
	errs := make([]error, racers)
	race(func(i int) {
		_, errs[i] = storage.PutBytes(t.Context(), s, "race", []byte("racer "+strconv.Itoa(i)), condition)
	})
	winner := -1
	for i, err := range errs {
		if err != nil {
			requireKind(t, fault.Conflict, err)
			continue
		}
		require.Equal(t, -1, winner, "racers %d and %d both won", winner, i)
		winner = i
	}
	require.NotEqual(t, -1, winner, "nobody won")
	content, _ := read(t, s, "race")
	require.Equal(t, "racer "+strconv.Itoa(winner), content)
}

func raceAbsent(t *testing.T, s storage.Store) {
	for range 5 {
		onlyWinner(t, s, storage.IfAbsent())
		require.NoError(t, s.Delete(t.Context(), "race"))
	}
}

func raceMatch(t *testing.T, s storage.Store) {
	for round := range 5 {
		onlyWinner(t, s, storage.IfMatch(put(t, s, "race", "round "+strconv.Itoa(round)).ETag))
	}
}

func raceCount(t *testing.T, s storage.Store) {
	const each = 3
	put(t, s, "count", "0")
	var failure atomic.Value
	race(func(int) {
		for range each {
			if err := increment(t, s); err != nil {
				failure.Store(err)
				return
			}
		}
	})
	require.Nil(t, failure.Load())
	content, _ := read(t, s, "count")
	require.Equal(t, strconv.Itoa(racers*each), content)
}

func increment(t *testing.T, s storage.Store) error {
	for {
		content, info, err := storage.ReadAll(t.Context(), s, "count")
		if err != nil {
			return err
		}
		n, err := strconv.Atoi(string(content))
		if err != nil {
			return err
		}
		_, err = storage.PutBytes(t.Context(), s, "count", []byte(strconv.Itoa(n+1)), storage.IfMatch(info.ETag))
		if !fault.Is(err, fault.Conflict) {
			return err
		}
	}
}

// neverTorn overwrites an object while others read it: each read gives one of the versions, whole.
func neverTorn(t *testing.T, s storage.Store) {
	version := func(i int) []byte { return bytes.Repeat([]byte{byte('a' + i%26)}, 100_000+i) }
	_, err := s.Put(t.Context(), "object", bytes.NewReader(version(0)), storage.Always())
	require.NoError(t, err)
	var writing atomic.Bool
	writing.Store(true)
	var failure atomic.Value
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for writing.Load() {
				content, _, err := storage.ReadAll(t.Context(), s, "object")
				if err != nil {
					failure.Store(err)
					return
				}
				if !bytes.Equal(content, version(len(content)-100_000)) {
					failure.Store("a read gave a mixture")
					return
				}
			}
		})
	}
	for i := 1; i <= 30; i++ {
		_, err := s.Put(t.Context(), "object", bytes.NewReader(version(i)), storage.Always())
		require.NoError(t, err)
	}
	writing.Store(false)
	readers.Wait()
	require.Nil(t, failure.Load())
}
