package activities

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"elara/data/ledger"
	"elara/data/source"
	"elara/spec"
	"elara/storage/artifact"
	"elara/storage/cas"
)

func withdraw(t *testing.T, r *room, w spec.Withdrawal) artifact.Tombstone {
	t.Helper()
	w.By, w.Reason, w.At = "Person A", "guideline withdrawn", time.Unix(1, 0).UTC()
	tombstone, err := artifact.Withdraw(t.Context(), r.store, w)
	require.NoError(t, err)
	return tombstone
}

func rowsIn(counts []spec.LedgerCount, bucket ledger.Bucket) int64 {
	return ledger.Counts{Buckets: counts}.In(bucket)
}

func TestAWithdrawnRowIsLeftOutAndAccountedFor(t *testing.T) {
	r := newRoom(t)
	path := files(t, map[string]string{"rows.csv": dirtyCSV}) + "/rows.csv"
	in, before := cleanOf(t, r, path)
	// As sha256sum prints it for the bytes of line 10.
	const urgent = "d75f70ed9b0afc10"
	var whole spec.Digest
	for line := range strings.Lines(r.read(t, before.Cleaned, "ledger.jsonl")) {
		if _, after, found := strings.Cut(line, `"digest":"`+urgent); found {
			whole = spec.Digest(urgent + after[:48])
		}
	}
	require.NoError(t, whole.Check())

	elsewhere := withdraw(t, r, spec.Withdrawal{Source: "other.csv"})
	require.Equal(t, before.Cleaned, do(t, r, r.control.Clean, in).Cleaned, "nothing of it was withdrawn")
	tombstone := withdraw(t, r, spec.Withdrawal{Row: whole})
	after := do(t, r, r.control.Clean, in)
	require.Empty(t, after.Unchanged)
	require.Equal(t, before.RowsRead, after.RowsRead)
	require.Equal(t, int64(1), rowsIn(after.Ledger, ledger.Withdrawn))
	require.Equal(t, rowsIn(before.Ledger, ledger.Kept)-1, rowsIn(after.Ledger, ledger.Kept))
	require.NotContains(t, r.read(t, after.Cleaned, "rows/000/rows.csv"), "urgent")
	require.Contains(t, r.read(t, after.Cleaned, "ledger.jsonl"), `"reason":"tombstone `+tombstone.Ref.Digest.Short())
	manifest, err := artifact.Load(t.Context(), r.store, after.Cleaned)
	require.NoError(t, err)
	require.ElementsMatch(t, []spec.Digest{in.Sources.Digest, tombstone.Ref.Digest}, manifest.Inputs)
	require.NotContains(t, manifest.Inputs, elsewhere.Ref.Digest)

	withdraw(t, r, spec.Withdrawal{Source: "rows.csv"})
	require.Equal(t, before.RowsRead, rowsIn(do(t, r, r.control.Clean, in).Ledger, ledger.Withdrawn))
}

func TestARowFallsUnderTheFirstTombstoneThatSelectsIt(t *testing.T) {
	digest := func(digit string) spec.Digest { return spec.Digest(strings.Repeat(digit, 64)) }
	var tombstones []artifact.Tombstone
	for _, w := range []spec.Withdrawal{
		{Row: digest("b")}, {Source: "ward.csv"}, {Source: "001/qa.csv"}, {Row: digest("a")}, {Source: "2026/qa.csv"}, {Source: "ward.csv"}, {Row: digest("b")},
	} {
		tombstones = append(tombstones, artifact.Tombstone{Withdrawal: w})
	}
	left := withdrawalOf(tombstones)
	for _, file := range []string{"000/ward.csv", "000/qa.csv", "001/qa.csv", "000/2026/qa.csv", "ward.csv"} {
		for _, digit := range []string{"a", "b", "c"} {
			want := slices.IndexFunc(tombstones, func(t artifact.Tombstone) bool { return t.Selector().Selects(file, 2, digest(digit)) })
			require.Equal(t, want, left.find(source.ID{File: file, Line: 2, Digest: digest(digit)}), "%s %s", file, digit)
		}
	}
}

// A record of a data set that is gone is replaced: otherwise every later change would make the adapter anew.
func TestADataSetThatIsGoneIsMadeAnewOnce(t *testing.T) {
	r := newRoom(t)
	made := func(ofDoctors string) spec.AdapterDataset {
		in := formatInput(t, r, spec.AdapterPlan{Name: "patient", Audience: spec.Patient}, numbered(12)+"What is a murmur of the heart?,"+ofDoctors+",doctor\n")
		in.Config.EvalPercent = 40
		return do(t, r, r.control.Format, in)
	}
	first := made("Turbulent flow that is heard.")
	require.NoError(t, r.store.Delete(t.Context(), cas.Key(first.Dataset.Digest)))
	second := made("Turbulent blood that is heard.")
	require.Empty(t, second.Unchanged)
	require.NotEqual(t, first.Dataset, second.Dataset)
	third := made("Turbulent blood that can be heard.")
	require.Equal(t, second.Dataset, third.Dataset)
	require.Contains(t, third.Unchanged, "its rows are those of an earlier run")
}

// A change of another audience's rows leaves a data set, and with it all that is made of it, as it was.
func TestAChangedRowReachesOnlyTheDataSetsThatHaveIt(t *testing.T) {
	const doctors = "What is a murmur of the heart?,Turbulent flow that is heard.,doctor\n"
	plans := []spec.AdapterPlan{{Name: "patient", Audience: spec.Patient}, {Name: "doctor", Audience: spec.Doctor}}
	r := newRoom(t)
	made := func(rows string) (sets []spec.AdapterDataset) {
		for _, plan := range plans {
			in := formatInput(t, r, plan, rows)
			in.Config.EvalPercent = 40
			sets = append(sets, do(t, r, r.control.Format, in))
		}
		return sets
	}
	before := made(numbered(12) + doctors)
	after := made(strings.Replace(numbered(12)+doctors, "Turbulent", "Turbulent blood", 1))
	require.Equal(t, before[0].Dataset, after[0].Dataset)
	require.Contains(t, after[0].Unchanged, "its rows are those of an earlier run")
	require.NotEqual(t, before[1].Dataset, after[1].Dataset)
	require.Empty(t, after[1].Unchanged)

	header, rest, _ := strings.Cut(numbered(12)+doctors, "\n")
	moved := made(header + "\n" + doctors + strings.TrimSuffix(rest, doctors))
	require.Equal(t, before[0].Dataset, moved[0].Dataset, "the same rows, one line further down")
	require.NotEqual(t, before[1].Dataset, moved[1].Dataset, "the order of rows counts: training depends on it")
}
