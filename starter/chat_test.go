package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/data/instruct"
	"elara/serving"
	"elara/spec"
)

const chatToken = "a-token-of-some-length"

// echo answers with the model's name and the whole text that it is given, a byte a token.
type echo struct{}

func (echo) EncodeWithSpecial(text string) []int32 {
	ids := make([]int32, len(text))
	for i := range len(text) {
		ids[i] = int32(text[i])
	}
	return ids
}

func (echo) Decode(ids []int32, _ bool) string {
	raw := make([]byte, len(ids))
	for i, id := range ids {
		raw[i] = byte(id)
	}
	return strings.ToValidUTF8(string(raw), "\ufffd")
}

func (e echo) Generate(_ context.Context, g serving.Generation, each func(id int32) error) (serving.FinishReason, error) {
	_, asked, _ := strings.Cut(e.Decode(g.Prompt, true), "<|user|>")
	for _, id := range e.EncodeWithSpecial(g.Model + ":\x1b[2J" + strings.ReplaceAll(strings.ReplaceAll(asked, "\n", " "), "<|", "")) {
		if err := each(id); err != nil {
			return "", err
		}
	}
	return serving.FinishStop, nil
}

// chatSite is a server with a base and an adapter for patients; it gives the address up to /v1.
func chatSite(t *testing.T) string {
	t.Helper()
	server, err := serving.New(serving.Config{
		Models: []serving.Model{
			{Name: serving.Base, Digest: spec.Digest(strings.Repeat("0", 64))},
			{Name: "patient", Audience: spec.Patient, Digest: spec.Digest(strings.Repeat("1", 64))},
		},
		Template: instruct.Guide(), Tokenizer: echo{}, Generator: echo{}, Window: 4096, Token: chatToken, Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	running := httptest.NewServer(server.Handler())
	t.Cleanup(running.Close)
	t.Setenv(serving.TokenVariable, chatToken)
	return running.URL + "/v1"
}

// chatted pipes lines into elara chat, or types them where a person sits there.
func chatted(t *testing.T, person bool, lines string, args ...string) said {
	t.Helper()
	var out, errs strings.Builder
	a := &app{in: strings.NewReader(lines), out: &out, err: &errs, inTerminal: person, getenv: func(string) string { return chatToken }}
	code := execute(t.Context(), a, append([]string{"chat"}, args...))
	return said{code: code, out: out.String(), err: errs.String()}
}

func TestPipedChatPrintsTheAnswersAloneAndRemembersTheTurns(t *testing.T) {
	url := chatSite(t)
	got := chatted(t, false, "Why?\n\n/reset\nWho?\nAnd \u00e4?\n/adapter base\nHow?\n", "--url", url)
	require.Equal(t, said{0, "patient:[2J Why? assistant|> \n" +
		"patient:[2J Who? assistant|> \n" +
		"patient:[2J Who? assistant|> patient:[2J Who? assistant|>  user|> And \u00e4? assistant|> \n" +
		"base:[2J How? assistant|> \n", ""}, got)
}

// TestChatPrintsNothingThatATerminalObeysOrHides has a model say characters that turn the direction of a text around, take
// no room, go back in the line or delete.
func TestChatPrintsNothingThatATerminalObeysOrHides(t *testing.T) {
	url := chatSite(t)
	got := chatted(t, false, "W\u202eh\u200by\u2066 \ufeff n\rot\x7f\u0085?\tNo\u00a0more.\n", "--url", url)
	require.Equal(t, said{0, "patient:[2J Why  not?\tNo\u00a0more. assistant|> \n", ""}, got)
}

func TestChatShowsTheTextThatTheModelIsGiven(t *testing.T) {
	url := chatSite(t)
	for audience, args := range map[spec.Audience][]string{spec.Patient: nil, spec.Doctor: {"--use", "base", "--audience", "doctor"}} {
		got := chatted(t, false, "/template\n", append(args, "--url", url)...)
		taught, err := instruct.Guide().Text("{question}", "", audience)
		require.NoError(t, err)
		hash, err := instruct.Guide().Hash()
		require.NoError(t, err)
		require.Equal(t, said{0, taught + "template " + hash.Short() + " of elara-guide\n", ""}, got)
	}
}

func TestChatSwitchesAdapterAndAudience(t *testing.T) {
	url := chatSite(t)
	got := chatted(t, true, "/adapter\n/audience\n/audience doctor\n/adapter base\n/audience doctor\n/audience\n/adapter nurse\n/what\n/quit\nWhy?\n", "--url", url)
	require.Equal(t, 0, got.code)
	require.Empty(t, got.out)
	for _, want := range []string{
		"patient 111111111111, for the audience patient  (/help lists the commands)", "base                 any audience",
		"patient answers for the audience patient, expected /adapter with another, or base", "base 000000000000, for the audience doctor",
		"the server has no model nurse, expected one of: base, patient", "unknown command /what",
	} {
		require.Contains(t, got.err, want)
	}
}

func TestChatIsRefusedInOneLine(t *testing.T) {
	url := chatSite(t)
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	for want, c := range map[string]struct {
		lines string
		args  []string
		code  int
	}{
		"expected one of --model DIR and --url URL":         {"", nil, 2},
		"the server has no model nurse":                     {"", []string{"--url", url, "--use", "nurse"}, 2},
		`audience "nurse"`:                                  {"", []string{"--url", url, "--use", "base", "--audience", "nurse"}, 2},
		"the server: messages: message 1 holds a line":      {"<|user|>\n", []string{"--url", url}, 2},
		"the server: the model's window is 4096 tokens":     {"Why?\n", []string{"--url", url, "--max-tokens", "9999"}, 2},
		"answers 404 Not Found, expected OpenAI's form":     {"", []string{"--url", other.URL}, 1},
		"the server: temperature: expected 0 to 2, found 9": {"Why?\n", []string{"--url", url, "--temperature", "9"}, 2},
	} {
		got := chatted(t, false, c.lines, c.args...)
		require.Equal(t, c.code, got.code, fmt.Sprint(want, got))
		require.Contains(t, got.err, want)
		require.Equal(t, 1, strings.Count(got.err, "\n"), got.err)
	}
}
