package choice

import (
	"errors"
	"slices"
	"strings"
	"unicode"

	"elara/spec"
)

// Request is one choice behind its prompt, as tokens: the model scores the last Scored of them, given those before.
type Request struct {
	Tokens []int32
	Scored int
}

// Requests cuts each choice of an item into a request; encode turns text into tokens with the special tokens that the
// tokenizer itself adds, and positions is how many tokens the model takes. The rules are those of lm-evaluation-harness
// (TemplateLM._encode_pair and HFLM._loglikelihood_tokens of 0.4.13).
func Requests(item spec.ChoiceItem, encode func(string) []int32, positions int) ([]Request, error) {
	context := encode(strings.TrimRightFunc(item.Prompt, isPythonSpace))
	requests := make([]Request, len(item.Choices))
	for i, c := range item.Choices {
		continuation := behind(context, encode(item.Prompt+" "+c))
		switch {
		case len(context) == 0 || len(continuation) == 0:
			return nil, errors.New("prompt or choice " + letter(i) + " has no token of its own; expected some in both")
		case len(continuation) > positions:
			return nil, errors.New("choice " + letter(i) + " has more tokens than the model has positions; expected a shorter one")
		}
		requests[i] = Fit(context, continuation, positions)
	}
	return requests, nil
}

// Fit puts a continuation behind a context, which loses its beginning where both together are too long: the last token is predicted,
// not read.
func Fit(context, continuation []int32, positions int) Request {
	tokens := slices.Concat(context, continuation)
	if most := positions + 1; len(tokens) > most {
		tokens = tokens[len(tokens)-most:]
	}
	return Request{Tokens: tokens, Scored: len(continuation)}
}

// behind takes for the continuation what stands, in prompt and continuation encoded together, behind as many tokens as the prompt
// alone has. White space at the prompt's end belongs to the continuation, for a token begins with it.
func behind(context, whole []int32) []int32 { return whole[min(len(context), len(whole)):] }

// isPythonSpace is str.isspace: Unicode's white space and the four separators below it.
func isPythonSpace(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f }
