package export

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/data/floats"
	"elara/data/gguf"
	"elara/data/instruct"
	"elara/data/tokenizer"
	"elara/spec"
	"elara/spec/fault"
)

// The models of testdata, and golden.json, are made by tests/peer/gguf/adapters.py.

func openModel(t *testing.T, base, adapter string) *Model {
	t.Helper()
	if adapter != "" {
		adapter = filepath.Join("testdata", adapter)
	}
	m, err := Open(filepath.Join("testdata", base), adapter)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	return m
}

func read(t *testing.T, w Weights, name string) []float32 {
	t.Helper()
	values := make([]float32, elements(w, name))
	require.NoError(t, w.ReadF32(name, values))
	return values
}

func TestAdapterOverItsBaseIsWhatPEFTMerges(t *testing.T) {
	var golden map[string]map[string][]byte
	text, err := os.ReadFile("testdata/golden.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &golden))
	require.Len(t, golden, 6)
	for name, weights := range golden {
		base, _, _ := strings.Cut(name, "-")
		m := openModel(t, base, name)
		for weight, data := range weights {
			want := make([]float32, len(data)/4)
			require.NoError(t, floats.Decode(want, "F32", data))
			plain := read(t, openModel(t, base, "").weights, weight)
			moved := 0.0
			for i, v := range read(t, m.weights, weight) {
				require.InDelta(t, want[i], v, 1e-6, "%s %s[%d]", name, weight, i)
				moved = max(moved, math.Abs(float64(v-plain[i])))
			}
			require.Greater(t, moved, 1e-3, "%s changes %s", name, weight)
		}
	}
}

func TestFileHasTheModelsNumbersNamesAndTokenizer(t *testing.T) {
	for _, base := range []string{"llama", "gpt2"} {
		t.Run(base, func(t *testing.T) {
			m := openModel(t, base, "")
			m.ChatTemplate, m.Facts = "{{ messages }}", map[string]string{"audience": "patient"}
			path := filepath.Join(t.TempDir(), "m.gguf")
			report, err := m.GGUF(context.Background(), path, "F32", nil)
			require.NoError(t, err)
			require.Equal(t, map[string]int{"F32": len(m.tensors)}, report.Tensors)
			require.Empty(t, report.Fallbacks)
			file, err := gguf.Open(path)
			require.NoError(t, err)
			defer func() { require.NoError(t, file.Close()) }()

			for key, want := range map[string]string{"general.architecture": base, "tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": "gpt-2",
				"tokenizer.chat_template": "{{ messages }}", "elara.audience": "patient", "general.name": base} {
				got, err := file.String(key)
				require.NoError(t, err)
				require.Equal(t, want, got, key)
			}
			numbers := map[string]uint64{".block_count": 1, ".context_length": 64, ".embedding_length": 16, ".attention.head_count": 2}
			if base == "llama" {
				numbers[".attention.head_count_kv"], numbers[".rope.dimension_count"], numbers[".feed_forward_length"] = 1, 8, 32
			}
			for key, want := range numbers {
				got, err := file.Uint(base + key)
				require.NoError(t, err)
				require.Equal(t, want, got, key)
			}
			before, err := tokenizer.Load(filepath.Join("testdata", base))
			require.NoError(t, err)
			after, err := tokenizer.Load(path)
			require.NoError(t, err)
			require.Equal(t, before.Hash(), after.Hash())
			require.Equal(t, "{{ messages }}", after.ChatTemplate())
			_, token, found := after.EOS()
			require.True(t, found)
			require.Equal(t, "<|endoftext|>", token)
		})
	}
}

// TestLlamaFileIsReadBackAsTheModel covers the order of rows of queries and keys, both ways.
func TestLlamaFileIsReadBackAsTheModel(t *testing.T) {
	m := openModel(t, "llama", "llama-lora")
	path := filepath.Join(t.TempDir(), "m.gguf")
	_, err := m.GGUF(context.Background(), path, "F32", nil)
	require.NoError(t, err)
	back, err := Open(path, "")
	require.NoError(t, err)
	defer func() { require.NoError(t, back.Close()) }()
	require.Equal(t, m.weights.Names(), back.weights.Names())
	for _, name := range m.weights.Names() {
		require.Equal(t, read(t, m.weights, name), read(t, back.weights, name), name)
	}
	require.Equal(t, m.config.metadata(), back.config.metadata())
	_, err = Order{Form: FormHF, Base: path, Template: instruct.Guide()}.Write(context.Background(), filepath.Join(t.TempDir(), "out"), nil)
	require.EqualError(t, err, path+": form hf of a GGUF file: expected a Hugging Face folder; take the form gguf")

	file, err := gguf.Open(path)
	require.NoError(t, err)
	defer func() { require.NoError(t, file.Close()) }()
	stored := make([]float32, 16*16)
	require.NoError(t, file.ReadF32("blk.0.attn_q.weight", stored))
	// By hand: row 1 of a head of 8 is the second half of its first pair, row 4 in transformers; the second head begins at 8.
	q := read(t, m.weights, "model.layers.0.self_attn.q_proj.weight")
	require.Equal(t, q[4*16:5*16], stored[16:32])
	require.Equal(t, q[(8+7)*16:(8+8)*16], stored[(8+7)*16:(8+8)*16])
	require.Equal(t, q[(8+5)*16:(8+6)*16], stored[(8+3)*16:(8+4)*16])
}

// What would be written says nothing of it.
func TestGGUFBaseThatRotatesPartOfItsHeadsIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.gguf")
	_, err := openModel(t, "llama", "").GGUF(context.Background(), path, "F32", nil)
	require.NoError(t, err)
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	_, after, found := bytes.Cut(data, []byte("llama.rope.dimension_count"))
	require.True(t, found)
	after[4] = 4 // behind the value's type; a head is 8 wide
	require.NoError(t, os.WriteFile(path, data, 0o600))
	_, err = Open(path, "")
	require.ErrorContains(t, err, `metadata key "llama.rope.dimension_count" is 4, which is not supported, expected 8`)
	require.Equal(t, fault.Invalid, fault.KindOf(err))
}

