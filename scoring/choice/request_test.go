package choice_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/scoring/choice"
	"elara/spec"
)

// letters is a tokenizer of one token a byte, which joins "e" and "f" where they meet.
func letters(text string) []int32 {
	var ids []int32
	for i := 0; i < len(text); i++ {
		if strings.HasPrefix(text[i:], "ef") {
			ids, i = append(ids, 1000), i+1
			continue
		}
		ids = append(ids, int32(text[i]))
	}
	return ids
}

// By hand, after TemplateLM._encode_pair and HFLM._loglikelihood_tokens of lm-evaluation-harness 0.4.13.
func TestRequestsAreCutAsTheHarnessCutsThem(t *testing.T) {
	requests := func(prompt, text string, positions int) ([]choice.Request, error) {
		return choice.Requests(spec.ChoiceItem{Prompt: prompt, Choices: []string{text}}, letters, positions)
	}
	for name, c := range map[string]struct {
		prompt, choice string
		positions      int
		want           choice.Request
	}{
		"prompt, then choice":                 {"ab:", "c", 10, choice.Request{Tokens: letters("ab: c"), Scored: 2}},
		"white space goes to the choice":      {"ab: \n", "c", 10, choice.Request{Tokens: letters("ab: \n c"), Scored: 4}},
		"a no-break space is white space":     {"ab\u00a0", "c", 10, choice.Request{Tokens: letters("ab\u00a0 c"), Scored: 4}},
		"the prompt loses its beginning":      {"abcdxyz", "c", 4, choice.Request{Tokens: letters("xyz c"), Scored: 2}},
		"what fits with its last token stays": {"abc", "c", 4, choice.Request{Tokens: letters("abc c"), Scored: 2}},
		"a choice may be all that is left":    {"abc", "cd", 3, choice.Request{Tokens: letters("c cd"), Scored: 3}},
	} {
		got, err := requests(c.prompt, c.choice, c.positions)
		require.NoError(t, err, name)
		require.Equal(t, []choice.Request{c.want}, got, name)
	}
	_, err := requests("abc", "def", 2)
	require.EqualError(t, err, "choice A has more tokens than the model has positions; expected a shorter one")
	_, err = requests("  ", "c", 10)
	require.EqualError(t, err, "prompt or choice A has no token of its own; expected some in both")
}
