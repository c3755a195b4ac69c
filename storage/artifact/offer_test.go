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

func TestTheNewestOfferHoldsAndIsDecidedOnByItsOwnRun(t *testing.T) {
	overStores(t, func(t *testing.T, store storage.Store) {
		_, err := artifact.FindOffer(t.Context(), store, "stable")
		requireKind(t, fault.NotFound, err)
		require.NoError(t, artifact.DecideOffer(t.Context(), store, "stable", "run-1", spec.ArtifactRef{}), "there is none to decide on")

		a, b := candidate(t, store, "a"), candidate(t, store, "b")
		first := artifact.Offer{Channel: "stable", Run: "run-1", Candidate: a}
		second := artifact.Offer{Channel: "stable", Run: "run-2", Candidate: b, Replaces: a.Digest}
		require.NoError(t, artifact.PutOffer(t.Context(), store, first))
		require.NoError(t, artifact.PutOffer(t.Context(), store, second))
		word := spec.ArtifactRef{Kind: spec.KindDecision, Digest: spec.Digest(strings.Repeat("d", 64)), SizeBytes: 3}
		require.NoError(t, artifact.DecideOffer(t.Context(), store, "stable", "run-1", word))
		found, err := artifact.FindOffer(t.Context(), store, "stable")
		require.NoError(t, err)
		require.Equal(t, second, found, "the word is about another candidate")

		for range 2 {
			require.NoError(t, artifact.DecideOffer(t.Context(), store, "stable", "run-2", word))
		}
		second.Decision = word
		found, err = artifact.FindOffer(t.Context(), store, "stable")
		require.NoError(t, err)
		require.Equal(t, second, found)
	})
}

func TestADecisionWhoseAnswerIsLostIsNotedAllTheSame(t *testing.T) {
	store := mem.New()
	a := candidate(t, store, "a")
	require.NoError(t, artifact.PutOffer(t.Context(), store, artifact.Offer{Channel: "stable", Run: "run-1", Candidate: a}))
	for digit, lost := range map[string]error{"d": faulty.Unavailable(), "e": fault.New(fault.Conflict, "it was changed")} {
		word := refOf(spec.KindDecision, digit)
		shaky := faulty.New(store, func(op faulty.Op) faulty.Fault {
			if op.Kind == faulty.Put {
				return faulty.Fault{After: lost}
			}
			return faulty.Fault{}
		})
		require.NoError(t, artifact.DecideOffer(t.Context(), shaky, "stable", "run-1", word))
		found, err := artifact.FindOffer(t.Context(), store, "stable")
		require.NoError(t, err)
		require.Equal(t, word, found.Decision)
	}
}

func TestBadOffersAreRefused(t *testing.T) {
	overStores(t, func(t *testing.T, store storage.Store) {
		a := candidate(t, store, "a")
		requireKind(t, fault.Invalid, artifact.PutOffer(t.Context(), store, artifact.Offer{Channel: "../x", Candidate: a}))
		requireKind(t, fault.Invalid, artifact.PutOffer(t.Context(), store, artifact.Offer{Channel: "stable"}))
		_, err := storage.PutBytes(t.Context(), store, "candidates/stable.json", []byte(`{"channel":"other"}`), storage.Always())
		require.NoError(t, err)
		_, err = artifact.FindOffer(t.Context(), store, "stable")
		requireKind(t, fault.Corrupt, err)
	})
}
