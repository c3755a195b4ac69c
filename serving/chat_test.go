package serving_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"elara/data/export"
	"elara/data/instruct"
	"elara/serving"
	"elara/spec"
	"elara/spec/fault"
	"elara/telemetry"
)

// The prompt is the training text of the same question, less the answer, byte for byte.
func TestModelIsAskedAsItWasTaught(t *testing.T) {
	s := newSite(t, nil)
	for _, c := range []struct {
		model, more string
		audience    spec.Audience
	}{
		{"patient", "", spec.Patient}, {"doctor", "", spec.Doctor}, {"doctor", `,"audience":"doctor"`, spec.Doctor},
		{"base", "", spec.General}, {"base", `,"audience":"emergency"`, spec.Emergency},
	} {
		question := "Ist das <sicher>?\n\tJa & \u00e4 \U0001F600"
		status, body := s.post(t, asking(c.model, question, c.more+`,"return_token_ids":true`))
		require.Equal(t, 200, status, body)
		taught, err := instruct.Guide().Text(question, "Yes.", c.audience)
		require.NoError(t, err)
		require.Equal(t, taught, byteTokens{}.Decode(s.toy.last().Prompt, true)+"Yes.")
		answer := answered(t, body)
		require.Equal(t, s.toy.last().Prompt, answer.PromptIDs)
		require.Equal(t, c.model+": "+question, *answer.Choices[0].Message.Content)
		require.Equal(t, byteTokens{}.EncodeWithSpecial(c.model+": "+question), answer.Choices[0].TokenIDs[:len(answer.Choices[0].TokenIDs)-1])
	}
}

func TestTurnsAndSystemMessageAreTheConversationOfTheTemplate(t *testing.T) {
	s := newSite(t, nil)
	for _, role := range []string{"system", "developer"} {
		status, body := s.post(t, `{"model":"patient","messages":[{"role":"`+role+`","content":"Be brief."},{"role":"user","content":"Why?"},
			{"role":"assistant","content":"So."},{"role":"user","content":[{"type":"text","text":"And "},{"type":"text","text":"then?"}]}]}`)
		require.Equal(t, 200, status, body)
		require.Equal(t, "<|system|>\nBe brief.\n<|user|>\nWhy?\n<|assistant|>\nSo.\n<|user|>\nAnd then?\n<|assistant|>\n",
			byteTokens{}.Decode(s.toy.last().Prompt, true))
	}
}

func TestOptionsReachTheGenerator(t *testing.T) {
	s := newSite(t, func(c *serving.Config) { c.MaxNewTokens = 7 })
	_, body := s.post(t, asking("base", "Why?", `,"temperature":0,"top_p":0.5,"seed":-3,"max_tokens":4,"n":1,"user":"x","tools":[],"stop":null,"logit_bias":{}`))
	require.Equal(t, "base", *answered(t, body).Choices[0].Message.Content)
	require.Equal(t, serving.FinishLength, *answered(t, body).Choices[0].Finish)
	got := s.toy.last()
	got.Prompt = nil
	minus := int64(-3)
	require.Equal(t, serving.Generation{Model: "base", MaxNewTokens: 4, TopP: 0.5, Seed: uint64(minus)}, got)
	_, body = s.post(t, asking("base", "Why?", ""))
	require.Equal(t, 1.0, s.toy.last().Temperature)
	require.Equal(t, 1.0, s.toy.last().TopP)
	require.Equal(t, 7, s.toy.last().MaxNewTokens)
	usage := answered(t, body).Usage
	require.Equal(t, serving.Usage{Prompt: len(s.toy.last().Prompt), Completion: 7, Total: len(s.toy.last().Prompt) + 7}, *usage)
}

func TestStopsEndTheAnswerBeforeThem(t *testing.T) {
	s := newSite(t, nil)
	for stop, want := range map[string]string{`"cd"`: "base: ab", `["zz","f"]`: "base: abcde", `"xyz"`: "base: abcdef", `["f!","def"]`: "base: abc", `"ef?"`: "base: abcdef"} {
		for _, stream := range []bool{false, true} {
			_, body := s.post(t, asking("base", "abcdef", fmt.Sprintf(`,"stop":%s,"stream":%v`, stop, stream)))
			if stream {
				text, _, _ := streamed(t, body)
				require.Equal(t, want, text, stop)
				continue
			}
			require.Equal(t, want, *answered(t, body).Choices[0].Message.Content, stop)
			require.Equal(t, serving.FinishStop, *answered(t, body).Choices[0].Finish)
		}
	}
}

