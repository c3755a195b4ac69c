//go:build torch

package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/internal/testdevice"
)

// site is a folder with a tiny model, a trained adapter, rows and a training file; each test spoils a copy.
type site struct{ dir string }

func (s site) path(name ...string) string {
	return filepath.Join(append([]string{s.dir}, name...)...)
}

func (s site) write(t *testing.T, name, content string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(s.path(name)), 0o755))
	require.NoError(t, os.WriteFile(s.path(name), []byte(content), 0o644))
}

// edit changes keys of a JSON file; a nil value removes the key.
func (s site) edit(t *testing.T, name string, changes map[string]any) {
	t.Helper()
	data, err := os.ReadFile(s.path(name))
	require.NoError(t, err)
	var document map[string]any
	require.NoError(t, json.Unmarshal(data, &document))
	for key, value := range changes {
		if value == nil {
			delete(document, key)
		} else {
			document[key] = value
		}
	}
	data, err = json.Marshal(document)
	require.NoError(t, err)
	s.write(t, name, string(data))
}

const rowLines = `{"text": "What is gout? Crystals of uric acid in a joint."}` + "\n" + `{"text": "What is croup? A barking cough."}` + "\n"

func trainingFile(loraConfig, trainingArgs string) string {
	return fmt.Sprintf(`{"base_model": "model", "output_dir": "out", "train_data_path": "rows.jsonl",
 "lora_config": {"r": 2, "alpha": 4, "dropout": 0.0, "bias": "none"%s},
 "training_args": {"max_steps": 2, "per_device_train_batch_size": 1%s}}`, loraConfig, trainingArgs)
}

const someTargets = `, "target_modules": ["q_proj", "v_proj"]`

// newSite runs the commands it needs, so that what the tests spoil was good before.
func newSite(t *testing.T) site {
	t.Helper()
	s := site{dir: t.TempDir()}
	s.write(t, "rows.jsonl", rowLines)
	s.write(t, "lora.json", trainingFile(someTargets, ""))
	for _, args := range [][]string{
		{"tiny-model", "--out", s.path("model")},
		{"lora", "--config", s.path("lora.json"), "--device", testdevice.Name()},
	} {
		var stderr bytes.Buffer
		require.Equal(t, 0, execute(t.Context(), append([]string{"exec"}, args...), &stderr), stderr.String())
	}
	require.NoError(t, os.Rename(s.path("out"), s.path("adapter")))
	require.NoError(t, os.RemoveAll(s.path("out_checkpoints")))
	return s
}

func (s site) copied(t *testing.T) site {
	t.Helper()
	c := site{dir: t.TempDir()}
	require.NoError(t, os.CopyFS(c.dir, os.DirFS(s.dir)))
	return c
}

// contents lists all files with their bytes.
func (s site) contents(t *testing.T) map[string]string {
	t.Helper()
	files := map[string]string{}
	require.NoError(t, filepath.Walk(s.dir, func(path string, info os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		files[path] = "folder"
		if info.Mode().IsRegular() {
			data, err := os.ReadFile(path)
			files[path] = string(data)
			return err
		}
		return nil
	}))
	return files
}

// header makes a safetensors file of a header and so many bytes of data.
func header(text string, data int) string {
	out := binary.LittleEndian.AppendUint64(nil, uint64(len(text)))
	return string(out) + text + strings.Repeat("\x00", data)
}

func (s site) score() []string {
	return []string{"score", "--model", s.path("model"), "--in", s.path("rows.jsonl"), "--out", s.path("scores.jsonl")}
}

func (s site) adapted() []string { return append(s.score(), "--adapter", s.path("adapter")) }

func (s site) lora(more ...string) []string {
	return append([]string{"lora", "--config", s.path("lora.json")}, more...)
}

func (s site) generate(more ...string) []string {
	return append([]string{"generate", "--model", s.path("model"), "--in", s.path("rows.jsonl"), "--out", s.path("answers.jsonl")}, more...)
}

// badInput is something spoilt, the command that meets it, and a pattern of the one line that must be said.
type badInput struct {
	spoil func(t *testing.T, s site)
	run   func(s site) []string
	says  string
}

func weights(content string) func(*testing.T, site) {
	return func(t *testing.T, s site) { s.write(t, "model/model.safetensors", content) }
}

