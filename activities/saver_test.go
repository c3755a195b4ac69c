package activities

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"elara/spec"
	"elara/spec/fault"
)

func snapshot(step int64, content []byte) spec.Snapshot {
	return spec.Snapshot{Step: step, Files: map[string][]byte{"weights": content}}
}

func TestSaverCommitsBehindTheTrainingAndKeepsNoBytesOfIts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var committed []string
		s := saver{commit: func(_ context.Context, snapshot spec.Snapshot) error {
			pass(time.Minute)
			committed = append(committed, string(snapshot.Files["weights"]))
			return nil
		}}
		begin := time.Now()
		weights := []byte("one")
		require.NoError(t, s.save(t.Context(), snapshot(1, weights)))
		require.Zero(t, time.Since(begin)) // the training goes on at once
		copy(weights, "two")
		require.NoError(t, s.save(t.Context(), snapshot(2, weights)))
		require.Equal(t, time.Minute, time.Since(begin)) // one at a time
		copy(weights, "XXX")
		require.NoError(t, s.wait())
		require.Equal(t, []string{"one", "two"}, committed)
	})
}

func TestSaverThatFailedCommitsNothingMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		s := saver{commit: func(context.Context, spec.Snapshot) error {
			calls++
			return errors.New("lease lost")
		}}
		require.False(t, s.broken())
		require.NoError(t, s.save(t.Context(), snapshot(1, nil)))
		synctest.Wait()
		require.True(t, s.broken())
		require.ErrorContains(t, s.save(t.Context(), snapshot(2, nil)), "lease lost")
		require.ErrorContains(t, s.wait(), "lease lost")
		require.Equal(t, 1, calls)
	})
}

func TestCommitOutlivesAShortOutageOfTheStore(t *testing.T) {
	for name, test := range map[string]struct {
		failures int
		kind     fault.Kind
		calls    int
		took     time.Duration
		fails    bool
	}{
		"passing":  {3, fault.Transient, 4, 7 * time.Second, false},
		"lasting":  {100, fault.Transient, 12, (1 + 2 + 4 + 8 + 16 + 6*30) * time.Second, true},
		"no use":   {100, fault.Conflict, 1, 0, true},
		"no fault": {0, "", 1, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				calls, begin := 0, time.Now()
				err := patiently(t.Context(), func() error {
					if calls++; calls <= test.failures {
						return fault.New(test.kind, "it did not work")
					}
					return nil
				})
				require.Equal(t, test.fails, err != nil)
				require.Equal(t, test.calls, calls)
				require.Equal(t, test.took, time.Since(begin))
			})
		})
	}
}