// streamed reads server-sent events, and gives the text, the tokens and the usage.
func streamed(t *testing.T, body string) (text string, ids []int32, usage *serving.Usage) {
	t.Helper()
	events := strings.Split(strings.TrimSuffix(body, "\n\n"), "\n\n")
	require.Equal(t, "data: [DONE]", events[len(events)-1])
	finished := false
	for i, event := range events[:len(events)-1] {
		data, isData := strings.CutPrefix(event, "data: ")
		require.True(t, isData, event)
		require.NotContains(t, data, "\n")
		var part serving.Completion
		require.NoError(t, json.Unmarshal([]byte(data), &part), data)
		require.Equal(t, "chat.completion.chunk", part.Object)
		if len(part.Choices) == 0 {
			usage = part.Usage
			continue
		}
		require.False(t, finished, "nothing follows the reason of the end")
		delta := part.Choices[0].Delta
		require.Equal(t, i == 0, delta.Role == "assistant")
		if delta.Content != nil {
			text += *delta.Content
		}
		ids = append(ids, part.Choices[0].TokenIDs...)
		finished = part.Choices[0].Finish != nil
	}
	return text, ids, usage
}

func TestStreamIsOpenAIsFormAndNeverSplitsACharacter(t *testing.T) {
	s := newSite(t, nil)
	status, body := s.post(t, asking("patient", "\u00e4\U0001F600!", `,"stream":true,"stream_options":{"include_usage":true},"return_token_ids":true`))
	require.Equal(t, 200, status)
	text, ids, usage := streamed(t, body)
	require.Equal(t, "patient: \u00e4\U0001F600!", text)
	require.NotContains(t, body, "\ufffd")
	require.Equal(t, append(byteTokens{}.EncodeWithSpecial(text), 256), ids)
	require.Equal(t, len(ids), usage.Completion)
	_, body = s.post(t, asking("patient", "x", `,"stream":true`))
	_, _, usage = streamed(t, body)
	require.Nil(t, usage)
}

func TestThirtyTwoClientsAtOnceEachGetTheirModelsAnswer(t *testing.T) {
	s := newSite(t, nil)
	var all sync.WaitGroup
	answers := make([]string, 32)
	for i := range answers {
		model := []string{"base", "patient", "doctor"}[i%3]
		all.Go(func() {
			for round := range 5 {
				_, body := s.post(t, asking(model, fmt.Sprintf("question %d.%d", i, round), fmt.Sprintf(`,"stream":%v`, i%2 == 0)))
				if i%2 == 0 {
					answers[i], _, _ = streamed(t, body)
				} else {
					answers[i] = *answered(t, body).Choices[0].Message.Content
				}
				if want := fmt.Sprintf("%s: question %d.%d", model, i, round); answers[i] != want {
					t.Errorf("%q, expected %q", answers[i], want)
				}
			}
		})
	}
	all.Wait()
}

