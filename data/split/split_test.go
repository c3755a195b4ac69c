package split_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/data/source"
	"elara/data/split"
	"elara/spec"
	"elara/spec/fault"
)

func rowsOf(text string) iter.Seq2[source.Row, error] {
	open := func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }
	set := source.Set{Files: []source.File{{Path: "x.csv", Name: "x.csv", Open: open}}, Columns: source.Columns{Audience: "audience"}}
	return set.Rows(context.Background())
}

func ask(t *testing.T, question, answer string) source.Row {
	t.Helper()
	quote := func(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }
	for row, err := range rowsOf("question,answer,audience\n" + quote(question) + "," + quote(answer) + ",\n") {
		require.NoError(t, err)
		return row
	}
	return source.Row{}
}

func TestSideIsTheOneOfTheDefinition(t *testing.T) {
	content, err := os.ReadFile("../../tests/peer/clean/golden.json")
	require.NoError(t, err)
	var golden struct {
		Sides []struct {
			Question string
			Seed     int64
			Percent  float64
			HeldOut  bool `json:"held_out"`
		}
	}
	require.NoError(t, json.Unmarshal(content, &golden))
	require.Len(t, golden.Sides, 192)
	heldOut := 0
	for _, want := range golden.Sides {
		sides, err := split.New(want.Seed, want.Percent)
		require.NoError(t, err)
		require.Equal(t, want.HeldOut, sides.IsHeldOut(ask(t, want.Question, "any answer")), "%+v", want)
		if want.HeldOut {
			heldOut++
		}
	}
	require.Greater(t, heldOut, 30)
}

func TestSameQuestionIsOnOneSideWhateverItsFormAndAnswer(t *testing.T) {
	sides, err := split.New(42, 50)
	require.NoError(t, err)
	counts := map[bool]int{}
	for i := range 200 {
		question := fmt.Sprintf("What helps against Fieber %d?", i)
		want := sides.IsHeldOut(ask(t, question, "Rest."))
		counts[want]++
		for _, form := range []string{strings.ToUpper(question), " what  helps\tagainst FIEBER " + fmt.Sprint(i), "What helps against “Ｆieber” " + fmt.Sprint(i) + " ?!"} {
			require.Equal(t, want, sides.IsHeldOut(ask(t, form, "Something else.")), "%q", form)
		}
	}
	require.InDelta(t, 100, counts[true], 25, "about half of them")
	for i := range 40 { // one character of compatibility, and a capital that has no single character
		mg, greek := fmt.Sprintf("Is %d mg enough?", i), fmt.Sprintf("ΐ %d", i)
		require.Equal(t, sides.IsHeldOut(ask(t, mg, "x")), sides.IsHeldOut(ask(t, strings.Replace(mg, "mg", "㎎", 1), "x")))
		require.Equal(t, sides.IsHeldOut(ask(t, greek, "x")), sides.IsHeldOut(ask(t, strings.Replace(greek, "ΐ", "\u03aa\u0301", 1), "x")))
	}
}

func TestShareAndSeedDecide(t *testing.T) {
	held := func(seed int64, percent float64) (list []int) {
		sides, err := split.New(seed, percent)
		require.NoError(t, err)
		for i := range 2000 {
			if sides.IsHeldOut(ask(t, fmt.Sprintf("Question %d", i), "x")) {
				list = append(list, i)
			}
		}
		return list
	}
	ten := held(1, 10)
	require.InDelta(t, 200, len(ten), 40) // 3 standard deviations of a binomial are 40
	require.Subset(t, held(1, 20), ten, "a larger share keeps those that were held out")
	require.NotEqual(t, ten, held(2, 10))
	require.Empty(t, held(1, 0))
}

func TestShareThatIsNoPercentageIsRefused(t *testing.T) {
	for _, percent := range []float64{-1, 100, math.NaN(), math.Inf(1)} {
		_, err := split.New(1, percent)
		require.ErrorContains(t, err, "expected 0 or more and less than 100")
		require.True(t, fault.Is(err, fault.Invalid))
	}
}

const people = `question,answer,audience
My child coughs,Keep warm,patient
Dose of drug A,Five mg per kg for a CHILD,doctor
Chest pain,Call an ambulance,
Chest pain in a child,Call an ambulance,
`

