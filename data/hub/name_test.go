package hub

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/spec/fault"
)

func TestNamesOfModels(t *testing.T) {
	for text, want := range map[string]Name{
		"microsoft/DialoGPT-medium":      {"microsoft/DialoGPT-medium", "main"},
		"gpt2":                           {"gpt2", "main"},
		"Qwen/Qwen2.5-0.5B@v1.0":         {"Qwen/Qwen2.5-0.5B", "v1.0"},
		"a/b_c@refs/pr/1":                {"a/b_c", "refs/pr/1"},
		"a/b@" + commitA:                 {"a/b", commitA},
		"HuggingFaceTB/SmolLM2-135M@1+2": {"HuggingFaceTB/SmolLM2-135M", "1+2"},
	} {
		got, err := ParseName(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got)
	}
	for _, text := range []string{
		"", "/", "a/", "/b", "a/b/c", "../b", "a/..", "./models", "models/", "a--b/c", "a/b..c", "a/.b", "a/b.", "-a/b", "a b/c", "a\\b", "~/m", "a/b.git",
		"a/b@", "a/b@..", "a/b@../x", "a/b@x/../y", "a/b@/x", "a/b@x//y", "a/b@x y", "a/b@x\\y", "a/b@x.lock", "a/b@-x", "a/b@.x",
		strings.Repeat("a", 97), "a/b@" + strings.Repeat("r", 201),
	} {
		_, err := ParseName(text)
		require.Error(t, err, "%q", text)
		require.True(t, fault.Is(err, fault.Invalid))
	}
}

func TestSettingsComeFromTheVariablesOfHuggingfaceHub(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "token"), []byte("hf_from_home\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "elsewhere"), []byte(" hf_from_path "), 0o600))
	const home = "/home/ann"
	for name, c := range map[string]struct {
		env  map[string]string
		want Settings
	}{
		"none":                  {nil, Settings{DefaultEndpoint, Token{}, home + "/.cache/huggingface/hub", false}},
		"mirror":                {map[string]string{"HF_ENDPOINT": "https://hub.example.org/hf/"}, Settings{"https://hub.example.org/hf", Token{}, home + "/.cache/huggingface/hub", false}},
		"XDG":                   {map[string]string{"XDG_CACHE_HOME": "/x"}, Settings{DefaultEndpoint, Token{}, "/x/huggingface/hub", false}},
		"home, with its token":  {map[string]string{"HF_HOME": folder, "XDG_CACHE_HOME": "/x"}, Settings{DefaultEndpoint, NewToken("hf_from_home"), folder + "/hub", false}},
		"cache":                 {map[string]string{"HF_HUB_CACHE": "~/models", "HUGGINGFACE_HUB_CACHE": "/old"}, Settings{DefaultEndpoint, Token{}, home + "/models", false}},
		"old name of the cache": {map[string]string{"HUGGINGFACE_HUB_CACHE": "$DATA/$NONE/old", "DATA": "/d"}, Settings{DefaultEndpoint, Token{}, "/d/$NONE/old", false}},
		"token":                 {map[string]string{"HF_TOKEN": "hf_a", "HUGGING_FACE_HUB_TOKEN": "hf_b", "HF_HOME": folder}, Settings{DefaultEndpoint, NewToken("hf_a"), folder + "/hub", false}},
		"old name of the token": {map[string]string{"HUGGING_FACE_HUB_TOKEN": "hf_b"}, Settings{DefaultEndpoint, NewToken("hf_b"), home + "/.cache/huggingface/hub", false}},
		"path of the token":     {map[string]string{"HF_TOKEN_PATH": folder + "/elsewhere"}, Settings{DefaultEndpoint, NewToken("hf_from_path"), home + "/.cache/huggingface/hub", false}},
		"token not to be sent":  {map[string]string{"HF_TOKEN": "hf_a", "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1"}, Settings{DefaultEndpoint, Token{}, home + "/.cache/huggingface/hub", false}},
		"offline":               {map[string]string{"HF_HUB_OFFLINE": "yes"}, Settings{DefaultEndpoint, Token{}, home + "/.cache/huggingface/hub", true}},
		"offline transformers":  {map[string]string{"TRANSFORMERS_OFFLINE": "1"}, Settings{DefaultEndpoint, Token{}, home + "/.cache/huggingface/hub", true}},
		"online after all":      {map[string]string{"HF_HUB_OFFLINE": "0", "TRANSFORMERS_OFFLINE": "1"}, Settings{DefaultEndpoint, Token{}, home + "/.cache/huggingface/hub", false}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := FromEnvironment(func(key string) string {
				if key == "HOME" {
					return home
				}
				return c.env[key]
			})
			require.NoError(t, err)
			require.Equal(t, c.want, got)
		})
	}
	for env, want := range map[[2]string]string{
		{"HF_ENDPOINT", "huggingface.co"}:             "HF_ENDPOINT is not the address of a hub, expected one such as https://huggingface.co",
		{"HF_ENDPOINT", "https://u:p@huggingface.co"}: "HF_ENDPOINT is not the address of a hub, expected one such as https://huggingface.co",
		{"HF_HUB_CACHE", "models"}:                    `HF_HUB_CACHE is "models", expected an absolute path (or set HF_HOME, or HOME)`,
		{"HF_TOKEN_PATH", folder}:                     "read the hub's token: read " + folder + ": is a directory",
	} {
		_, err := FromEnvironment(func(key string) string {
			if key == env[0] {
				return env[1]
			}
			return map[string]string{"HOME": home}[key]
		})
		require.EqualError(t, err, want)
		require.True(t, fault.Is(err, fault.Invalid))
	}
}