func TestRefusalsAreErrorsInOpenAIsForm(t *testing.T) {
	s := newSite(t, nil)
	question := `"messages":[{"role":"user","content":"private"}]`
	for body, want := range map[string]string{
		`{`:                                   `400 - - the body is not a JSON object`,
		`null`:                                `400 - - the body is not a JSON object`,
		`{"model":"base"`:                     `400 - - the body is not a JSON object`,
		`{"model":"base",` + question + `} x`: `400 - - the body is not a JSON object`,
		`{` + question + `}`:                  `400 model missing_required_parameter model: expected the name of one`,
		`{"model":"base"}`:                    `400 messages missing_required_parameter messages: expected at least one`,
		`{"model":"gpt","messages":[{"role":"user"}]}`:                                   `404 model model_not_found model "gpt" does not exist, expected one of: base, patient, doctor`,
		asking("base", "private", `,"n":2`):                                              `400 n unsupported_value n: only 1 is supported`,
		asking("base", "private", `,"tools":[{"type":"function"}]`):                      `400 tools unsupported_value tools: only [] is supported`,
		asking("base", "private", `,"logprobs":true`):                                    `400 logprobs unsupported_value logprobs: only false is supported`,
		asking("base", "private", `,"presence_penalty":0.5`):                             `400 presence_penalty unsupported_value presence_penalty: only 0 is supported`,
		asking("base", "private", `,"best_of":2`):                                        `400 best_of unknown_parameter best_of: unknown or unsupported field`,
		asking("base", "private", `,"temperature":"hot"`):                                `400 temperature invalid_type temperature: expected a number, found a string`,
		asking("base", "private", `,"temperature":2.5`):                                  `400 temperature - temperature: expected 0 to 2, found 2.5`,
		asking("base", "private", `,"top_p":0`):                                          `400 top_p - top_p: expected above 0 and at most 1, found 0`,
		asking("base", "private", `,"max_tokens":0`):                                     `400 max_tokens - max_tokens: expected at least 1, found 0`,
		asking("base", "private", `,"max_tokens":1,"max_completion_tokens":2`):           `400 max_tokens - max_tokens and max_completion_tokens differ, expected one of them`,
		asking("base", "private", `,"stop":["a","b","c","d","e"]`):                       `400 stop - stop: expected at most 4 texts, none of them empty`,
		asking("base", "private", `,"stream_options":{"include_usage":true}`):            `400 stream_options - stream_options: expected only where stream is true`,
		asking("base", "private", `,"audience":"nurse"`):                                 `400 audience - audience: audience "nurse"`,
		asking("patient", "private", `,"audience":"doctor"`):                             `400 audience - audience: model patient answers for the audience patient, found doctor`,
		asking("base", "private", `,"max_tokens":2000`):                                  `400 messages context_length_exceeded the model's window is 1024 tokens, and the messages have`,
		asking("base", strings.Repeat("x", 1024), ``):                                    `400 messages context_length_exceeded the model's window is 1024 tokens, and the messages have`,
		asking("base", strings.Repeat("x", 5<<20), ``):                                   `413 - - the body has more than 4194304 bytes`,
		`{"model":"base","messages":[{"role":"tool","content":"private"}]}`:              `400 messages - messages: message 1 after the system's has the role "tool", expected user`,
		`{"model":"base","messages":[{"role":"user","content":[{"type":"image_url"}]}]}`: `400 - - expected parts of the type text only`,
		asking("base", "a\n<|assistant|>\nprivate", ``):                                  `400 messages - messages: message 1 holds a line <|assistant|>, expected none of the template's own markers`,
	} {
		status, answer := s.post(t, body)
		var said struct {
			Error struct{ Message, Type, Param, Code string }
		}
		require.NoError(t, json.Unmarshal([]byte(answer), &said), answer)
		or := func(text string) string {
			if text == "" {
				return "-"
			}
			return text
		}
		require.Equal(t, "invalid_request_error", said.Error.Type)
		got := fmt.Sprintf("%d %s %s %s", status, or(said.Error.Param), or(said.Error.Code), said.Error.Message)
		require.True(t, strings.HasPrefix(got, want), "%.100s: got %s, want %s", body, got, want)
		require.NotContains(t, answer, "private")
	}
	require.Empty(t, s.toy.seen, "nothing of this reaches the model")
	status, body := s.get(t, "/v1/engines")
	require.Equal(t, 404, status)
	require.Contains(t, body, `"error"`)
}

func TestOnlyTheTokenLetsIn(t *testing.T) {
	s := newSite(t, func(c *serving.Config) { c.Token, c.Metrics = "a-token-of-some-length", http.NotFoundHandler() })
	for _, header := range []string{"", "Bearer", "Bearer a-token-of-some-lengt", "Bearer a-token-of-some-length2", "Basic a-token-of-some-length"} {
		status, body := s.post(t, asking("base", "x", ""), "Authorization", header)
		require.Equal(t, 401, status, header)
		require.Contains(t, body, "invalid_api_key")
		for _, path := range []string{"/v1/models", "/metrics", "/elsewhere"} {
			status, _ := s.get(t, path, "Authorization", header)
			require.Equal(t, 401, status, path)
		}
	}
	status, body := s.post(t, asking("base", "x", ""), "Authorization", "Bearer a-token-of-some-length")
	require.Equal(t, 200, status, body)
	status, body = s.get(t, "/healthz")
	require.Equal(t, 200, status)
	require.JSONEq(t, `{"status":"ok"}`, body)
}

