package choice_test

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/scoring/choice"
	"elara/spec"
	"elara/spec/fault"
)

// By hand. Item 1: sums -4, -6: acc takes the first (wrong); per character -4/1, -6/10: the second (right). Item 2: a tie
// goes to the first (right), per character too. acc 0.5 with deviation 0.7071 and standard error 0.5; acc_norm 1.
func TestScoreIsThatOfTheHarness(t *testing.T) {
	items := []spec.ChoiceItem{
		{ID: "1", Choices: []string{"a", "ten letter"}, Gold: 1},
		{ID: "2", Choices: []string{"é", "b"}, Gold: 0},
	}
	result, err := choice.Score(items, [][]spec.Likelihood{{{Sum: -4, Tokens: 1}, {Sum: -6, Tokens: 3}}, {{Sum: -2, Tokens: 1}, {Sum: -2, Tokens: 1}}})
	require.NoError(t, err)
	require.InDelta(t, 0.5, result.Acc, 1e-12)
	require.InDelta(t, 0.5, result.AccStandardError, 1e-12)
	require.InDelta(t, 1, result.AccNorm, 1e-12)
	require.InDelta(t, 0, result.AccNormStandardError, 1e-12)
	require.InDelta(t, 1, result.AccTokens, 1e-12)
	require.InDelta(t, 0.5, result.Chance, 1e-12)
	require.Equal(t, []bool{false, true}, result.Right)
	require.InDelta(t, 1, result.AccBytes, 1e-12) // é has two bytes: -2/2 above -2/1

	_, err = choice.Score(items, [][]spec.Likelihood{{{Sum: -4, Tokens: 1}, {Sum: -6, Tokens: 3}}, {{Sum: -2, Tokens: 1}}})
	require.EqualError(t, err, "item 2: 1 likelihoods; expected 2, one a choice")
	_, err = choice.Score(nil, nil)
	require.True(t, fault.Is(err, fault.Invalid))
}

func write(t *testing.T, lines ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "items.jsonl")
	require.NoError(t, os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o600))
	return path
}

// The prompts are those of the harness's preprocess_medqa.py, utils_medmcqa.py and preprocess_pubmedqa.py; cloze is its arc_easy.yaml.
func TestPromptsAreThoseOfTheHarness(t *testing.T) {
	for form, c := range map[spec.ChoiceForm]struct {
		lines []string
		want  spec.ChoiceItem
	}{
		"medqa": {
			[]string{`{"question":"Q?","answer":"two","options":{"A":"one","B":"two","C":"three","D":"four"},"meta_info":"step1","answer_idx":"B"}`},
			spec.ChoiceItem{ID: "medqa:1", Prompt: "Question: Q?\nA. one\nB. two\nC. three\nD. four\nAnswer:", Choices: []string{"A", "B", "C", "D"}, Gold: 1},
		},
		"medmcqa": {
			[]string{`{"id":"x","question":"Q?","opa":"one","opb":"two","opc":"three","opd":"four","cop":4,"exp":"because"}`},
			spec.ChoiceItem{ID: "x", Prompt: "Question: Q?\nChoices:\nA. one\nB. two\nC. three\nD. four\nAnswer:", Choices: []string{"A", "B", "C", "D"}, Gold: 3},
		},
		"pubmedqa": {
			[]string{`{"pubid":21645374,"question":"Q?","context":{"contexts":["c1","c2"],"labels":["L"]},"long_answer":"l","final_decision":"maybe"}`},
			spec.ChoiceItem{ID: "21645374", Prompt: "Abstract: c1\nc2\nQuestion: Q?\nAnswer:", Choices: []string{"yes", "no", "maybe"}, Gold: 2},
		},
		"generic": {
			[]string{"", `{"id":"g","question":"Q?","choices":["one","two"],"answer":"A"}`},
			spec.ChoiceItem{ID: "g", Prompt: "Question: Q?\nA. one\nB. two\nAnswer:", Choices: []string{"A", "B"}, Gold: 0},
		},
		"cloze": {
			[]string{`{"id":"c","question":"Q?","choices":["one","two"],"answer":"B"}`},
			spec.ChoiceItem{ID: "c", Prompt: "Question: Q?\nAnswer:", Choices: []string{"one", "two"}, Gold: 1},
		},
	} {
		items, err := choice.Read(form, write(t, c.lines...))
		require.NoError(t, err)
		require.Equal(t, []spec.ChoiceItem{c.want}, items, form)
	}
	zero, err := choice.Read("medmcqa", write(t, `{"question":"Q?","opa":"1","opb":"2","opc":"3","opd":"4","cop":0}`))
	require.NoError(t, err)
	require.Zero(t, zero[0].Gold)
}

