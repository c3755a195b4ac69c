package activities

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"elara/data/ledger"
	"elara/spec"
	"elara/spec/fault"
	"elara/storage"
	"elara/storage/cas"
)

// Eight rows: three are kept, and the others end in five buckets.
const dirtyCSV = "question,answer,who\n" +
	"What is   asthma?,A disease of the\tairways.,\n" + // line 2, kept
	"What is asthma?,A disease of the airways.,\n" + // line 3, the same
	"Short?,A disease of the airways.,\n" + // line 4
	",A disease of the airways.,\n" + // line 5
	"What is a fever?,Too hot.,\n" + // line 6
	"What is a stroke?,\"A blocked vessel,\nor a burst one.\",doctor\n" + // line 7 and 8, kept
	"What is a cough?,one field too many here,patient,x\n" + // line 9
	"When is it urgent?,Call an ambulance right away.,\n" // line 10, kept

func limits() spec.CleanConfig {
	return spec.CleanConfig{QuestionLongerThan: 10, QuestionShorterThan: 512, AnswerLongerThan: 20, AnswerShorterThan: 1024}
}

func config(paths ...string) spec.PrepareConfig {
	config := spec.PrepareConfig{Clean: limits(), EvalPercent: 40, Seed: 7}
	for _, path := range paths {
		config.Sources = append(config.Sources, spec.DataSource{Path: path, QuestionColumn: "question", AnswerColumn: "answer", AudienceColumn: "who"})
	}
	return config
}

func TestSourcesAreFrozenAsTheyAre(t *testing.T) {
	r := newRoom(t)
	folder := files(t, map[string]string{"b.csv": dirtyCSV, "a.csv": "x", "notes.txt": "y"})
	in := spec.PrepareInput{Run: "run-1", Config: config(folder, filepath.Join(folder, "b.csv"))}
	ref := do(t, r, r.control.CollectSources, in)

	require.Equal(t, []string{"000/a.csv", "000/b.csv", "001/b.csv"}, r.names(t, ref))
	require.Equal(t, dirtyCSV, r.read(t, ref, "001/b.csv"))
	require.Equal(t, spec.KindSource, ref.Kind)
	require.Equal(t, ref, do(t, r, r.control.CollectSources, in), "a second time")
}

func TestSourcesInTheBucketAreFrozenToo(t *testing.T) {
	r := newRoom(t)
	for key, content := range map[string]string{"raw/2026/a.csv": dirtyCSV, "raw/b.CSV": "x", "raw/readme.md": "y", "rawer/c.csv": "z"} {
		_, err := storage.PutBytes(t.Context(), r.store, key, []byte(content), storage.Always())
		require.NoError(t, err)
	}
	ref := do(t, r, r.control.CollectSources, spec.PrepareInput{Config: config("store:raw/")})
	require.Equal(t, []string{"000/2026/a.csv", "000/b.CSV"}, r.names(t, ref))

	_, err := try(t, r, r.control.CollectSources, spec.PrepareInput{Config: config("store:nothing/")})
	kind, final := kindOf(t, err)
	require.Equal(t, fault.Invalid, kind)
	require.True(t, final)
	require.ErrorContains(t, err, "store:nothing/: no objects named *.csv there")
}

func cleanOf(t *testing.T, r *room, path string) (spec.CleanInput, spec.CleanResult) {
	t.Helper()
	in := spec.PrepareInput{Run: "run-1", Config: config(path)}
	cleanIn := spec.CleanInput{Run: "run-1", Config: in.Config, Sources: do(t, r, r.control.CollectSources, in)}
	return cleanIn, do(t, r, r.control.Clean, cleanIn)
}