// The types are those of llama-quantize, against which make proof-gguf compares whole files.
func TestTypesAreThoseThatLlamaQuantizeChooses(t *testing.T) {
	q4, err := parseQuantisation("Q4_K")
	require.NoError(t, err)
	for name, want := range map[string]gguf.Type{
		"token_embd.weight": gguf.Q6_K, "blk.0.attn_v.weight": gguf.Q6_K, "blk.4.attn_v.weight": gguf.Q4_K, "blk.4.ffn_down.weight": gguf.Q4_K,
		"blk.4.attn_q.weight": gguf.Q4_K, "blk.4.attn_qkv.weight": gguf.Q5_K, "output_norm.weight": gguf.F32, "position_embd.weight": gguf.F32,
		"blk.0.ffn_down.weight": gguf.Q6_K,
	} {
		layer := 0
		if strings.HasPrefix(name, "blk.4") {
			layer = 4
		}
		require.Equal(t, want, q4.wanted(name, 2, layer, 30, false), name)
	}
	require.Equal(t, gguf.Q4_K, q4.wanted("token_embd.weight", 2, 0, 30, true))
	require.Equal(t, gguf.Q6_K, q4.wanted("output.weight", 2, 0, 30, true))
	require.Equal(t, gguf.F32, q4.wanted("blk.0.attn_q.bias", 1, 0, 30, true))
	require.Equal(t, gguf.Q5_0, fallback(gguf.Q4_K, 96))
	require.Equal(t, gguf.Q8_0, fallback(gguf.Q6_K, 96))
	require.Equal(t, gguf.F16, fallback(gguf.Q8_0, 144))
	require.Equal(t, gguf.F32, fallback(gguf.F32, 1))
}