func questions(t *testing.T, choice split.Choice, rows iter.Seq2[source.Row, error]) (list []string) {
	t.Helper()
	for row, err := range choice.Rows(rows) {
		require.NoError(t, err)
		list = append(list, row.Question())
	}
	return list
}

func TestChoiceGoesByAudienceAndPatterns(t *testing.T) {
	for _, test := range []struct {
		audience spec.Audience
		match    []string
		want     []string
	}{
		{spec.Patient, nil, []string{"My child coughs", "Chest pain", "Chest pain in a child"}},
		{spec.Doctor, nil, []string{"Dose of drug A", "Chest pain", "Chest pain in a child"}},
		{spec.Doctor, []string{"(?i)child"}, []string{"Dose of drug A", "Chest pain in a child"}},
		{spec.General, []string{"^x$", "ambulance"}, []string{"Chest pain", "Chest pain in a child"}},
		{spec.Emergency, []string{"nothing"}, nil},
	} {
		choice, err := split.Compile(test.audience, test.match, 0, 1)
		require.NoError(t, err)
		require.Equal(t, test.want, questions(t, choice, rowsOf(people)), "%+v", test)
	}
}

func many(from, to int) string {
	var text strings.Builder
	text.WriteString("question,answer,audience\n")
	for i := from; i < to; i++ {
		fmt.Fprintf(&text, "q%d,a,\n", i)
	}
	return text.String()
}

func TestMaxRowsPicksEvenlyInOrderAndKeepsItsPickWhenDataGrows(t *testing.T) {
	choice, err := split.Compile(spec.General, nil, 100, 7)
	require.NoError(t, err)
	got := questions(t, choice, rowsOf(many(0, 1000)))
	require.Len(t, got, 100)
	firstHalf, last := 0, -1
	for _, question := range got {
		var i int
		_, err := fmt.Sscanf(question, "q%d", &i)
		require.NoError(t, err)
		require.Greater(t, i, last, "in the order of the data")
		last = i
		if i < 500 {
			firstHalf++
		}
	}
	require.InDelta(t, 50, firstHalf, 15) // 3 standard deviations
	grown := questions(t, choice, rowsOf(many(0, 1001)))
	kept := 0
	for _, question := range grown {
		if strings.Contains(strings.Join(got, " ")+" ", question+" ") {
			kept++
		}
	}
	require.GreaterOrEqual(t, kept, 99)

	require.Len(t, questions(t, choice, rowsOf(many(0, 40))), 40, "fewer than the limit: all")
	other, err := split.Compile(spec.General, nil, 100, 8)
	require.NoError(t, err)
	require.NotEqual(t, got, questions(t, other, rowsOf(many(0, 1000))))
}

func TestEqualRowsAreCountedOneByOneByMaxRows(t *testing.T) {
	choice, err := split.Compile(spec.General, nil, 2, 7)
	require.NoError(t, err)
	require.Equal(t, []string{"q", "q"}, questions(t, choice, rowsOf("question,answer,audience\nq,a,\nq,a,\nq,a,\n")))
}

func TestChoiceThatCannotBeIsRefused(t *testing.T) {
	_, err := split.Compile(spec.General, []string{"ok", "(a"}, 0, 1)
	require.ErrorContains(t, err, "match[1]: expected a regular expression: error parsing regexp: missing closing )")
	require.True(t, fault.Is(err, fault.Invalid))
	_, err = split.Compile("nurse", nil, 0, 1)
	require.True(t, fault.Is(err, fault.Invalid))
	_, err = split.Compile(spec.General, nil, -1, 1)
	require.EqualError(t, err, "max_rows -1: expected 0 for all rows, or more")
}

func TestErrorOfTheRowsEndsAChoiceWithoutRows(t *testing.T) {
	broken := errors.New("disk gone")
	rows := func(yield func(source.Row, error) bool) {
		_ = yield(ask(t, "q", "a"), nil) && yield(source.Row{}, broken)
	}
	choice, err := split.Compile(spec.General, nil, 5, 1)
	require.NoError(t, err)
	n := 0
	for _, err := range choice.Rows(rows) {
		require.ErrorIs(t, err, broken)
		n++
	}
	require.Equal(t, 1, n)
}