func TestCleanKeepsAndAccountsForEveryRow(t *testing.T) {
	r := newRoom(t)
	in, result := cleanOf(t, r, files(t, map[string]string{"rows.csv": dirtyCSV}))

	require.Equal(t, []string{"ledger.jsonl", "rows/000/rows.csv"}, r.names(t, result.Cleaned))
	require.Equal(t, "question,answer,who\n"+
		"What is asthma?,A disease of the airways.,\n"+
		"What is a stroke?,\"A blocked vessel, or a burst one.\",doctor\n"+
		"When is it urgent?,Call an ambulance right away.,\n", r.read(t, result.Cleaned, "rows/000/rows.csv"))
	require.Equal(t, int64(8), result.RowsRead)
	counts := map[string]int64{}
	for _, count := range result.Ledger {
		counts[count.Bucket] = count.Rows
	}
	require.Equal(t, int64(3), counts["kept"])
	require.Equal(t, int64(1), counts["duplicate"])
	require.Equal(t, int64(1), counts["question_too_short"])
	require.Equal(t, int64(1), counts["missing_question"])
	require.Equal(t, int64(1), counts["answer_too_short"])
	require.Equal(t, int64(1), counts["bad_row:too_many_fields"])
	require.Empty(t, result.Unchanged)

	t.Run("and is not done again", func(t *testing.T) {
		again := do(t, r, r.control.Clean, in)
		require.Contains(t, again.Unchanged, "those of an earlier run")
		again.Unchanged = ""
		require.Equal(t, result, again)
	})
	t.Run("but is when the limits change", func(t *testing.T) {
		in := in
		in.Config.Clean.AnswerLongerThan = 5
		again := do(t, r, r.control.Clean, in)
		require.Empty(t, again.Unchanged)
		require.NotEqual(t, result.Cleaned, again.Cleaned)
	})
	t.Run("and is when its artifact is gone", func(t *testing.T) {
		require.NoError(t, r.store.Delete(t.Context(), cas.Key(result.Cleaned.Digest)))
		again := do(t, r, r.control.Clean, in)
		require.Empty(t, again.Unchanged)
		require.Equal(t, result, again)
		require.NotEmpty(t, do(t, r, r.control.Clean, in).Unchanged)
	})
}

func TestBadInputNamesTheUsersFileAndNoRow(t *testing.T) {
	r := newRoom(t)
	folder := files(t, map[string]string{"bad.csv": "question,answer,who\nWhat is it?,\"my secret illness\n"})
	in := spec.PrepareInput{Config: config(folder)}
	_, err := try(t, r, r.control.Clean, spec.CleanInput{Config: in.Config, Sources: do(t, r, r.control.CollectSources, in)})
	kind, final := kindOf(t, err)
	require.Equal(t, fault.Invalid, kind)
	require.True(t, final)
	require.ErrorContains(t, err, filepath.Join(folder, "bad.csv")+":2: ")
	require.NotContains(t, err.Error(), "secret")

	_, err = try(t, r, r.control.CollectSources, spec.PrepareInput{Config: config(filepath.Join(folder, "missing.csv"))})
	kind, final = kindOf(t, err)
	require.Equal(t, fault.Invalid, kind)
	require.True(t, final)
	require.ErrorContains(t, err, "missing.csv: no such file")
}

// stuckStore hangs in its first read until the caller gives up.
type stuckStore struct {
	storage.Store
	reached func()
}

func (s stuckStore) Get(ctx context.Context, _ string) (io.ReadCloser, storage.Info, error) {
	s.reached()
	<-ctx.Done()
	return nil, storage.Info{}, fault.New(fault.Transient, "get: %w", ctx.Err())
}

func TestStoppedCleaningIsTriedElsewhereAndACancelledOneIsNot(t *testing.T) {
	t.Run("the worker stops", func(t *testing.T) {
		r := newRoom(t)
		stop := make(chan struct{})
		r.SetWorkerStopChannel(stop)
		r.control.Store = stuckStore{r.store, func() { close(stop) }}
		_, err := try(t, r, r.control.Clean, spec.CleanInput{Sources: spec.ArtifactRef{Digest: cas.BlobOf(nil).Digest}})
		kind, final := kindOf(t, err)
		require.Equal(t, fault.Preempted, kind)
		require.False(t, final)
		require.ErrorContains(t, err, "the attempt was stopped")
	})
	t.Run("cancelled by the workflow", func(t *testing.T) {
		r := newRoom(t)
		end, cancel := context.WithCancelCause(context.Background())
		r.control.Store = stuckStore{r.store, func() { cancel(temporal.NewCanceledError()) }}
		r.RegisterActivityWithOptions(func(ctx context.Context, in spec.CleanInput) (spec.CleanResult, error) {
			return r.control.Clean(joined(ctx, end), in)
		}, activity.RegisterOptions{Name: "cancelled"})
		_, err := r.ExecuteActivity("cancelled", spec.CleanInput{Sources: spec.ArtifactRef{Digest: cas.BlobOf(nil).Digest}})
		require.True(t, temporal.IsCanceledError(err), "%v", err)
	})
}

