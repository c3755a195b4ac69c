package artifact_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"elara/spec"
	"elara/spec/fault"
	"elara/storage"
	"elara/storage/artifact"
	"elara/storage/cas"
	"elara/storage/mem"
)

// trained stores an adapter that was made of rows, each "FILE LINE DIGIT SIDE", and records its training.
func trained(t *testing.T, store storage.Store, name spec.AdapterName, rows ...string) spec.ArtifactRef {
	t.Helper()
	var lines strings.Builder
	for _, row := range rows {
		f := strings.Fields(row)
		fmt.Fprintf(&lines, `{"file":%q,"line":%s,"digest":%q,"in":%q}`+"\n", f[0], f[1], strings.Repeat(f[2], 64), f[3])
	}
	dataset := publish(t, store, map[string]string{"rows.jsonl": lines.String()})
	adapter, err := artifact.PublishBytes(t.Context(), store, spec.KindAdapter, map[string][]byte{"weights": []byte(name)}, []spec.Digest{dataset.Digest}, nil)
	require.NoError(t, err)
	require.NoError(t, artifact.RecordStage(t.Context(), store, "train", adapter.Digest, spec.AdapterResult{Adapter: name, Ref: adapter}))
	return adapter
}

func TestReachedNamesTheAdaptersThatHadTheRow(t *testing.T) {
	overStores(t, func(t *testing.T, store storage.Store) {
		doctor := trained(t, store, "doctor", "000/qa.csv 2 a train.jsonl", "001/ward.csv 9 b eval.jsonl")
		trained(t, store, "patient", "000/qa.csv 2 a train.jsonl", "000/qa.csv 3 c train.jsonl")
		released, err := artifact.PublishBytes(t.Context(), store, spec.KindCandidate, map[string][]byte{
			"candidate.json": fmt.Appendf(nil, `{"adapters":[{"name":"doctor","ref":{"kind":"adapter","digest":%q,"size_bytes":6}}]}`, doctor.Digest),
		}, []spec.Digest{doctor.Digest}, nil)
		require.NoError(t, err)
		_, err = flip(t, store, nothing, released, 1)
		require.NoError(t, err)

		for name, test := range map[string]struct {
			rows spec.RowSelector
			want map[spec.AdapterName]int
		}{
			"a source":                   {spec.RowSelector{Source: "ward.csv"}, map[spec.AdapterName]int{"doctor": 1}},
			"a source of both":           {spec.RowSelector{Source: "qa.csv"}, map[spec.AdapterName]int{"doctor": 1, "patient": 2}},
			"a source by its number too": {spec.RowSelector{Source: "001/ward.csv"}, map[spec.AdapterName]int{"doctor": 1}},
			"a line":                     {spec.RowSelector{Source: "qa.csv", Line: 3}, map[spec.AdapterName]int{"patient": 1}},
			"a row by its first digits":  {spec.RowSelector{Row: "aaaaaaaaaaaa"}, map[spec.AdapterName]int{"doctor": 1, "patient": 1}},
			"nothing":                    {spec.RowSelector{Source: "other.csv"}, map[spec.AdapterName]int{}},
		} {
			t.Run(name, func(t *testing.T) {
				reached, err := artifact.Reached(t.Context(), store, test.rows)
				require.NoError(t, err)
				got := map[spec.AdapterName]int{}
				for _, reach := range reached {
					got[reach.Adapter] = len(reach.Rows)
					require.Equal(t, reach.Adapter == "doctor", len(reach.Channels) == 1)
				}
				require.Equal(t, test.want, got)
			})
		}
	})
}