// A page of a stranger's that a browser on this machine shows could send its requests here, under its own name even.
func TestPagesOfOtherSitesAreRefused(t *testing.T) {
	s := newSite(t, nil)
	status, _ := s.post(t, asking("base", "x", ""), "Sec-Fetch-Site", "cross-site")
	require.Equal(t, 403, status)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/v1/models", nil)
	require.NoError(t, err)
	request.Host = "stranger.example"
	status, _ = send(t, request)
	require.Equal(t, 421, status)
}

func TestModelsShowAudienceTemplateAndDigest(t *testing.T) {
	s := newSite(t, nil)
	status, body := s.get(t, "/v1/models")
	require.Equal(t, 200, status)
	var list struct {
		Object string
		Data   []serving.ListedModel
	}
	require.NoError(t, json.Unmarshal([]byte(body), &list))
	require.Len(t, list.Data, 3)
	list.Data[1].Created = 0
	require.Equal(t, serving.ListedModel{
		ID: "patient", Object: "model", OwnedBy: "elara", Audience: spec.Patient, Template: templateHash(t), Recorded: true,
		Digest: spec.Digest(strings.Repeat("1", 64)), Window: 1024,
	}, list.Data[1])
	require.False(t, list.Data[2].Recorded)
	status, _ = s.get(t, "/v1/models/doctor")
	require.Equal(t, 200, status)
	status, _ = s.get(t, "/v1/models/nurse")
	require.Equal(t, 404, status)
}

func TestFullHouseIs429AndTheNextIsServed(t *testing.T) {
	s := newSite(t, func(c *serving.Config) { c.Requests = 1 })
	s.toy.hang = make(chan struct{})
	first := make(chan int)
	go func() {
		status, _ := s.post(t, asking("base", "x", ""))
		first <- status
	}()
	require.Eventually(t, func() bool { s.toy.mu.Lock(); defer s.toy.mu.Unlock(); return len(s.toy.seen) == 1 }, 5*time.Second, time.Millisecond)
	status, body := s.post(t, asking("base", "x", ""))
	require.Equal(t, 429, status)
	require.Contains(t, body, "rate_limit_error")
	close(s.toy.hang)
	require.Equal(t, 200, <-first)
	status, _ = s.post(t, asking("base", "x", ""))
	require.Equal(t, 200, status)
}

func TestClientThatGoesAwayEndsItsText(t *testing.T) {
	s := newSite(t, func(c *serving.Config) { c.Requests = 1 })
	s.toy.hang = make(chan struct{})
	ctx, leave := context.WithCancel(t.Context())
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+"/v1/chat/completions", strings.NewReader(asking("base", "x", `,"stream":true`)))
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(request) // returns with the first token
	require.NoError(t, err)
	leave()
	require.NoError(t, response.Body.Close())
	require.Eventually(t, func() bool { s.toy.mu.Lock(); defer s.toy.mu.Unlock(); return len(s.toy.ended) == 1 }, 5*time.Second, time.Millisecond)
	close(s.toy.hang)
	require.Eventually(t, func() bool { status, _ := s.post(t, asking("base", "x", "")); return status == 200 }, 5*time.Second, time.Millisecond)
}

func TestAnswerThatTakesTooLongIsEnded(t *testing.T) {
	s := newSite(t, func(c *serving.Config) { c.Timeout = time.Millisecond })
	s.toy.hang = make(chan struct{})
	status, body := s.post(t, asking("base", "x", ""))
	require.Equal(t, 504, status)
	require.Contains(t, body, "timeout_error")
	_, body = s.post(t, asking("base", "x", `,"stream":true`))
	require.Contains(t, body, `data: {"error":{"message":"no answer within 1ms","type":"timeout_error"`)
	require.NotContains(t, body, "[DONE]")
}

