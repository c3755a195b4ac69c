package preference

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/spec"
)

// golden is what tests/peer/preferences/agreement.py writes.
type golden struct {
	Examples []struct {
		Name             string
		Units            []Counts
		Nominal, Ordinal *float64
	}
	Drawn []struct {
		Marks            []string
		Pairs, Values    int
		Nominal, Ordinal *float64
	}
}

func readGolden(t *testing.T) (g golden) {
	t.Helper()
	text, err := os.ReadFile("testdata/agreement.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &g))
	return g
}

// K. Krippendorff, Computing Krippendorff's Alpha-Reliability (2011), prints these for its sections B and D.
func TestAlphaOfThePublishedExamples(t *testing.T) {
	examples := readGolden(t).Examples
	require.Len(t, examples, 2)
	for i, published := range []struct{ nominal, ordinal float64 }{{0.743, 0.815}, {0.692, 0}} {
		alpha, defined := Alpha(examples[i].Units, Nominal)
		require.True(t, defined)
		require.InDelta(t, published.nominal, alpha, 0.0005, examples[i].Name)
		if published.ordinal != 0 {
			alpha, defined = Alpha(examples[i].Units, Ordinal)
			require.True(t, defined)
			require.InDelta(t, published.ordinal, alpha, 0.0005, examples[i].Name)
		}
	}
}

func TestAlphaIsThatOfPythonsPackage(t *testing.T) {
	g := readGolden(t)
	for _, example := range g.Examples {
		nominal, _ := Alpha(example.Units, Nominal)
		ordinal, _ := Alpha(example.Units, Ordinal)
		require.InDelta(t, *example.Nominal, nominal, 1e-12)
		require.InDelta(t, *example.Ordinal, ordinal, 1e-12)
	}
	require.NotEmpty(t, g.Drawn)
	for _, drawn := range g.Drawn {
		var marks []Marks
		for _, row := range drawn.Marks {
			marks = append(marks, Marks(row))
		}
		got := Agree(len(drawn.Marks[0]), marks)
		require.InDelta(t, *drawn.Nominal, *got.Nominal, 1e-12)
		require.InDelta(t, *drawn.Ordinal, *got.Ordinal, 1e-12)
		require.Equal(t, drawn.Pairs, got.Pairs)
		require.Equal(t, drawn.Values, got.Values)
	}
}

func TestAlphaIsNotDefinedWhereNothingCanDiffer(t *testing.T) {
	for name, marks := range map[string][]Marks{
		"nobody has judged":          {Marks("...")},
		"one reviewer":               {Marks("abt"), Marks("")},
		"reviewers who never met":    {Marks("a.."), Marks(".b.")},
		"all say the same of all":    {Marks("aaa"), Marks("aaa")},
		"nothing but both are bad":   {Marks("xx"), Marks("xx")},
		"there is not a single pair": nil,
	} {
		got := Agree(3, marks)
		require.Nil(t, got.Nominal, name)
		require.Nil(t, got.Ordinal, name)
	}
	perfect := Agree(3, []Marks{Marks("ABx"), Marks("abx")})
	require.InDelta(t, 1, *perfect.Nominal, 1e-15)
	require.InDelta(t, 1, *perfect.Ordinal, 1e-15)
}

func TestMarksKeepWhatWasSaid(t *testing.T) {
	var marks Marks
	for i, outcome := range spec.Outcomes() {
		mark, known := MarkOf(outcome, i%2 == 1)
		require.True(t, known)
		marks.Set(2*i, mark)
	}
	require.Equal(t, "a.B.t.X", string(marks))
	for i, outcome := range spec.Outcomes() {
		got, imported, judged := marks.At(2 * i)
		require.Equal(t, outcome, got)
		require.Equal(t, i%2 == 1, imported)
		require.True(t, judged)
		_, _, judged = marks.At(2*i + 1)
		require.False(t, judged)
	}
	_, known := MarkOf("better", false)
	require.False(t, known)

	text, err := json.Marshal(struct{ M Marks }{marks})
	require.NoError(t, err)
	require.Equal(t, `{"M":"a.B.t.X"}`, string(text))
	var again struct{ M Marks }
	require.NoError(t, json.Unmarshal(text, &again))
	require.Equal(t, marks, again.M)
}

func TestViewsShowReviewersAndPositionBias(t *testing.T) {
	views := []spec.ReviewerView{View("Person A", Marks("ab.txA"), 3, 1), View("Person B", Marks("b"), 1, 3)}
	require.Equal(t, spec.ReviewerView{Reviewer: "Person A", Judged: 5, PrefersA: 2, PrefersB: 1, Tie: 1, BothBad: 1, Imported: 1, First: 3, Second: 1}, views[0])
	got := WithReviewers(spec.AgreementResult{}, views)
	require.Equal(t, int64(8), got.Decisive)
	require.InDelta(t, 0.5, *got.FirstWins, 0)
	require.Nil(t, WithReviewers(spec.AgreementResult{}, nil).FirstWins)
}

func TestAPairIsDecidedByMoreThanHalf(t *testing.T) {
	for _, c := range []struct {
		tally   Tally
		outcome spec.Outcome
		votes   int
	}{
		{Tally{}, "", 0},
		{Tally{A: 1}, spec.PrefersA, 1},
		{Tally{A: 1, B: 1}, "", 0},
		{Tally{A: 2, B: 1}, spec.PrefersA, 2},
		{Tally{A: 2, B: 1, Tie: 1}, "", 0}, // a plurality is no majority
		{Tally{B: 3, BothBad: 2}, spec.PrefersB, 3},
		{Tally{Tie: 2}, spec.Tie, 2},
		{Tally{A: 1, BothBad: 2}, spec.BothBad, 2},
	} {
		outcome, votes := c.tally.Decide()
		require.Equal(t, c.outcome, outcome, c.tally)
		require.Equal(t, c.votes, votes, c.tally)
	}
	counts := CountPairs([]Tally{{}, {A: 1}, {B: 2, A: 1}, {Tie: 1}, {BothBad: 1}, {A: 1, B: 1}})
	require.Equal(t, spec.OutcomeCounts{Pairs: 6, PrefersA: 1, PrefersB: 1, Tie: 1, BothBad: 1, Undecided: 1, Unjudged: 1, Judgements: 8}, counts)
	var tally Tally
	for _, outcome := range spec.Outcomes() {
		tally.Add(outcome)
	}
	require.Equal(t, Tally{1, 1, 1, 1}, tally)
	require.Equal(t, 4, tally.Judgements())
}