func corruptWeights() map[string]badInput {
	cases := map[string]badInput{}
	for name, content := range map[string]string{
		"empty":                    "",
		"seven bytes":              "1234567",
		"header beyond the end":    "\xff\x00\x00\x00\x00\x00\x00\x00{}",
		"header of 2^63 bytes":     "\x00\x00\x00\x00\x00\x00\x00\x80{}",
		"header of 2^64-1 bytes":   "\xff\xff\xff\xff\xff\xff\xff\xff{}",
		"header is no JSON":        header("{not json", 0),
		"header is a list":         header("[]", 0),
		"header is null":           header("null", 4),
		"unknown type":             header(`{"a":{"dtype":"F33","shape":[1],"data_offsets":[0,4]}}`, 4),
		"no offsets":               header(`{"a":{"dtype":"F32","shape":[1]}}`, 4),
		"three offsets":            header(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}}`, 8),
		"negative offset":          header(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}`, 4),
		"offsets backwards":        header(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}`, 4),
		"offsets beyond the file":  header(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, 4),
		"a hole":                   header(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, 8),
		"an overlap":               header(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, 4),
		"bytes at the end":         header(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, 9),
		"shape and size disagree":  header(`{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,4]}}`, 4),
		"shape that overflows":     header(`{"a":{"dtype":"F32","shape":[4294967296,4294967296,2],"data_offsets":[0,0]}}`, 0),
		"negative shape":           header(`{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}`, 4),
		"shape that is no number":  header(`{"a":{"dtype":"F32","shape":["1"],"data_offsets":[0,4]}}`, 4),
		"tensor that is no object": header(`{"a":7}`, 0),
		"no tensors":               header(`{}`, 0),
		"wrong tensor":             header(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, 4),
		"type we do not read":      header(`{"model.embed_tokens.weight":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}`, 4),
		"tensor of another shape":  header(`{"model.embed_tokens.weight":{"dtype":"F32","shape":[1,1],"data_offsets":[0,4]}}`, 4),
		"shape of 2^63 and none":   header(`{"model.embed_tokens.weight":{"dtype":"F32","shape":[9223372036854775808,0],"data_offsets":[0,0]}}`, 0),
	} {
		cases["weights: "+name] = badInput{weights(content), site.score, `model(/model\.safetensors)?: `}
	}
	return cases
}

func badInputs() map[string]badInput {
	rows := func(content string) func(*testing.T, site) {
		return func(t *testing.T, s site) { s.write(t, "rows.jsonl", content) }
	}
	training := func(loraConfig, args string) func(*testing.T, site) {
		return func(t *testing.T, s site) { s.write(t, "lora.json", trainingFile(loraConfig, args)) }
	}
	config := func(key string, value any) func(*testing.T, site) {
		return func(t *testing.T, s site) { s.edit(t, "model/config.json", map[string]any{key: value}) }
	}
	peft := func(key string, value any) func(*testing.T, site) {
		return func(t *testing.T, s site) { s.edit(t, "adapter/adapter_config.json", map[string]any{key: value}) }
	}
	remove := func(name string) func(*testing.T, site) {
		return func(t *testing.T, s site) { require.NoError(t, os.RemoveAll(s.path(name))) }
	}
	// onlyFile leaves a folder one file that says where its weights are; what were they is a shard now.
	onlyFile := func(name, content string) func(*testing.T, site) {
		return func(t *testing.T, s site) {
			require.NoError(t, os.Rename(s.path("model/model.safetensors"), s.path("model/shard.safetensors")))
			s.write(t, "model/"+name, content)
		}
	}
	index := func(content string) func(*testing.T, site) { return onlyFile("model.safetensors.index.json", content) }
	torchFile := func(content string) func(*testing.T, site) { return onlyFile("pytorch_model.bin", content) }
	nothing := func(*testing.T, site) {}
	lora := func(s site) []string { return s.lora() }
	generate := func(s site) []string { return s.generate("--max-new-tokens", "3") }
	long := `{"text": "` + strings.Repeat("a", 510) + `"}` + "\n"
	cases := map[string]badInput{
		"missing model folder":           {remove("model"), site.score, `/model: no such model, expected a folder with config\.json and model\.safetensors or pytorch_model\.bin, or a \.gguf file`},
		"missing model folder, training": {remove("model"), lora, `lora\.json: base_model: "model" is no path here, and as a name on a hub: model "model@main" is not in the cache`},
		"no model and no name":           {func(t *testing.T, s site) { s.edit(t, "lora.json", map[string]any{"base_model": "./model-2"}) }, lora, `lora\.json:1: base_model: "\./model-2" cannot be opened: .*, expected a model folder or a \.gguf file`},
		"name that is not on the hub":    {nothing, func(s site) []string { return append(s.score(), "--model", "acme/gone") }, `"acme/gone" is no path here, and as a name on a hub: model "acme/gone@main" is not in the cache`},
		"neither path nor name":          {nothing, func(s site) []string { return append(s.score(), "--model", "acme/gone/model") }, `"acme/gone/model" cannot be opened \(no such file or directory\), and it is not a name on a hub`},
		"curves without a folder":        {nothing, func(s site) []string { return s.lora("--report-to", "wandb") }, `--report-to is given without --logging-dir`},
		"curves of an unknown kind":      {nothing, func(s site) []string { return s.lora("--logging-dir", s.path("curves"), "--report-to", "mlflow") }, `report_to "mlflow": expected tensorboard or wandb`},
		"a device that is none":          {nothing, func(s site) []string { return s.lora("--device", "gpu") }, `--device: device "gpu", expected cpu or cuda:N, N being the number of a GPU from 0 on`},
		"a GPU that is not there":        {nothing, func(s site) []string { return append(s.score(), "--device", "cuda:99") }, `--device: device cuda:99: \S`},
		"missing config.json":            {remove("model/config.json"), site.score, `model/config\.json: .*expected`},
		"missing weights":                {remove("model/model.safetensors"), site.score, `model: no weights, expected model\.safetensors or pytorch_model\.bin, whole or in shards with their index`},
		"missing tokenizer":              {remove("model/tokenizer.json"), site.score, `model: .*tokenizer\.json`},
		"config.json is no JSON":         {func(t *testing.T, s site) { s.write(t, "model/config.json", "{") }, site.score, `model/config\.json: not a model configuration`},
		"unknown model_type":             {config("model_type", "mamba"), site.score, `model/config\.json: model_type "mamba" is not supported, expected gpt2, llama, mistral, qwen2 or qwen3`},
		"no layers":                      {config("num_hidden_layers", 0), site.score, `model/config\.json: num_hidden_layers is 0, expected a positive number`},
		"another width":                  {config("hidden_size", 32), site.score, `model: weight "model\.embed_tokens\.weight" has shape \[260 64\], the configuration makes it \[260 32\]`},
		"more layers than weights":       {config("num_hidden_layers", 4), site.score, `model: weight "model\.layers\.3\..*" is missing`},
		"rope scaling":                   {config("rope_scaling", map[string]any{"rope_type": "dynamic"}), site.score, `model/config\.json: rope_scaling: rope type "dynamic" is not supported, expected default, linear, llama3 or yarn`},
		"tokenizer larger than embedding": {func(t *testing.T, s site) {
			s.write(t, "model/tokenizer.json", strings.Replace(s.contents(t)[s.path("model/tokenizer.json")], `"id": 256`, `"id": 300`, 1))
		}, site.score, `model: the tokenizer has 301 tokens, the model's embedding 260 rows|tokenizer\.json`},
		"both forms whole": {func(t *testing.T, s site) {
			s.write(t, "model/pytorch_model.bin", "x")
			s.write(t, "model/model.safetensors", "x")
		}, site.score, `model/model\.safetensors: `},
		"no torch file":         {torchFile("x"), site.score, `model/pytorch_model\.bin: not a file that torch\.save wrote`},
		"torch index, no JSON":  {onlyFile("pytorch_model.bin.index.json", "{"), site.score, `bin\.index\.json: not the JSON of a weight index`},
		"missing torch shard":   {onlyFile("pytorch_model.bin.index.json", `{"weight_map": {"model.norm.weight": "pytorch_model-1.bin"}}`), site.score, `model/pytorch_model-1\.bin: no such file, expected one that torch\.save wrote`},
		"index is no JSON":      {index("{"), site.score, `index\.json: not the JSON of a weight index`},
		"missing shard":         {index(`{"weight_map": {"model.norm.weight": "model-00001.safetensors"}}`), site.score, `model/model-00001\.safetensors: no such file, expected a safetensors file`},
		"shard above":           {index(`{"weight_map": {"model.norm.weight": "../secret.safetensors"}}`), site.score, `index\.json: weight "model\.norm\.weight" lies in "\.\./secret\.safetensors", expected a file of the same folder`},
		"shard with whole path": {index(`{"weight_map": {"model.norm.weight": "/etc/passwd"}}`), site.score, `index\.json: weight "model\.norm\.weight" lies in "/etc/passwd", expected a file of the same folder`},
		"weight not in shard":   {index(`{"weight_map": {"model.extra": "shard.safetensors"}}`), site.score, `shard\.safetensors: weight "model\.extra" is missing`},

		"target that is not there":   {training(`, "target_modules": ["q_proj", "query"]`, ""), lora, `lora\.json: target module "query" is not in the model \(llama\): expected of down_proj, gate_proj, k_proj, o_proj, q_proj, up_proj, v_proj`},
		"unknown key":                {training(`, "ranc": 4`, ""), lora, `lora\.json:2: lora_config\.ranc: unknown key`},
		"learning rate NaN":          {training(someTargets, `, "learning_rate": NaN`), lora, `lora\.json:3`},
		"learning rate as a text":    {training(someTargets, `, "learning_rate": "nan"`), lora, `lora\.json:3: training_args\.learning_rate`},
		"learning rate too large":    {training(someTargets, `, "learning_rate": 1e999`), lora, `lora\.json:3: training_args\.learning_rate`},
		"missing training file":      {remove("lora.json"), lora, `lora\.json`},
		"nothing to resume":          {nothing, func(s site) []string { return s.lora("--resume") }, `out_checkpoints: no checkpoint to resume from, expected a folder checkpoint-STEP`},
		"missing adapter":            {remove("adapter"), site.adapted, `adapter/adapter_config\.json: .*expected a PEFT adapter folder`},
		"missing matrices":           {remove("adapter/adapter_model.safetensors"), site.adapted, `adapter/adapter_model\.safetensors: no such file`},
		"adapter of another rank":    {peft("r", 4), site.adapted, `adapter_model\.safetensors: tensor ".*q_proj\.lora_A\.weight" has shape \[2 64\], this base needs \[4 64\]: adapter of another base`},
		"adapter with more targets":  {peft("target_modules", []string{"q_proj", "v_proj", "k_proj"}), site.adapted, `tensor ".*k_proj\.lora_A\.weight" is missing: adapter of another base`},
		"adapter with fewer targets": {peft("target_modules", []string{"q_proj"}), site.adapted, `tensor ".*v_proj\.lora_A\.weight" has no place in this base: adapter of another base`},
		"adapter of another family":  {peft("target_modules", []string{"c_attn"}), site.adapted, `adapter_model\.safetensors: adapter of another base: target module "c_attn" is not in the model`},
		"adapter of another kind":    {peft("peft_type", "IA3"), site.adapted, `adapter_config\.json: peft_type is "IA3", expected LORA`},
		"adapter with DoRA":          {peft("use_dora", true), site.adapted, `adapter_model\.safetensors: tensor ".*lora_magnitude_vector" is missing: adapter of another base`},
		"first adapter of another rank": {func(t *testing.T, s site) {
			s.write(t, "lora.json", strings.Replace(trainingFile(someTargets, ""), `"r": 2`, `"r": 8`, 1))
		},
			func(s site) []string { return s.lora("--init-adapter", s.path("adapter")) }, `adapter: the adapter has another r than the configuration`},

		"no rows file":            {remove("rows.jsonl"), site.score, `rows\.jsonl`},
		"empty rows":              {rows(""), site.score, `rows\.jsonl: no lines; expected one \{"text": \.\.\.\} object a line`},
		"empty rows, training":    {rows(""), lora, `rows\.jsonl: no lines; expected one \{"text": \.\.\.\} object a line`},
		"a line that is no JSON":  {rows(rowLines + "{text}\n"), site.score, `rows\.jsonl:3: `},
		"the same, training":      {rows(rowLines + "{text}\n"), lora, `rows\.jsonl:3: `},
		"a line without text":     {rows(`{"prompt": "a"}` + "\n"), site.score, `rows\.jsonl:1: .*text`},
		"text beyond positions":   {rows(rowLines + strings.Replace(long, "aaa", "aaaaaa", 1)), site.score, `rows\.jsonl:3: 513 tokens and 0 new ones, expected at most the model's 512 positions`},
		"prompt beyond positions": {rows(rowLines + long), generate, `rows\.jsonl:3: 510 tokens and 3 new ones, expected at most the model's 512 positions`},
		"top-p of 2":              {nothing, func(s site) []string { return s.generate("--top-p", "2") }, `top-p 2: expected`},
		"no flag":                 {nothing, func(site) []string { return []string{"score"} }, `required flag\(s\) "in", "model", "out" not set`},
		"an argument":             {nothing, func(s site) []string { return append(s.score(), "now") }, `"now"`},
		"unknown stage":           {nothing, func(site) []string { return []string{"trane"} }, `"trane"`},
		"folder for the output":   {func(t *testing.T, s site) { require.NoError(t, os.Mkdir(s.path("scores.jsonl"), 0o755)) }, site.score, `scores\.jsonl`},
	}
	maps.Copy(cases, corruptWeights())
	return cases
}

func TestBadInputOfEveryStageIsOneLineAndExitCode2AndWritesNothing(t *testing.T) {
	t.Setenv("HF_HUB_OFFLINE", "1") // a name that means nothing here is not asked for elsewhere
	t.Setenv("HF_HUB_CACHE", t.TempDir())
	good := newSite(t)
	for name, c := range badInputs() {
		t.Run(name, func(t *testing.T) {
			s := good.copied(t)
			c.spoil(t, s)
			before := s.contents(t)
			var stderr bytes.Buffer
			code := execute(t.Context(), append([]string{"exec"}, c.run(s)...), &stderr)
			said := stderr.String()
			require.Equal(t, 2, code, said)
			require.Equal(t, 1, strings.Count(said, "\n"), said)
			require.Regexp(t, regexp.MustCompile(`^elara-worker: .*(`+c.says+`)`), said)
			require.NotContains(t, said, "panic")
			require.Equal(t, before, s.contents(t), "nothing is written")
		})
	}
}