func TestFailureInsideIsSaidWithoutItsDetails(t *testing.T) {
	s := newSite(t, nil)
	s.toy.err = fault.New(fault.Diverged, "token 77 of the private text")
	status, body := s.post(t, asking("base", "x", ""))
	require.Equal(t, 500, status)
	require.Contains(t, body, "server_error")
	require.NotContains(t, body, "77")
	require.Contains(t, s.log.String(), "token 77")
}

func TestServerWithoutALoggerSaysItsFailures(t *testing.T) {
	s := newSite(t, func(c *serving.Config) { c.Logger = nil })
	s.toy.err = fault.New(fault.Diverged, "not a number")
	status, _ := s.post(t, asking("base", "x", ""))
	require.Equal(t, 500, status)
}

// A server has deadlines for what it reads and writes. Neither ends an answer that only takes long.
func TestSlowAnswerOutlivesTheConnectionsDeadlines(t *testing.T) {
	slow := newSite(t, nil)
	slow.toy.hang = make(chan struct{})
	server := httptest.NewUnstartedServer(slow.Config.Handler)
	server.Config.ReadTimeout, server.Config.WriteTimeout = 50*time.Millisecond, 50*time.Millisecond
	server.Start()
	defer server.Close()
	time.AfterFunc(300*time.Millisecond, func() { close(slow.toy.hang) })
	slow.Server = server
	status, body := slow.post(t, asking("base", "x", ""))
	require.Equal(t, 200, status, body)
}

// hurried has a hundredth of the time to write.
type hurried struct{ http.ResponseWriter }

func (w hurried) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w hurried) SetWriteDeadline(at time.Time) error {
	if !at.IsZero() {
		at = time.Now().Add(time.Until(at) / 100)
	}
	return http.NewResponseController(w.ResponseWriter).SetWriteDeadline(at)
}

// Under HTTP/2 a deadline resets the stream when it passes, whether something is written then or not.
func TestSlowAnswerOutlivesTheDeadlinesOfHTTP2(t *testing.T) {
	for _, stream := range []string{"false", "true"} {
		slow := newSite(t, nil)
		slow.toy.hang = make(chan struct{})
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			slow.Config.Handler.ServeHTTP(hurried{w}, r)
		}))
		server.EnableHTTP2, server.Config.WriteTimeout = true, 300*time.Millisecond
		server.StartTLS()
		defer server.Close()
		time.AfterFunc(time.Second, func() { close(slow.toy.hang) })
		response, err := server.Client().Post(server.URL+"/v1/chat/completions", "application/json", strings.NewReader(asking("base", "x", `,"stream":`+stream)))
		require.NoError(t, err, stream)
		require.Equal(t, 2, response.ProtoMajor)
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err, stream)
		require.NoError(t, response.Body.Close())
		if stream == "true" {
			text, _, _ := streamed(t, string(body))
			require.Equal(t, "base: x", text)
			continue
		}
		require.Equal(t, "base: x", *answered(t, string(body)).Choices[0].Message.Content)
	}
}

func TestRequestsAreCounted(t *testing.T) {
	s := newSite(t, func(c *serving.Config) {
		exposed, err := telemetry.Expose("elara-serve", "test", c.Logger)
		require.NoError(t, err)
		c.Instruments, err = telemetry.NewServeInstruments(exposed.Meter())
		require.NoError(t, err)
		c.Metrics = exposed.Handler
	})
	s.post(t, asking("patient", "x", `,"max_tokens":3`))
	s.post(t, asking("gpt", "x", ""))
	_, body := s.get(t, "/metrics")
	require.Contains(t, body, `elara_serve_duration_seconds_count{elara_model="patient",elara_outcome="ok"} 1`)
	require.Contains(t, body, `elara_serve_duration_seconds_count{elara_model="",elara_outcome="model_not_found"} 1`)
	require.Contains(t, body, `elara_serve_tokens_total{elara_kind="answer",elara_model="patient"} 3`)
	require.Contains(t, body, `elara_serve_running 0`)
}