// made stores what was made of other artifacts, and records it as a stage.
func made(t *testing.T, store storage.Store, stage string, kind spec.ArtifactKind, record func(spec.ArtifactRef) any, of ...spec.ArtifactRef) spec.ArtifactRef {
	t.Helper()
	var inputs []spec.Digest
	for _, input := range of {
		inputs = append(inputs, input.Digest)
	}
	ref, err := artifact.PublishBytes(t.Context(), store, kind, map[string][]byte{"weights": []byte(stage)}, inputs, nil)
	require.NoError(t, err)
	require.NoError(t, artifact.RecordStage(t.Context(), store, stage, ref.Digest, record(ref)))
	return ref
}

func policy(ref spec.ArtifactRef) any { return spec.FeedbackResult{Ref: ref} }

func merge(ref spec.ArtifactRef) any {
	return spec.MergeResult{Best: ref, Candidates: []spec.MergedCandidate{{Ref: ref}}}
}

func TestReachedNamesWhatWasMadeOfAnAdapterThatHadTheRow(t *testing.T) {
	overStores(t, func(t *testing.T, store storage.Store) {
		doctor := trained(t, store, "doctor", "000/qa.csv 2 a train.jsonl", "001/ward.csv 9 b eval.jsonl")
		patient := trained(t, store, "patient", "000/qa.csv 2 a train.jsonl", "000/qa.csv 3 c train.jsonl")
		aligned := made(t, store, "ppo", spec.KindAdapter, policy, patient)
		merged := made(t, store, "merge", spec.KindAdapter, merge, doctor, aligned)
		whole := made(t, store, "merge/base", spec.KindBaseModel, merge, doctor, patient)

		reached, err := artifact.Reached(t.Context(), store, spec.RowSelector{Source: "qa.csv"})
		require.NoError(t, err)
		type hit struct {
			Name           spec.AdapterName
			Rows, Datasets int
		}
		got := map[spec.Digest]hit{}
		for _, reach := range reached {
			got[reach.Ref.Digest] = hit{reach.Adapter, len(reach.Rows), len(reach.Datasets)}
		}
		require.Equal(t, map[spec.Digest]hit{
			doctor.Digest: {"doctor", 1, 1}, patient.Digest: {"patient", 2, 1}, aligned.Digest: {"patient", 2, 1},
			merged.Digest: {"doctor+patient", 2, 2}, whole.Digest: {"doctor+patient", 2, 2},
		}, got)
		reached, err = artifact.Reached(t.Context(), store, spec.RowSelector{Source: "ward.csv"})
		require.NoError(t, err)
		require.Len(t, reached, 3, "both merges have the doctor's rows, whichever data set comes first")
	})
}

func TestReachedNamesTheModelsThatAChannelServes(t *testing.T) {
	store := mem.New()
	doctor := trained(t, store, "doctor", "000/qa.csv 2 a train.jsonl")
	merged, err := artifact.PublishBytes(t.Context(), store, spec.KindBaseModel, map[string][]byte{"weights": nil}, []spec.Digest{doctor.Digest}, nil)
	require.NoError(t, err)
	student, err := artifact.PublishBytes(t.Context(), store, spec.KindBaseModel, map[string][]byte{"small": nil}, []spec.Digest{merged.Digest}, nil)
	require.NoError(t, err)
	content, err := json.Marshal(spec.Candidate{Adapters: []spec.CandidateAdapter{{Name: "doctor", Ref: doctor}}, Merged: merged, Student: student})
	require.NoError(t, err)
	served, err := artifact.PublishBytes(t.Context(), store, spec.KindCandidate, map[string][]byte{spec.CandidateFile: content}, []spec.Digest{doctor.Digest, merged.Digest, student.Digest}, nil)
	require.NoError(t, err)
	_, err = flip(t, store, nothing, served, 1)
	require.NoError(t, err)
	reached, err := artifact.Reached(t.Context(), store, spec.RowSelector{Source: "qa.csv"})
	require.NoError(t, err)
	require.Len(t, reached, 3)
	for _, reach := range reached {
		require.Equal(t, []string{"stable"}, reach.Channels)
	}
}

