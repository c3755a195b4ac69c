package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/data/export"
	"elara/data/instruct"
	"elara/data/tokenizer"
	"elara/spec"
	"elara/storage"
	"elara/storage/artifact"
	"elara/storage/gateway"
	"elara/storage/s3"
	"elara/tests/localhub"
)

// exportModels are the tiny models of data/export's tests.
const exportModels = "../data/export/testdata"

// exportStore is a gateway with one bucket for artifacts and one for exports, and the flags that reach it.
func exportStore(t *testing.T) (store, exports storage.Store, flags []string) {
	t.Helper()
	plainEnvironment(t)
	g, err := gateway.Start(t.Context(), gateway.Options{
		Folder: t.TempDir(), Address: "127.0.0.1:0", AccessKey: "elara", SecretKey: "elara-test-secret", Buckets: []string{"artifacts", "exports"},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, g.Close()) })
	open := func(bucket string) storage.Store {
		s, err := s3.Open(t.Context(), s3.Options{Endpoint: g.Endpoint(), Bucket: bucket, PathStyle: true, AccessKey: "elara", SecretKey: "elara-test-secret"})
		require.NoError(t, err)
		return s
	}
	t.Setenv("ELARA_S3_ACCESS_KEY", "elara")
	t.Setenv("ELARA_S3_SECRET_KEY", "elara-test-secret")
	return open("artifacts"), open("exports"), []string{"--s3-endpoint", g.Endpoint(), "--s3-bucket", "artifacts", "--s3-path-style"}
}

// publishAdapter stores a base that was pre-trained over another, a dataset of an audience and a template, and an adapter that was
// made of both.
func publishAdapter(t *testing.T, store storage.Store, template spec.Digest, audience string) spec.ArtifactRef {
	t.Helper()
	ctx := context.Background()
	first, err := artifact.Publish(ctx, store, spec.KindBaseModel, filepath.Join(exportModels, "gpt2"), nil, nil)
	require.NoError(t, err)
	base, err := artifact.Publish(ctx, store, spec.KindBaseModel, filepath.Join(exportModels, "llama"), []spec.Digest{first.Digest}, nil)
	require.NoError(t, err)
	set, err := artifact.PublishBytes(ctx, store, spec.KindDataset, map[string][]byte{"train.jsonl": []byte(audience)}, nil,
		map[string]string{"template": string(template), "audience": audience})
	require.NoError(t, err)
	adapter, err := artifact.Publish(ctx, store, spec.KindAdapter, filepath.Join(exportModels, "llama-lora"), []spec.Digest{base.Digest, set.Digest}, nil)
	require.NoError(t, err)
	return adapter
}

func keys(t *testing.T, store storage.Store) (all []string) {
	t.Helper()
	for info, err := range store.List(t.Context(), "") {
		require.NoError(t, err)
		all = append(all, info.Key)
	}
	return all
}

