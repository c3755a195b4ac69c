package serving_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/data/instruct"
	"elara/internal/listen"
	"elara/serving"
	"elara/spec"
)

// byteTokens has a token for each byte; 256 ends a text.
type byteTokens struct{}

func (byteTokens) EncodeWithSpecial(text string) []int32 {
	ids := make([]int32, len(text))
	for i := range len(text) {
		ids[i] = int32(text[i])
	}
	return ids
}

func (byteTokens) Decode(ids []int32, _ bool) string {
	var raw []byte
	for _, id := range ids {
		if id < 256 {
			raw = append(raw, byte(id))
		}
	}
	return strings.ToValidUTF8(string(raw), "\ufffd")
}

// toy answers with the model's name and the last line of the question; it hangs after the first token where hang is set.
type toy struct {
	hang chan struct{}
	err  error

	mu    sync.Mutex
	seen  []serving.Generation
	ended []error // of texts that hung
}

func (g *toy) Generate(ctx context.Context, r serving.Generation, each func(id int32) error) (serving.FinishReason, error) {
	g.mu.Lock()
	g.seen = append(g.seen, r)
	g.mu.Unlock()
	_, question, _ := strings.Cut(byteTokens{}.Decode(r.Prompt, true), "<|user|>\n")
	question, _, _ = strings.Cut(question, "\n<|assistant|>")
	for i, id := range append(byteTokens{}.EncodeWithSpecial(r.Model+": "+question), 256) {
		switch {
		case i == r.MaxNewTokens:
			return serving.FinishLength, nil
		case i == 1 && g.err != nil:
			return "", g.err
		case i == 1 && g.hang != nil:
			select {
			case <-g.hang:
			case <-ctx.Done():
				g.mu.Lock()
				g.ended = append(g.ended, context.Cause(ctx))
				g.mu.Unlock()
				return "", context.Cause(ctx)
			}
		}
		if err := each(id); err != nil {
			return "", err
		}
	}
	return serving.FinishStop, nil
}

func (g *toy) last() serving.Generation {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.seen[len(g.seen)-1]
}

// site is a server over a toy.
type site struct {
	*httptest.Server
	toy *toy
	log *bytes.Buffer
}

func newSite(t *testing.T, change func(*serving.Config)) site {
	t.Helper()
	s := site{toy: &toy{}, log: &bytes.Buffer{}}
	config := serving.Config{
		Models: []serving.Model{
			{Name: serving.Base, Digest: spec.Digest(strings.Repeat("0", 64))},
			{Name: "patient", Audience: spec.Patient, Template: templateHash(t), Digest: spec.Digest(strings.Repeat("1", 64))},
			{Name: "doctor", Audience: spec.Doctor, Digest: spec.Digest(strings.Repeat("2", 64))},
		},
		Template: instruct.Guide(), Tokenizer: byteTokens{}, Generator: s.toy, Window: 1024, Host: listen.Loopback,
		Logger: slog.New(slog.NewTextHandler(s.log, nil)),
	}
	if change != nil {
		change(&config)
	}
	server, err := serving.New(config)
	require.NoError(t, err)
	s.Server = httptest.NewServer(server.Handler())
	t.Cleanup(s.Close)
	return s
}

func templateHash(t *testing.T) spec.Digest {
	t.Helper()
	hash, err := instruct.Guide().Hash()
	require.NoError(t, err)
	return hash
}

// post sends a body, and gives the status and the answer.
func (s site) post(t *testing.T, body string, headers ...string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/v1/chat/completions", strings.NewReader(body))
	require.NoError(t, err)
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	return send(t, request)
}

func (s site) get(t *testing.T, path string, headers ...string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+path, nil)
	require.NoError(t, err)
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	return send(t, request)
}

func send(t *testing.T, request *http.Request) (int, string) {
	t.Helper()
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close() //nolint:errcheck // it was only read
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(body)
}

// asking is a request for one question, with more fields perhaps.
func asking(model, question, more string) string {
	text, err := json.Marshal(question)
	if err != nil {
		panic(err)
	}
	return `{"model":"` + model + `","messages":[{"role":"user","content":` + string(text) + `}]` + more + `}`
}

// answered is the text of an answer.
func answered(t *testing.T, body string) serving.Completion {
	t.Helper()
	var answer serving.Completion
	require.NoError(t, json.Unmarshal([]byte(body), &answer), body)
	require.Len(t, answer.Choices, 1)
	return answer
}