func TestBadItemsNameTheLine(t *testing.T) {
	const good = `{"question":"Q?","choices":["one","two"],"answer":"A"}`
	for line, want := range map[string]string{
		`{"question":"Q?","choices":["one","two"],"answer":"E"}`: `:2: label "E" outside the choices; expected one of A, B`,
		`{"question":"Q?","choices":["one","two"],"answer":""}`:  `:2: label "" outside the choices; expected one of A, B`,
		`{"question":" ","choices":["one","two"],"answer":"A"}`:  `:2: no "question"; expected a text`,
		`{"question":"Q?","choices":["one",""],"answer":"A"}`:    `:2: choice B is empty; expected a text`,
		`{"question":"Q?","choices":["one"],"answer":"A"}`:       `:2: 1 choices; expected at least two`,
		`{"question":"Q?","choices":["one","one"],"answer":"A"}`: `:2: a choice stands twice; expected different ones`,
		`{"question":"Q?","choices":["one","two"],"anwser":"A"}`: `:2: unknown field "anwser"; expected one object a line`,
		`{"question":"Q?"`: `:2: unexpected EOF; expected one object a line`,
		`{"question":"Q?","choices":["one","two"],"answer":"A"} {}`: `:2: more behind the object; expected one object a line`,
		"{\"question\":\"\xff\"}":                                   `:2: not UTF-8; expected a UTF-8 file`,
	} {
		path := write(t, good, line)
		_, err := choice.Read("generic", path)
		require.EqualError(t, err, path+want)
		require.True(t, fault.Is(err, fault.Invalid))
	}
	for form, c := range map[spec.ChoiceForm][2]string{
		"cloze":    {`{"question":"Q?","choices":["one","two"],"answer":"one"}`, `:1: label "one" outside the choices; expected one of A, B`},
		"medqa":    {`{"question":"Q?","options":{"A":"one","C":"three"},"answer_idx":"A"}`, `:1: "options" has no B; expected the letters from A on`},
		"medmcqa":  {`{"question":"Q?","opa":"1","opb":"2","opc":"3","opd":"4","cop":5}`, `:1: "cop" is missing or outside the choices; expected 0 to 3 or 1 to 4`},
		"pubmedqa": {`{"question":"Q?","context":{},"final_decision":"yes"}`, `:1: no "contexts" in "context"; expected the abstract`},
	} {
		path := write(t, c[0])
		_, err := choice.Read(form, path)
		require.EqualError(t, err, path+c[1])
	}
	mixed := write(t, `{"question":"Q?","opa":"1","opb":"2","opc":"3","opd":"4","cop":0}`, `{"question":"Q?","opa":"1","opb":"2","opc":"3","opd":"4","cop":4}`)
	_, err := choice.Read("medmcqa", mixed)
	require.EqualError(t, err, mixed+`:2: "cop" counts from 0 and up to 4; expected 0 to 3 or 1 to 4 in the whole file`)
	unsure := write(t, `{"question":"Q?","opa":"1","opb":"2","opc":"3","opd":"4","cop":2}`)
	_, err = choice.Read("medmcqa", unsure)
	require.ErrorContains(t, err, `no "cop" is 0 or 4`)
	_, err = choice.Read("generic", write(t))
	require.ErrorContains(t, err, "no items; expected one a line")
	_, err = choice.Read("gpqa", unsure)
	require.EqualError(t, err, `form "gpqa": expected medqa, medmcqa, pubmedqa, generic or cloze`)
	_, err = choice.Read("generic", unsure+"x")
	require.True(t, fault.Is(err, fault.NotFound))
}

func TestOwnSetIsLargeBalancedAndWithoutDoubles(t *testing.T) {
	own, err := choice.Own()
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(own), 300)
	questions, ids, golds := map[string]bool{}, map[string]bool{}, map[string]int{}
	var lines []string
	for _, item := range own {
		require.False(t, questions[item.Question], item.Question)
		require.False(t, ids[item.ID], item.ID)
		questions[item.Question], ids[item.ID] = true, true
		golds[item.Answer]++
		require.Len(t, item.Choices, 4)
		line, err := json.Marshal(item)
		require.NoError(t, err)
		lines = append(lines, string(line))
	}
	for _, letter := range []string{"A", "B", "C", "D"} {
		require.InDelta(t, float64(len(own))/4, float64(golds[letter]), 1)
	}
	again, err := choice.Own()
	require.NoError(t, err)
	require.Equal(t, own, again)

	items, err := choice.Read("generic", write(t, lines...)) // the strict reader takes the set
	require.NoError(t, err)
	require.Len(t, items, len(own))
}

func TestSetsAreLoadedUnderTheirNames(t *testing.T) {
	for _, form := range []spec.ChoiceForm{spec.ChoiceGeneric, spec.ChoiceCloze} {
		items, err := choice.Load(spec.ChoiceSet{Form: form, MaxItems: 7})
		require.NoError(t, err)
		require.Len(t, items, 7)
		require.Equal(t, "own, "+string(form), items[0].Set)
		set, err := choice.Own()
		require.NoError(t, err)
		for i, item := range items {
			require.Equal(t, set[i].ID, item.ID)
			require.Equal(t, int(set[i].Answer[0]-'A'), item.Gold)
			require.Equal(t, form == spec.ChoiceGeneric, strings.Contains(item.Prompt, set[i].Choices[0]), item.Prompt)
			if form == spec.ChoiceCloze {
				require.Equal(t, set[i].Choices, item.Choices)
			}
		}
	}
	file := write(t, `{"question":"Q?","choices":["one","two"],"answer":"A"}`, `{"question":"R?","choices":["one","two"],"answer":"B"}`)
	items, err := choice.Load(spec.ChoiceSet{Form: spec.ChoiceCloze, Path: file})
	require.NoError(t, err)
	require.Len(t, items, 2)
	require.Equal(t, "items.jsonl, cloze", items[1].Set)
	_, err = choice.Load(spec.ChoiceSet{Form: spec.ChoiceMedQA})
	require.EqualError(t, err, "form medqa without a path: the own questions come as generic or cloze")
}

// A guesser that knows no medicine must stay near chance: the longest choice, and always A.
func TestOwnSetIsNotSolvedByLength(t *testing.T) {
	own, err := choice.Own()
	require.NoError(t, err)
	longest := 0
	for _, item := range own {
		best := 0
		for i, c := range item.Choices {
			if len(c) > len(item.Choices[best]) {
				best = i
			}
		}
		if string(rune('A'+best)) == item.Answer {
			longest++
		}
	}
	share := float64(longest) / float64(len(own))
	require.Less(t, math.Abs(share-0.25), 0.08)
}