func TestAdapterIsExportedOverItsBaseWithItsTemplate(t *testing.T) {
	store, exports, flags := exportStore(t)
	hash, err := instruct.Guide().Hash()
	require.NoError(t, err)
	adapter := publishAdapter(t, store, hash, "doctor")
	dir := filepath.Join(t.TempDir(), "out")
	got := elara(t, append([]string{"export", string(adapter.Digest[:12]), "--form", "gguf", "--quant", "F16", "--to", dir, "--name", "doctor"}, flags...)...)
	require.Equal(t, exitDone, got.code, got.err)
	require.Equal(t, dir+"\n", got.out)
	tok, err := tokenizer.Load(filepath.Join(dir, "doctor.F16.gguf"))
	require.NoError(t, err)
	jinja, err := instruct.Guide().Jinja(spec.Doctor, false)
	require.NoError(t, err)
	require.Equal(t, jinja, tok.ChatTemplate())
	var facts export.Written
	text, err := os.ReadFile(filepath.Join(dir, export.FactsFile))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &facts))
	require.Equal(t, "doctor", facts.Facts["audience"])
	require.Equal(t, string(hash), facts.Facts["template"])
	require.Equal(t, string(adapter.Digest), facts.Facts["artifact"])

	t.Run("to S3, and on where it stopped", func(t *testing.T) {
		args := append([]string{"export", string(adapter.Digest), "--form", "peft", "--to", "s3://exports/a/b"}, flags...)
		got := elara(t, args...)
		require.Equal(t, exitDone, got.code, got.err)
		whole := keys(t, exports)
		require.Equal(t, []string{"a/b/adapter_config.json", "a/b/adapter_model.safetensors", "a/b/chat_template.jinja", "a/b/elara.json",
			"a/b/tokenizer.json", "a/b/tokenizer_config.json"}, whole)
		before, err := exports.Stat(t.Context(), "a/b/adapter_config.json")
		require.NoError(t, err)

		// As after a kill: the last files are missing.
		require.NoError(t, exports.Delete(t.Context(), "a/b/elara.json"))
		require.NoError(t, exports.Delete(t.Context(), "a/b/tokenizer.json"))
		got = elara(t, args...)
		require.Equal(t, exitDone, got.code, got.err)
		require.Equal(t, whole, keys(t, exports))
		after, err := exports.Stat(t.Context(), "a/b/adapter_config.json")
		require.NoError(t, err)
		require.Equal(t, before, after, "what was there is not sent again")

		_, err = storage.PutBytes(t.Context(), exports, "a/b/tokenizer.json", []byte("other"), storage.Always())
		require.NoError(t, err)
		got = elara(t, args...)
		require.Equal(t, exitRefused, got.code)
		require.Contains(t, got.err, `s3://exports/a/b: is not empty: it holds "tokenizer.json", which is no part of this export`)
	})

	t.Run("to a hub", func(t *testing.T) {
		hub := localhub.Accept(t)
		t.Setenv("HF_ENDPOINT", hub.URL)
		t.Setenv("HF_TOKEN", hub.Token)
		t.Setenv("HF_HOME", t.TempDir())
		got := elara(t, append([]string{"export", string(adapter.Digest), "--form", "peft", "--to", "hub:acme/doctor", "--json"}, flags...)...)
		require.Equal(t, exitDone, got.code, got.err)
		require.Contains(t, got.out, `"commit":"`+localhub.Commit+`"`)
		files, private := hub.Repo("acme/doctor")
		require.True(t, private)
		require.Len(t, files, 6)
		require.Equal(t, jinja, string(files["chat_template.jinja"]))
		require.NotContains(t, got.err+got.out, hub.Token)
	})

	t.Run("for another audience", func(t *testing.T) {
		got := elara(t, append([]string{"export", string(adapter.Digest), "--form", "peft", "--audience", "patient", "--to", filepath.Join(t.TempDir(), "x")}, flags...)...)
		require.Equal(t, exitRefused, got.code)
		require.Contains(t, got.err, "audience patient: the artifact was trained for doctor")
	})

	t.Run("of another template", func(t *testing.T) {
		other := publishAdapter(t, store, spec.Digest(strings.Repeat("ab", 32)), "doctor")
		got := elara(t, append([]string{"export", string(other.Digest), "--form", "peft", "--to", filepath.Join(t.TempDir(), "x")}, flags...)...)
		require.Equal(t, exitRefused, got.code)
		require.Contains(t, got.err, "the model was taught by the template abababababab, and \"elara-guide\" here is "+hash.Short()+": expected the same")
	})

	t.Run("in a form that it has not", func(t *testing.T) {
		got := elara(t, append([]string{"export", string(adapter.Digest), "--form", "hf", "--to", filepath.Join(t.TempDir(), "x")}, flags...)...)
		require.Equal(t, exitRefused, got.code)
		require.Contains(t, got.err, "merge the adapter into its base first")
	})
}

func TestBadExportsAreRefusedInOneLineAndLeaveNothing(t *testing.T) {
	plainEnvironment(t)
	full := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(full, "file"), nil, 0o600))
	out := filepath.Join(t.TempDir(), "out")
	base := filepath.Join(exportModels, "llama")
	adapter := filepath.Join(exportModels, "llama-lora")
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{base, "--form", "gguf", "--quant", "F32"}, "expected --to with a folder, s3://bucket/prefix or hub:owner/name"},
		{[]string{base, "--to", out}, `form "": expected gguf, peft or hf (see elara export --help)`},
		{[]string{base, "--form", "gguf", "--to", out}, `quantisation "": expected F32, F16, BF16, Q8_0, Q4_0 or Q4_K`},
		{[]string{base, "--form", "gguf", "--quant", "Q3_K", "--to", out}, `quantisation "Q3_K": expected`},
		{[]string{base, "--form", "gguf", "--quant", "F32", "--to", full}, full + ": is not empty"},
		{[]string{base, "--form", "peft", "--to", out}, "not an adapter, expected a folder with adapter_config.json"},
		{[]string{adapter, "--form", "gguf", "--quant", "F32", "--to", out}, "is an adapter: expected --base with its base model"},
		{[]string{base, "--base", base, "--form", "gguf", "--quant", "F32", "--to", out}, "is a model already"},
		{[]string{base, "--form", "hf", "--to", "s3://bucket"}, "expected s3://bucket/prefix"},
		{[]string{base, "--form", "hf", "--to", "hub:name"}, `"name" has no owner, expected owner/name`},
		{[]string{base, "--form", "hf", "--audience", "nurse", "--to", out}, `audience "nurse"`},
		{[]string{base, "--form", "gguf", "--quant", "F32", "--name", "../x", "--to", out}, `--name "../x": expected a plain name of a file`},
		{[]string{"./none", "--form", "hf", "--to", out}, "no such model"},
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			got := elara(t, append([]string{"export"}, c.args...)...)
			require.Equal(t, exitRefused, got.code, got.err)
			require.Contains(t, got.err, c.want)
			require.Equal(t, 1, strings.Count(got.err, "\n"), got.err)
			require.NoFileExists(t, out)
		})
	}
}