func TestTokenIsNeverShown(t *testing.T) {
	token := NewToken("hf_secret\n")
	settings := Settings{Token: token}
	encoded, err := json.Marshal(settings)
	require.NoError(t, err)
	var logged strings.Builder
	slog.New(slog.NewTextHandler(&logged, nil)).Info("start", "token", token, "settings", settings)
	for _, text := range []string{
		token.String(), fmt.Sprint(token), fmt.Sprintf("%v %+v %#v %s %q %x", token, token, token, token, token, token), fmt.Sprintf("%+v %#v", settings, settings),
		string(encoded), logged.String(), errors.New(token.String()).Error(),
	} {
		require.Contains(t, text, "***")
		require.NotContains(t, text, "secret")
	}
	require.Equal(t, "hf_secret", token.value)
}

func TestWhatAModelConsistsOf(t *testing.T) {
	about := subject{name: Name{"a/b", "main"}}
	base := []string{"config.json", "tokenizer.json"}
	for want, files := range map[string][]string{
		"model.safetensors":            {"pytorch_model.bin", "model.safetensors.index.json", "model.safetensors", "pytorch_model.bin.index.json"},
		"model.safetensors.index.json": {"pytorch_model.bin", "model.safetensors.index.json"},
		"pytorch_model.bin":            {"pytorch_model.bin.index.json", "pytorch_model.bin"},
		"pytorch_model.bin.index.json": {"pytorch_model.bin.index.json", "pytorch_model-00001-of-00001.bin"},
	} {
		got, err := choose(about, append(files, base...))
		require.NoError(t, err)
		require.Equal(t, append(base, want), got)
	}
	for want, files := range map[string][]string{
		`model "a/b@main" has no config.json`:                 {"model.safetensors", "tokenizer.json"},
		`model "a/b@main" has no tokenizer that is read here`: {"model.safetensors", "config.json", "tokenizer.model", "vocab.json"},
		`model "a/b@main" has no weights that are read here`:  {"config.json", "tokenizer.json", "model.Q4.gguf", "tf_model.h5", "sub/model.safetensors"},
	} {
		_, err := choose(about, files)
		require.ErrorContains(t, err, want)
		require.True(t, fault.Is(err, fault.Invalid))
	}
	index := subject{name: about.name, file: "pytorch_model.bin.index.json"}
	for _, text := range []string{"", "{}", `{"weight_map": {}}`, `{"weight_map": {"a": "../x.bin"}}`, `{"weight_map": {"a": "x/y.bin"}}`,
		`{"weight_map": {"a": "y.bin"}}`, `{"weight_map": {"a": "x.safetensors"}}`, `{"weight_map": {"a": ".."}}`} {
		_, err := shards(index, []byte(text), []string{"x.bin", "x.safetensors", "x/y.bin"})
		require.Error(t, err, text)
		require.True(t, fault.Is(err, fault.Corrupt))
	}
}