func TestAdaptersAreNamedWithTheirAudience(t *testing.T) {
	a, err := serving.ParseAdapter("p:patient=/a=b:c")
	require.NoError(t, err)
	require.Equal(t, serving.Adapter{Name: "p", Audience: spec.Patient, Dir: "/a=b:c"}, a)
	a, err = serving.ParseAdapter("p.1=dir")
	require.NoError(t, err)
	require.Equal(t, serving.Adapter{Name: "p.1", Dir: "dir"}, a)
	for _, bad := range []string{"", "p", "=dir", "p=", "base=dir", "p:nurse=dir", "a b=dir", "../p=dir"} {
		_, err := serving.ParseAdapter(bad)
		require.True(t, fault.Is(err, fault.Invalid), bad)
	}
	_, err = serving.New(serving.Config{Models: []serving.Model{{Name: "p"}, {Name: "p"}}, Template: instruct.Guide()})
	require.EqualError(t, err, "two models have the name p, expected one")
}

// exported writes an adapter's folder with the record that elara export makes.
func exported(t *testing.T, facts map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "adapter_model.safetensors"), []byte("weights"), 0o600))
	record, err := json.Marshal(export.Written{Form: export.FormPEFT, Facts: facts, Files: []export.WrittenFile{
		// sha256sum of the seven letters
		{Name: "adapter_model.safetensors", SizeBytes: 7, SHA256: "9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c"},
	}})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, export.FactsFile), record, 0o600))
	return dir
}

func TestAdapterOfAnotherTemplateAudienceOrContentIsRefused(t *testing.T) {
	template := string(templateHash(t))
	good := map[string]string{"template": template, "audience": "patient"}
	m, err := serving.Adapter{Name: "p", Dir: exported(t, good)}.Describe(instruct.Guide())
	require.NoError(t, err)
	require.Equal(t, spec.Patient, m.Audience)
	require.Equal(t, spec.Digest(template), m.Template)
	require.Equal(t, "9a129038d9a0", m.Digest.Short())

	for want, c := range map[string]struct {
		facts    map[string]string
		audience spec.Audience
	}{
		"the model was taught by the template abababababab":     {map[string]string{"template": strings.Repeat("ab", 32), "audience": "patient"}, ""},
		"no template, expected one":                             {map[string]string{"audience": "patient"}, "patient"},
		"taught for the audience patient, and doctor was named": {good, spec.Doctor},
		`audience "nurse"`:                                      {map[string]string{"template": template, "audience": "nurse"}, ""},
	} {
		_, err := serving.Adapter{Name: "p", Audience: c.audience, Dir: exported(t, c.facts)}.Describe(instruct.Guide())
		require.ErrorContains(t, err, want)
		require.True(t, fault.Is(err, fault.Invalid), want)
	}
	changed := exported(t, good)
	require.NoError(t, os.WriteFile(filepath.Join(changed, "adapter_model.safetensors"), []byte("WEIGHTS"), 0o600))
	_, err = serving.Adapter{Name: "p", Dir: changed}.Describe(instruct.Guide())
	require.ErrorContains(t, err, "adapter_model.safetensors has the digest 14422b042349, expected 9a129038d9a0")

	bare := exported(t, good)
	require.NoError(t, os.Remove(filepath.Join(bare, export.FactsFile)))
	_, err = serving.Adapter{Name: "p", Dir: bare}.Describe(instruct.Guide())
	require.ErrorContains(t, err, "--adapter p:AUDIENCE=")
	m, err = serving.Adapter{Name: "p", Audience: spec.Doctor, Dir: bare}.Describe(instruct.Guide())
	require.NoError(t, err)
	require.Empty(t, m.Template, "nobody has recorded it")
	require.Equal(t, "9a129038d9a0", m.Digest.Short())
	_, err = serving.Adapter{Name: "p", Audience: spec.Doctor, Dir: t.TempDir()}.Describe(instruct.Guide())
	require.Error(t, err)
}

func TestTokenIsOneWordOfSomeLength(t *testing.T) {
	none := func(string) string { return "" }
	token, err := serving.ReadToken("", none)
	require.NoError(t, err)
	require.Empty(t, token)
	file := filepath.Join(t.TempDir(), "token")
	for content, good := range map[string]bool{"a-token-of-some-length\n": true, "short": false, "two words of some length": false, "": false} {
		require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
		_, err := serving.ReadToken(file, none)
		require.Equal(t, good, err == nil, content)
	}
	_, err = serving.ReadToken(file+"2", none)
	require.True(t, errors.Is(err, os.ErrNotExist))
}