func TestExportCarriesTheTemplateItWasTaughtBy(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	order := Order{Form: FormGGUF, Base: "testdata/llama", Adapter: "testdata/llama-lora", Name: "tiny", Quantisation: "Q8_0",
		Audience: spec.Patient, Template: instruct.Guide(), Facts: map[string]string{"audience": "patient"}}
	written, err := order.Write(context.Background(), dir, nil)
	require.NoError(t, err)
	require.Equal(t, []string{"F16 instead of Q8_0 for rows of 16 values, no multiple of 32 (7 tensors)"}, written.GGUF.Fallbacks)
	modelfile, err := os.ReadFile(filepath.Join(dir, "Modelfile"))
	require.NoError(t, err)
	system, err := instruct.Guide().System(spec.Patient)
	require.NoError(t, err)
	require.Equal(t, "FROM ./tiny.Q8_0.gguf\nTEMPLATE \"\"\""+instruct.Guide().Ollama()+"\"\"\"\nSYSTEM \"\"\""+system+"\"\"\"\n"+
		"PARAMETER stop \"<|system|>\"\nPARAMETER stop \"<|user|>\"\nPARAMETER stop \"<|assistant|>\"\n", string(modelfile))
	jinja, err := instruct.Guide().Jinja(spec.Patient, false)
	require.NoError(t, err)
	tok, err := tokenizer.Load(filepath.Join(dir, "tiny.Q8_0.gguf"))
	require.NoError(t, err)
	require.Equal(t, jinja, tok.ChatTemplate())

	again, err := order.Write(context.Background(), filepath.Join(t.TempDir(), "again"), nil)
	require.NoError(t, err)
	require.Equal(t, written, again, "an export is the same each time")
	_, err = order.Write(context.Background(), dir, nil)
	require.EqualError(t, err, dir+": is not empty, expected a folder that does not exist yet")

	for form, from := range map[Form]string{FormPEFT: "llama-lora", FormHF: "llama"} {
		order := Order{Form: form, Base: filepath.Join("testdata", from), Audience: spec.Doctor, Template: instruct.Guide()}
		if form == FormPEFT {
			order.Base, order.Adapter = "", order.Base
		}
		dir := filepath.Join(t.TempDir(), "out")
		written, err := order.Write(context.Background(), dir, nil)
		require.NoError(t, err)
		names := []string{FactsFile, jinjaFile}
		entries, err := os.ReadDir(filepath.Join("testdata", from))
		require.NoError(t, err)
		for _, entry := range entries {
			names = append(names, entry.Name())
		}
		var got []string
		for _, file := range written.Files {
			got = append(got, file.Name)
		}
		require.ElementsMatch(t, names, append(got, FactsFile))
		tok, err := tokenizer.Load(dir)
		require.NoError(t, err)
		jinja, err := instruct.Guide().Jinja(spec.Doctor, false)
		require.NoError(t, err)
		require.Equal(t, jinja, tok.ChatTemplate())
	}
}

// copyOf copies a model of testdata with a change.
func copyOf(t *testing.T, name string, change func(dir string)) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.CopyFS(dir, os.DirFS(filepath.Join("testdata", name))))
	change(dir)
	return dir
}

func TestBadModelsAreRefusedByNameAndLeaveNothing(t *testing.T) {
	edit := func(file string, alter func([]byte) []byte) func(string) {
		return func(dir string) {
			text, err := os.ReadFile(filepath.Join(dir, file))
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(filepath.Join(dir, file), alter(text), 0o600))
		}
	}
	swap := func(old, with string) func([]byte) []byte {
		return func(text []byte) []byte {
			require.Contains(t, string(text), old)
			return []byte(strings.Replace(string(text), old, with, 1))
		}
	}
	nan := func(text []byte) []byte { return append(text[:len(text)-4], 0, 0, 0xc0, 0x7f) }
	for name, c := range map[string]struct {
		base, adapter, want string
	}{
		"no tokenizer": {base: copyOf(t, "llama", func(dir string) {
			require.NoError(t, os.Remove(filepath.Join(dir, "tokenizer.json")))
		}), want: "folder has no tokenizer, expected tokenizer.json"},
		"truncated":        {base: copyOf(t, "llama", edit("model.safetensors", func(b []byte) []byte { return b[:len(b)-8] })), want: "corrupt safetensors header"},
		"NaN":              {base: copyOf(t, "llama", edit("model.safetensors", nan)), want: "is NaN, expected a finite number"},
		"other vocabulary": {base: copyOf(t, "llama", edit("config.json", swap(`"vocab_size": 257`, `"vocab_size": 300`))), want: "the embedding has 257 rows, and vocab_size is 300"},
		"more tokens":      {base: copyOf(t, "llama", edit("tokenizer_config.json", swap("{", `{"additional_special_tokens": ["<x>"],`))), want: "tokenizer has 258 tokens, and the model's embedding 257 rows"},
		"unknown family":   {base: copyOf(t, "llama", edit("config.json", swap(`"model_type": "llama"`, `"model_type": "mamba"`))), want: `model_type "mamba" is not supported`},
		"other shape":      {base: copyOf(t, "llama", edit("config.json", swap(`"intermediate_size": 32`, `"intermediate_size": 48`))), want: `weight "model.layers.0.mlp.gate_proj.weight" has shape [32 16], the configuration makes it [48 16]`},
		"missing layer":    {base: copyOf(t, "llama", edit("config.json", swap(`"num_hidden_layers": 1`, `"num_hidden_layers": 2`))), want: `weight "model.layers.1.input_layernorm.weight" is missing`},
		"rope type":        {base: copyOf(t, "llama", edit("config.json", swap(`"rope_type": "default"`, `"rope_type": "longrope"`))), want: `rope type "longrope" is not supported`},
		"yarn's borders": {base: copyOf(t, "llama", edit("config.json", swap(`"rope_type": "default"`, `"rope_type": "yarn", "factor": 4, "beta_fast": 16`))),
			want: "yarn with other numbers than its usual ones"},
		"not a model":       {base: t.TempDir(), want: "config.json: cannot be read"},
		"nothing":           {base: "testdata/none", want: "no such model"},
		"other base":        {base: "testdata/gpt2", adapter: "testdata/llama-lora", want: "is the adapter of another base?"},
		"not an adapter":    {base: "testdata/llama", adapter: "testdata/gpt2", want: "adapter_config.json: cannot be read"},
		"adapter with bias": {base: "testdata/llama", adapter: copyOf(t, "llama-lora", edit("adapter_config.json", swap(`"bias": "none"`, `"bias": "all"`))), want: `peft_type "LORA" with bias "all"`},
	} {
		t.Run(name, func(t *testing.T) {
			parent := t.TempDir()
			order := Order{Form: FormGGUF, Base: c.base, Adapter: c.adapter, Name: "x", Quantisation: "F32", Template: instruct.Guide()}
			_, err := order.Write(context.Background(), filepath.Join(parent, "out"), nil)
			require.ErrorContains(t, err, c.want)
			require.Equal(t, fault.Invalid, fault.KindOf(err), "%v", err)
			require.NotContains(t, err.Error(), "\n")
			left, err := os.ReadDir(parent)
			require.NoError(t, err)
			require.Empty(t, left)
		})
	}
	bad := copyOf(t, "llama-lora", edit("adapter_model.safetensors", nan))
	_, err := Order{Form: FormPEFT, Adapter: bad, Template: instruct.Guide()}.Write(context.Background(), filepath.Join(t.TempDir(), "out"), nil)
	require.ErrorContains(t, err, "is NaN, expected finite numbers")
}