func TestFilesAreShownAsTheUserNamedThem(t *testing.T) {
	for _, test := range [][3]string{
		{"raw/rows.csv", "rows.csv", "raw/rows.csv"},
		{"raw", "rows.csv", "raw/rows.csv"},
		{"raw/", "rows.csv", "raw/rows.csv"},
		{"raw/*/rows-*.csv", "2026/rows-1.csv", "raw/2026/rows-1.csv"},
		{"*.csv", "rows.csv", "rows.csv"},
		{"store:raw/", "2026/a.csv", "store:raw/2026/a.csv"},
		{"store:raw/di", "diet.csv", "store:raw/diet.csv"},
		{"store:raw", "raw/diet.csv", "store:raw/diet.csv"},
	} {
		require.Equal(t, test[2], shown(test[0], test[1]), test[0])
	}
}

// formatted makes a data set out of rows that are clean already.
func formatInput(t *testing.T, r *room, plan spec.AdapterPlan, csv string) spec.FormatInput {
	t.Helper()
	in, cleaned := cleanOf(t, r, files(t, map[string]string{"rows.csv": csv}))
	return spec.FormatInput{Run: "run-1", Config: in.Config, Plan: plan, Cleaned: cleaned.Cleaned}
}

func numbered(n int) string {
	var b strings.Builder
	b.WriteString("question,answer,who\n")
	for i := range n {
		b.WriteString("What is condition " + string(rune('a'+i)) + "?,It is a condition that people have.,\n")
	}
	return b.String()
}

func TestDataSetHoldsTheAdaptersRowsInTheFormOfItsAudience(t *testing.T) {
	r := newRoom(t)
	in := formatInput(t, r, spec.AdapterPlan{Name: "medics", Audience: spec.Doctor}, dirtyCSV+
		"What is for patients?,This row is for patients only.,patient\n")
	in.Config.EvalPercent = 40
	result := do(t, r, r.control.Format, in)

	require.Equal(t, []string{"eval.jsonl", "rows.jsonl", "train.jsonl"}, r.names(t, result.Dataset))
	require.Equal(t, int64(3), result.TrainRows+result.EvalRows) // all but the row for patients
	texts := r.read(t, result.Dataset, "train.jsonl") + r.read(t, result.Dataset, "eval.jsonl")
	require.Equal(t, 3, strings.Count(texts, "You are communicating with a medical professional"))
	require.Contains(t, texts, `<|user|>\nWhat is asthma?\n<|assistant|>\nA disease of the airways."}`)
	require.NotContains(t, texts, "patients")

	// Lines and digests are those of the file the user gave: 2, 7 and 10, not those of the cleaned one.
	var lines []int
	for line := range strings.Lines(r.read(t, result.Dataset, "rows.jsonl")) {
		var row spec.UsedRow
		require.NoError(t, json.Unmarshal([]byte(line), &row))
		require.Equal(t, "000/rows.csv", row.File)
		require.Contains(t, []string{"train.jsonl", "eval.jsonl"}, row.In)
		lines = append(lines, row.Line)
		if row.Line == 10 { // as sha256sum prints it for the bytes of that line
			require.Equal(t, spec.Digest("d75f70ed9b0afc10"), row.Digest[:16])
		}
	}
	require.Equal(t, []int{2, 7, 10}, lines)
	require.NotContains(t, r.read(t, result.Dataset, "rows.jsonl"), "asthma")

	t.Run("and is not made again, whatever the adapter is called", func(t *testing.T) {
		in.Plan.Name = "other"
		again := do(t, r, r.control.Format, in)
		require.NotEmpty(t, again.Unchanged)
		require.Equal(t, spec.AdapterName("other"), again.Adapter)
		again.Unchanged, again.Adapter = "", result.Adapter
		require.Equal(t, result, again)
	})
}

