package artifact_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/spec"
	"elara/spec/fault"
	"elara/storage"
	"elara/storage/artifact"
	"elara/storage/faulty"
	"elara/storage/mem"
)

var stageInputs = spec.Digest(strings.Repeat("c", 64))

func TestAStageIsRecordedOnce(t *testing.T) {
	overStores(t, func(t *testing.T, store storage.Store) {
		var got spec.AdapterResult
		found, err := artifact.LookupStage(t.Context(), store, "train/patient", stageInputs, &got)
		require.NoError(t, err)
		require.False(t, found)
		want := spec.AdapterResult{Adapter: "patient", Outcome: spec.TrainOutcome{Step: 30, Done: true}}
		for range 2 {
			require.NoError(t, artifact.RecordStage(t.Context(), store, "train/patient", stageInputs, want))
		}
		found, err = artifact.LookupStage(t.Context(), store, "train/patient", stageInputs, &got)
		require.NoError(t, err)
		require.True(t, found)
		require.Equal(t, want, got)
		_, err = store.Stat(t.Context(), "stages/train/patient/"+string(stageInputs)+".json")
		require.NoError(t, err)

		other := want
		other.Outcome.Step = 31
		requireKind(t, fault.Conflict, artifact.RecordStage(t.Context(), store, "train/patient", stageInputs, other))
		require.NoError(t, artifact.ForgetStage(t.Context(), store, "train/patient", stageInputs))
		require.NoError(t, artifact.RecordStage(t.Context(), store, "train/patient", stageInputs, other))
	})
}

func TestALostAnswerToARecordIsLookedUp(t *testing.T) {
	done := faulty.New(mem.New(), faulty.Once(1, faulty.Fault{After: faulty.Unavailable()}))
	require.NoError(t, artifact.RecordStage(t.Context(), done, "prepare", stageInputs, 1))
	notDone := faulty.New(mem.New(), faulty.Once(1, faulty.Fault{Before: faulty.Unavailable()}))
	requireKind(t, fault.Transient, artifact.RecordStage(t.Context(), notDone, "prepare", stageInputs, 1))
}

func TestBadStagesAreRefused(t *testing.T) {
	store := mem.New()
	for _, stage := range []string{"", "/", "train/", "../up", "Train", "train/a b"} {
		requireKind(t, fault.Invalid, artifact.RecordStage(t.Context(), store, stage, stageInputs, 1))
	}
	requireKind(t, fault.Invalid, artifact.RecordStage(t.Context(), store, "prepare", "short", 1))
	requireKind(t, fault.Invalid, artifact.RecordStage(t.Context(), store, "prepare", stageInputs, func() {}))
	_, err := storage.PutBytes(t.Context(), store, "stages/prepare/"+string(stageInputs)+".json", []byte("{"), storage.Always())
	require.NoError(t, err)
	var got int
	_, err = artifact.LookupStage(t.Context(), store, "prepare", stageInputs, &got)
	requireKind(t, fault.Corrupt, err)
}