func TestOrdersThatContradictThemselvesAreRefused(t *testing.T) {
	for want, order := range map[string]Order{
		`form "onnx": expected gguf, peft or hf`:                              {Form: "onnx"},
		`quantisation "Q3_K": expected F32, F16, BF16, Q8_0, Q4_0 or Q4_K`:    {Form: FormGGUF, Quantisation: "Q3_K"},
		"form peft is written as it is, expected no quantisation, found Q8_0": {Form: FormPEFT, Quantisation: "Q8_0"},
		`audience "nurse": expected general, patient, doctor or emergency`:    {Form: FormHF, Audience: "nurse"},
	} {
		require.EqualError(t, order.Check(), want)
	}
}

func TestWindowedModelStatesTheContextItIsRightFor(t *testing.T) {
	for name, c := range map[string]struct {
		keys    string // in the place of model_type and positions
		note    string
		context uint32
	}{
		"its own": {`"model_type": "mistral", "sliding_window": 24, "max_position_embeddings": 64`,
			"a token of this model sees the last 24, and llama.cpp lets it see all: the file states a context of 24 instead of 64", 24},
		// transformers 5.23: MistralConfig.
		"of its class": {`"model_type": "mistral", "max_position_embeddings": 8192`,
			"a token of this model sees the last 4096, and llama.cpp lets it see all: the file states a context of 4096 instead of 8192", 4096},
	} {
		t.Run(name, func(t *testing.T) {
			dir := copyOf(t, "llama", func(dir string) {
				path := filepath.Join(dir, "config.json")
				text, err := os.ReadFile(path)
				require.NoError(t, err)
				written := strings.Replace(string(text), `"model_type": "llama"`, c.keys, 1)
				written = strings.Replace(written, `  "max_position_embeddings": 64,`+"\n", "", 1)
				require.NoError(t, os.WriteFile(path, []byte(written), 0o600))
			})
			m, err := Open(dir, "")
			require.NoError(t, err)
			defer func() { require.NoError(t, m.Close()) }()
			require.Equal(t, []string{c.note}, m.Notes())
			entries := m.config.metadata()
			require.True(t, slices.Contains(entries, gguf.Entry{Key: "llama.context_length", Value: c.context}))
		})
	}
}

func TestPipelinesKnowAllQuantisationsAndForms(t *testing.T) {
	var names []string
	for _, q := range quantisations() {
		names = append(names, q.name)
	}
	require.Equal(t, names, spec.Quantisations())
	for _, form := range spec.ExportForms() {
		quantisation := ""
		if form == FormGGUF {
			quantisation = "F32"
		}
		require.NoError(t, Order{Form: form, Quantisation: quantisation}.Check())
	}
}