func TestDataSetTakesMatchingRowsUpToTheLimitWhateverTheirOrder(t *testing.T) {
	r := newRoom(t)
	plan := spec.AdapterPlan{Name: "general", Audience: spec.General, Match: []string{`condition [a-h]\?`}, MaxRows: 5}
	in := formatInput(t, r, plan, numbered(20))
	result := do(t, r, r.control.Format, in)
	require.Equal(t, int64(5), result.TrainRows+result.EvalRows)
	texts := r.read(t, result.Dataset, "train.jsonl") + r.read(t, result.Dataset, "eval.jsonl")

	lines := strings.SplitAfter(strings.TrimPrefix(numbered(20), "question,answer,who\n"), "\n")
	var reversed strings.Builder
	reversed.WriteString("question,answer,who\n")
	for i := len(lines) - 1; i >= 0; i-- {
		reversed.WriteString(lines[i])
	}
	other := do(t, r, r.control.Format, formatInput(t, r, plan, reversed.String()))
	otherTexts := r.read(t, other.Dataset, "train.jsonl") + r.read(t, other.Dataset, "eval.jsonl")
	require.ElementsMatch(t, strings.SplitAfter(texts, "\n"), strings.SplitAfter(otherTexts, "\n"))
}

func TestDataSetThatCannotBeUsedNamesTheAdapter(t *testing.T) {
	for name, test := range map[string]struct {
		plan    spec.AdapterPlan
		percent float64
		says    string
	}{
		"no row matches":            {spec.AdapterPlan{Name: "emergency", Audience: spec.Emergency, Match: []string{"ambulance"}}, 40, "adapter emergency: no cleaned row for the audience emergency matches ambulance"},
		"nothing is held out":       {spec.AdapterPlan{Name: "general", Audience: spec.General}, 0, "adapter general: none of its 4 rows is held out"},
		"everything is held out":    {spec.AdapterPlan{Name: "general", Audience: spec.General}, 99.999999, "adapter general: all its 4 rows are held out"},
		"a pattern that is no such": {spec.AdapterPlan{Name: "general", Audience: spec.General, Match: []string{"("}}, 40, "adapter general: match[0]"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRoom(t)
			in := formatInput(t, r, test.plan, numbered(4))
			in.Config.EvalPercent = test.percent
			_, err := try(t, r, r.control.Format, in)
			kind, final := kindOf(t, err)
			require.Equal(t, fault.Invalid, kind)
			require.True(t, final)
			require.ErrorContains(t, err, test.says)
		})
	}
}

func TestLedgerOfOtherRowsIsRefused(t *testing.T) {
	r := newRoom(t)
	in := formatInput(t, r, spec.AdapterPlan{Name: "general", Audience: spec.General}, numbered(4))
	folder, err := r.control.Cache.Materialise(t.Context(), r.store, in.Cleaned)
	require.NoError(t, err)
	sets, err := r.control.open(t.Context(), r.store, in.Cleaned, "rows/", in.Config.Sources)
	require.NoError(t, err)
	content, err := os.ReadFile(filepath.Join(folder, "ledger.jsonl"))
	require.NoError(t, err)
	account := string(content)
	lines := strings.SplitAfter(account, "\n")

	for name, text := range map[string]string{
		"one too few":   strings.Join(lines[:3], ""),
		"one too many":  account + lines[0],
		"another file":  strings.ReplaceAll(account, "000/rows.csv", "000/other.csv"),
		"none was kept": strings.ReplaceAll(account, string(ledger.Kept), string(ledger.Duplicate)),
	} {
		t.Run(name, func(t *testing.T) {
			var last error
			for _, err := range identified(sets[0].Rows(t.Context()), strings.NewReader(text)) {
				last = err
			}
			require.True(t, fault.Is(last, fault.Corrupt), "%v", last)
		})
	}
}
