//go:build torch

package recipes

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/engine/sample"
	"elara/spec/fault"
)

// served is a tiny model with two adapters that differ.
func served(t *testing.T, r *Runner) ServeJob {
	t.Helper()
	job := ServeJob{BaseModel: tinyModel(t, r), Rows: 6, Tokens: 600}
	for i, name := range []string{"a", "b"} {
		training := smallJob(t, job.BaseModel)
		training.LoRA.R, training.Args.LearningRate = 2+2*i, 3e-2
		training.TrainDataPath = textsFile(t, []string{"What is anaemia? zyzyzyzyzyzyzy", "Fever. qrsqrsqrsqrsqrs"}[i])
		trained(t, r, training)
		job.Adapters = append(job.Adapters, ServeAdapter{Name: name, Dir: training.OutputDir, BaseModel: job.BaseModel})
	}
	return job
}

// folderOf is the folder of an adapter by its name.
func (j ServeJob) folderOf(name string) string {
	for _, a := range j.Adapters {
		if a.Name == name {
			return a.Dir
		}
	}
	return ""
}

// What exec generate gives each prompt on its own is what 32 clients get who ask at once, of three models, in more than fit side
// by side; some of them leave in the middle.
func TestServedTokensAreThoseOfGenerateWhateverRunsBeside(t *testing.T) {
	r := newRunner(t)
	job := served(t, r)
	options := sample.Options{MaxNewTokens: 20, TopP: 1}
	models := []string{"", "a", "b"}
	want := map[string][]int32{}
	for _, name := range models {
		for _, prompt := range prompts {
			require.NoError(t, r.Generate(t.Context(), job.BaseModel, job.folderOf(name), []string{prompt}, options, func(g Generated) error {
				want[name+":"+prompt] = g.IDs
				return nil
			}))
		}
	}
	require.NotEqual(t, want[":"+prompts[0]], want["a:"+prompts[0]])
	require.NotEqual(t, want["b:"+prompts[0]], want["a:"+prompts[0]])
	gone := errors.New("the client is gone")
	require.NoError(t, r.Serve(t.Context(), job, func(s *Session) error {
		var all sync.WaitGroup
		problems := make([]error, 32)
		for i := range problems {
			all.Go(func() {
				name, prompt := models[i%3], prompts[i/3%3]
				var ids []int32
				end, err := s.Generate(t.Context(), name, sample.Request{Prompt: bytesAsTokens(prompt), Options: options}, func(id int32) error {
					if ids = append(ids, id); i%8 == 7 && len(ids) == 5 {
						return gone
					}
					return nil
				})
				whole := want[name+":"+prompt]
				switch {
				case i%8 == 7 && (!errors.Is(err, gone) || !slices.Equal(ids, whole[:5])):
					problems[i] = fmt.Errorf("%s: %v, %w", name, ids, err)
				case i%8 != 7 && (err != nil || !slices.Equal(ids, whole) || end != sample.Full):
					problems[i] = fmt.Errorf("%s %q: %v, expected %v, %s, %w", name, prompt, ids, whole, end, err)
				}
			})
		}
		// Another recipe has its turn meanwhile.
		require.Equal(t, want[":"+prompts[1]], generate(t, r, job.BaseModel, prompts[1:2], options)[0])
		all.Wait()
		return errors.Join(problems...)
	}))
	require.Empty(t, slices.DeleteFunc(slices.Clone(r.base.slots), func(taken bool) bool { return !taken }), "all slots are free again")
}

func TestRequestsThatCannotBeServedFailAlone(t *testing.T) {
	r := newRunner(t)
	job := served(t, r)
	none := func(int32) error { return nil }
	var kept *Session
	require.NoError(t, r.Serve(t.Context(), job, func(s *Session) error {
		kept = s
		require.Equal(t, 512, s.Window)
		good := sample.Request{Prompt: bytesAsTokens("Fever"), Options: sample.Options{MaxNewTokens: 3, TopP: 1}}
		_, err := s.Generate(t.Context(), "c", good, none)
		require.True(t, fault.Is(err, fault.NotFound), "%v", err)
		_, err = s.Generate(t.Context(), "a", sample.Request{Options: good.Options}, none)
		require.ErrorContains(t, err, "the prompt is empty")
		_, err = s.Generate(t.Context(), "a", sample.Request{Prompt: []int32{1}, Options: sample.Options{MaxNewTokens: -1}}, none)
		require.True(t, fault.Is(err, fault.Invalid), "%v", err)
		cancelled, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = s.Generate(cancelled, "a", good, none)
		require.ErrorIs(t, err, context.Canceled)
		end, err := s.Generate(t.Context(), "a", good, none)
		require.Equal(t, sample.Full, end)
		return err
	}))
	_, err := kept.Generate(t.Context(), "a", sample.Request{Prompt: []int32{1}, Options: sample.Options{MaxNewTokens: 1}}, none)
	require.True(t, fault.Is(err, fault.Transient), "%v", err)
}

func TestAdapterOfAnotherBaseIsNotServed(t *testing.T) {
	r := newRunner(t)
	job := served(t, r)
	never := func(*Session) error {
		t.Error("it is served")
		return nil
	}
	refused := func(says string) {
		t.Helper()
		err := r.Serve(t.Context(), job, never)
		require.ErrorContains(t, err, says)
		require.True(t, fault.Is(err, fault.Invalid), "%v", err)
		require.NotContains(t, r.base.slots, true)
	}
	// The same shapes and tokenizer, one more key in the configuration: another model all the same.
	other := filepath.Join(t.TempDir(), "other")
	require.NoError(t, os.CopyFS(other, os.DirFS(job.BaseModel)))
	weights, err := os.ReadFile(filepath.Join(other, "model.safetensors"))
	require.NoError(t, err)
	weights[len(weights)-1] ^= 1
	require.NoError(t, os.WriteFile(filepath.Join(other, "model.safetensors"), weights, 0o600))
	job.Adapters[1].BaseModel = other
	refused("the adapter was trained over " + other)
	job.Adapters[1].BaseModel = "" // unknown: its tokenizer and its shapes are looked at
	require.NoError(t, r.Serve(t.Context(), job, func(*Session) error { return nil }))

	file := filepath.Join(job.Adapters[1].Dir, "tokenizer.json")
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	var document map[string]any
	require.NoError(t, json.Unmarshal(text, &document))
	document["added_tokens"] = append(document["added_tokens"].([]any), map[string]any{
		"id": 257, "content": "<extra>", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true,
	})
	text, err = json.Marshal(document)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, text, 0o600))
	refused("the adapter's tokenizer is ")
}