func TestWhatWasMadeOfAnAdapterWhoseDataSetIsGoneIsNotPassedOver(t *testing.T) {
	store := mem.New()
	patient := trained(t, store, "patient", "000/qa.csv 2 a train.jsonl")
	doctor := trained(t, store, "doctor", "000/qa.csv 3 b train.jsonl")
	aligned := made(t, store, "dpo", spec.KindAdapter, policy, patient)
	merged := made(t, store, "merge", spec.KindAdapter, merge, patient, doctor)
	manifest, err := artifact.Load(t.Context(), store, patient)
	require.NoError(t, err)
	require.NoError(t, store.Delete(t.Context(), cas.Key(manifest.Inputs[0])))
	reached, err := artifact.Reached(t.Context(), store, spec.RowSelector{Source: "other.csv"})
	require.NoError(t, err)
	require.ElementsMatch(t, []artifact.Reach{
		{Adapter: "patient", Ref: patient, Unknown: true}, {Adapter: "patient", Ref: aligned, Unknown: true},
		{Adapter: "doctor+patient", Ref: merged, Unknown: true},
	}, reached)
}

func TestASourceThatIsGoneLeavesNoDoubt(t *testing.T) {
	store := mem.New()
	trained(t, store, "doctor", "000/qa.csv 2 a train.jsonl")
	cleaned, err := artifact.PublishBytes(t.Context(), store, spec.KindCleaned, map[string][]byte{"rows": nil}, nil, nil)
	require.NoError(t, err)
	dataset := publish(t, store, map[string]string{"rows.jsonl": ""}, cleaned.Digest)
	made(t, store, "train", spec.KindAdapter, policy, dataset)
	require.NoError(t, store.Delete(t.Context(), cas.Key(cleaned.Digest)))
	reached, err := artifact.Reached(t.Context(), store, spec.RowSelector{Source: "other.csv"})
	require.NoError(t, err)
	require.Empty(t, reached)
}

func TestAnAdapterWhoseDataSetIsGoneIsNotPassedOver(t *testing.T) {
	store := mem.New()
	adapter := trained(t, store, "doctor", "000/qa.csv 2 a train.jsonl")
	manifest, err := artifact.Load(t.Context(), store, adapter)
	require.NoError(t, err)
	require.NoError(t, store.Delete(t.Context(), cas.Key(manifest.Inputs[0])))
	reached, err := artifact.Reached(t.Context(), store, spec.RowSelector{Source: "other.csv"})
	require.NoError(t, err)
	require.Equal(t, []artifact.Reach{{Adapter: "doctor", Ref: adapter, Unknown: true}}, reached)
}

func TestTheFirstWithdrawalStands(t *testing.T) {
	overStores(t, func(t *testing.T, store storage.Store) {
		first := spec.Withdrawal{Source: "ward.csv", By: "Person A", Reason: "outdated", At: time.Unix(1, 0).UTC()}
		made, err := artifact.Withdraw(t.Context(), store, first)
		require.NoError(t, err)
		require.Equal(t, first, made.Withdrawal)
		second := first
		second.By = "Person B"
		again, err := artifact.Withdraw(t.Context(), store, second)
		require.NoError(t, err)
		require.Equal(t, made, again)

		row := spec.Withdrawal{Row: spec.Digest(strings.Repeat("a", 64)), By: "Person A", Reason: "asked for erasure"}
		_, err = artifact.Withdraw(t.Context(), store, row)
		require.NoError(t, err)
		all, err := artifact.Withdrawn(t.Context(), store)
		require.NoError(t, err)
		require.Len(t, all, 2)

		for _, bad := range []spec.Withdrawal{
			{By: "x", Reason: "y"}, {Source: "a", Row: row.Row, By: "x", Reason: "y"}, {Source: "a", Reason: "y"}, {Source: "a", By: "x"},
			{Row: "short", By: "x", Reason: "y"},
		} {
			_, err := artifact.Withdraw(t.Context(), store, bad)
			requireKind(t, fault.Invalid, err)
		}
	})
}
