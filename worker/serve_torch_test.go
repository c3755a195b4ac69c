//go:build torch

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/data/export"
	"elara/data/instruct"
	"elara/serving"
	"elara/spec"
)

// serves starts exec serve, and gives the address up to /v1. It ends with the test, in order.
func serves(t *testing.T, args ...string) (url string) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	read, write := io.Pipe()
	root := newRoot()
	root.SetArgs(append([]string{"exec", "serve", "--listen", "127.0.0.1:0"}, args...))
	root.SetOut(write)
	ended := make(chan error, 1)
	go func() {
		err := root.ExecuteContext(ctx)
		ended <- err
		write.CloseWithError(err)
	}()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-ended)
	})
	lines := bufio.NewReader(read)
	line, err := lines.ReadString('\n')
	require.NoError(t, err)
	go func() { _, _ = io.Copy(io.Discard, lines) }() // the table of models
	address, found := strings.CutPrefix(line, serving.AddressLine)
	require.True(t, found, line)
	return strings.TrimSpace(address)
}

// exported writes the adapter of a site as elara export does, and gives its folder.
func (s site) exported(t *testing.T, template instruct.Template, hash spec.Digest) string {
	t.Helper()
	order := export.Order{
		Form: export.FormPEFT, Adapter: s.path("adapter"), Name: "patient", Audience: spec.Patient, Template: template,
		Facts: map[string]string{"audience": "patient", "template": string(hash)},
	}
	_, err := order.Write(t.Context(), s.path("exported"), nil)
	require.NoError(t, err)
	return s.path("exported")
}

func guide(t *testing.T) (instruct.Template, spec.Digest) {
	t.Helper()
	hash, err := instruct.Guide().Hash()
	require.NoError(t, err)
	return instruct.Guide(), hash
}

// What a client gets over HTTP is what exec generate makes of the training text of the same question.
func TestServedAnswerIsThatOfGenerateOverTheTrainingText(t *testing.T) {
	s := newSite(t)
	template, hash := guide(t)
	folder := s.exported(t, template, hash)
	url := serves(t, "--model", s.path("model"), "--adapter", "patient="+folder)
	for model, adapter := range map[string][]string{"base": nil, "patient": {"--adapter", folder}} {
		audience := spec.General
		if adapter != nil {
			audience = spec.Patient
		}
		prompt, err := template.Prompt("What is gout?", audience)
		require.NoError(t, err)
		line, err := json.Marshal(map[string]string{"text": prompt})
		require.NoError(t, err)
		s.write(t, "rows.jsonl", string(line)+"\n")
		runs(t, s.generate(append(adapter, "--max-new-tokens", "24")...)...)
		text, err := os.ReadFile(s.path("answers.jsonl"))
		require.NoError(t, err)
		var want struct {
			Text string
			IDs  []int32
		}
		require.NoError(t, json.Unmarshal(text, &want))

		response, err := http.Post(url+"/chat/completions", "application/json", strings.NewReader(
			`{"model":"`+model+`","messages":[{"role":"user","content":"What is gout?"}],"temperature":0,"max_tokens":24,"return_token_ids":true}`))
		require.NoError(t, err)
		var got serving.Completion
		require.NoError(t, json.NewDecoder(response.Body).Decode(&got))
		require.NoError(t, response.Body.Close())
		require.Equal(t, want.IDs, got.Choices[0].TokenIDs, model)
		require.Equal(t, want.Text, *got.Choices[0].Message.Content)
		require.Len(t, got.PromptIDs, len(prompt), "a token for each byte")
	}
}

// Such an adapter is held to the base by its tokenizer and its shapes.
func TestAdapterThatNamesNoBaseIsServed(t *testing.T) {
	s := newSite(t)
	s.edit(t, "adapter/adapter_config.json", map[string]any{"base_model_name_or_path": nil})
	url := serves(t, "--model", s.path("model"), "--adapter", "p:patient="+s.path("adapter"))
	response, err := http.Get(url + "/models")
	require.NoError(t, err)
	text, err := io.ReadAll(response.Body)
	require.NoError(t, errors.Join(err, response.Body.Close()))
	require.Contains(t, string(text), `"id":"p"`)
}

func TestWhatServeCannotVouchForIsRefusedBeforeItListens(t *testing.T) {
	good := newSite(t)
	template, hash := guide(t)
	token := good.path("token")
	good.write(t, "token", "a-token-of-some-length")
	for says, c := range map[string]struct {
		spoil func(s site)
		args  []string
	}{
		`has no elara\.json, which says for whom .*--adapter p:AUDIENCE=`: {func(site) {}, []string{"--adapter", "p=adapter"}},
		`the model was taught by the template abababababab`:               {func(s site) { s.exported(t, template, spec.Digest(strings.Repeat("ab", 32))) }, []string{"--adapter", "p=exported"}},
		`taught for the audience patient, and doctor was named`:           {func(s site) { s.exported(t, template, hash) }, []string{"--adapter", "p:doctor=exported"}},
		`adapter_config.json has the digest`: {func(s site) {
			s.exported(t, template, hash)
			s.edit(t, "exported/adapter_config.json", map[string]any{"lora_alpha": 5})
		}, []string{"--adapter", "p=exported"}},
		`the adapter's tokenizer is|lora_A.weight has shape|adapter_model.safetensors: `: {func(s site) { s.write(t, "adapter/adapter_model.safetensors", "1234567") }, []string{"--adapter", "p:patient=adapter"}},
		`two models have the name p`:                       {func(site) {}, []string{"--adapter", "p:patient=adapter", "--adapter", "p:doctor=adapter"}},
		`base is the name of the model without an adapter`: {func(site) {}, []string{"--adapter", "base:patient=adapter"}},
		`other machines would reach it without TLS`:        {func(site) {}, []string{"--listen", "0.0.0.0:0", "--token-file", token}},
		`anybody who reaches it could ask`:                 {func(site) {}, []string{"--listen", "0.0.0.0:0", "--behind-proxy"}},
		`expected a token of at least 16 characters`:       {func(site) {}, []string{"--token-file", good.path("rows.jsonl")}},
		`no such file|cannot be read`:                      {func(site) {}, []string{"--token-file", good.path("nothing")}},
		`expected more than 0 of each`:                     {func(site) {}, []string{"--rows", "0"}},
	} {
		s := good.copied(t)
		c.spoil(s)
		args := []string{"exec", "serve", "--listen", "127.0.0.1:0", "--model", s.path("model")}
		for i, arg := range c.args {
			if i > 0 && c.args[i-1] == "--adapter" {
				name, dir, _ := strings.Cut(arg, "=")
				arg = name + "=" + s.path(dir)
			}
			args = append(args, arg)
		}
		var stderr bytes.Buffer
		require.Equal(t, 2, execute(t.Context(), args, &stderr), says)
		require.Equal(t, 1, strings.Count(stderr.String(), "\n"), stderr.String())
		require.Regexp(t, says, stderr.String())
	}
}
