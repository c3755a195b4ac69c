package configs

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"elara/spec"

	"github.com/stretchr/testify/require"
)

// samples gives, for keys whose kind does not say it, values that are not the default.
func samples() map[string][]any {
	return map[string][]any{
		"name": {"other-name"}, "base_model": {"other-model"}, "audience": {"doctor"}, "preset": {"doctor"}, "model_type": nil,
		"match": {[]any{"x+"}}, "weights": {[]any{2}}, "adapters": {[]any{"b"}}, "into": {"adapter"}, "audiences": {[]any{"doctor"}}, "questions": {[]any{"Why?"}},
		"approvers": {[]any{"Person A"}}, "reviewers": {[]any{"Person A"}}, "per_pair": {2}, "signatures": {2}, "smoke_question": {"Why not?"},
		"target_modules": {[]any{"k_proj"}, ".*attn", "all-linear"}, "exclude_modules": {[]any{"k_proj"}, ".*attn"},
		"layers_to_transform": {3, []any{0, 2}}, "layers_pattern": {"h", []any{"h", "layers"}}, "modules_to_save": {[]any{"lm_head"}},
		"rank_pattern": {map[string]any{"q_proj": 4}}, "alpha_pattern": {map[string]any{"q_proj": 4.5}}, "init_lora_weights": {false, "gaussian"},
		"lr_scheduler_type": {"cosine"}, "metric_for_best_model": {"eval_loss"},
		"warmup_steps": {333, 0.25}, "logging_steps": {333, 0.25}, "eval_steps": {333, 0.25}, "save_steps": {333, 0.25},
		"cron": {"1 2 3 4 5"}, "every": {"48h"}, "jitter": {"3m"}, "channel": {"other-channel"}, "max_steps": {7}, "num_generations": {2},
		"address": {"other:1"}, "otlp_endpoint": {"other:2"}, "metrics_address": {"other:3"}, "endpoint": {"http://other:4"}, "bucket": {"other-bucket"},
		"prefix": {"other/"}, "namespace": {"other-namespace"}, "control": {"other-queue"}, "train": {"other-train"},
		"desk_url": {"http://other:5"}, "url": {"http://other:6"}, "server": {"other:7"}, "user": {"other-user"},
		"sender": {"other@example.org"}, "recipients": {[]any{"other@example.org"}},
		"region": {"other-region"}, "server_name": {"other-host"}, "report_to": {[]any{"wandb"}}, "project": {"other-project"}, "entity": {"other-team"},
		"parts": {[]any{"canaries"}}, "model": {"b"}, "teacher": {"b"}, "token_variable": {"OTHER"}, "retries": {7}, "count": {3},
		"canaries_found": {3}, "membership_auc": {0.75},
		"question_column": {"q2"}, "answer_column": {"a2"}, "audience_column": {"c2"},
	}
}

// companions gives what a key does not go without.
func companions() map[string]map[string]any {
	course := func(name string, more ...any) map[string]any {
		with := map[string]any{"training_args.lr_scheduler_type": name}
		for i := 0; i < len(more); i += 2 {
			with["training_args.lr_scheduler_kwargs."+more[i].(string)] = more[i+1]
		}
		return with
	}
	return map[string]map[string]any{
		"num_cycles": course("cosine"), "min_lr": course("cosine_with_min_lr"), "min_lr_rate": course("cosine_with_min_lr"),
		"warmup_lr_rate": course("cosine_warmup_with_min_lr", "min_lr_rate", 0.5), "timescale": course("inverse_sqrt"),
		"lr_end": course("polynomial"), "power": course("polynomial"), "num_decay_steps": course("warmup_stable_decay"),
		"num_stable_steps": course("warmup_stable_decay", "num_decay_steps", 2), "warmup_type": course("warmup_stable_decay", "num_decay_steps", 2),
		"decay_type": course("warmup_stable_decay", "num_decay_steps", 2), "min_lr_ratio": course("warmup_stable_decay", "num_decay_steps", 2),
		"layers_pattern": {"lora_config.layers_to_transform": 1}, "early_stopping_threshold": {"training_args.early_stopping_patience": 2},
	}
}

// others gives values of the key that are not its default; none when it has one value only.
func others(t *testing.T, k key, folder string) []any {
	t.Helper()
	if values, found := samples()[k.name]; found && k.kind != "true or false" {
		return values
	}
	switch {
	case k.kind == device().expected:
		return []any{"cuda:5"}
	case k.kind == "a path":
		path := filepath.Join(folder, "other-"+k.name)
		require.NoError(t, os.WriteFile(path, []byte("from "+k.name), 0o600))
		return []any{path}
	case k.kind == "true or false":
		return []any{k.fallback != "true"}
	case k.kind == "a whole number":
		return []any{333}
	case k.kind == "a number":
		return []any{0.03125}
	case k.kind == "one of":
		options := strings.Split(k.within, ", ")
		if last := options[len(options)-1]; last != k.fallback {
			return []any{last}
		}
		return []any{options[0]}
	case k.secret:
		return []any{"other-secret"}
	}
	t.Fatalf("no sample for a key of kind %q: %s", k.kind, k.name)
	return nil
}

// changed lists the leaf fields in which two values of a type differ, by path.
func changed(a, b reflect.Value, path string) []string {
	if a.Kind() == reflect.Struct && a.Type() != reflect.TypeFor[Secret]() {
		var found []string
		for i := range a.NumField() {
			found = append(found, changed(a.Field(i), b.Field(i), path+"."+a.Type().Field(i).Name)...)
		}
		return found
	}
	if a.Kind() == reflect.Slice && a.Len() == b.Len() && a.Len() > 0 && a.Index(0).Kind() == reflect.Struct {
		var found []string
		for i := range a.Len() {
			found = append(found, changed(a.Index(i), b.Index(i), path+"[]")...)
		}
		return found
	}
	if a.Kind() == reflect.Slice && a.Len() != b.Len() && a.Type().Elem().Kind() == reflect.Struct {
		return fields(a.Type().Elem(), path+"[]")
	}
	if reflect.DeepEqual(a.Interface(), b.Interface()) {
		return nil
	}
	return []string{path}
}

// fields lists all leaf fields of a type, by path.
func fields(t reflect.Type, path string) []string {
	switch {
	case t.Kind() == reflect.Struct && t != reflect.TypeFor[Secret]():
		var found []string
		for i := range t.NumField() {
			found = append(found, fields(t.Field(i).Type, path+"."+t.Field(i).Name)...)
		}
		return found
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct:
		return fields(t.Elem(), path+"[]")
	default:
		return []string{path}
	}
}

// prove sets every key of a table alone to other values, with what it does not go without, loads, and wants a field to
// change; then it wants every field of the type to have been changed by some key, but for those named.
func prove(t *testing.T, table *section, base map[string]any, load func(map[string]any) (any, error), unreachable ...string) {
	t.Helper()
	plain, err := load(base)
	require.NoError(t, err)
	reached := map[string]bool{}
	table.walk("", func(path string, k key) {
		if k.object != nil || k.element != nil || strings.HasPrefix(path, "defaults.") || strings.HasPrefix(path, "pretrain.training_args.") || strings.HasPrefix(path, "rlhf.") || strings.HasPrefix(path, "distill.") || strings.HasPrefix(path, "export.") {
			return // the same tables as an adapter's; the layering has a test of its own
		}
		ground, before := maps.Clone(base), plain
		if with, needs := companions()[k.name]; needs {
			maps.Copy(ground, with)
			if before, err = load(ground); err != nil {
				before = plain // the ground alone is what the key completes
			}
		}
		for _, value := range others(t, k, t.TempDir()) {
			doc := maps.Clone(ground)
			doc[path] = value
			after, err := load(doc)
			require.NoError(t, err, path)
			differences := changed(reflect.ValueOf(before), reflect.ValueOf(after), "")
			require.NotEmpty(t, differences, "%s = %v is accepted but changes nothing", path, value)
			for _, field := range differences {
				reached[field] = true
			}
		}
	})
	for _, name := range unreachable {
		reached[name] = true
	}
	for _, field := range fields(reflect.TypeOf(plain), "") {
		require.True(t, reached[field], "no key sets %s", field)
	}
}

// tree turns dotted paths into nodes, as an untyped file would hold them.
func tree(t *testing.T, flat map[string]any, dir string) *node {
	t.Helper()
	from := origin{file: "test", dir: dir}
	top := &node{shape: shapeObject, origin: from}
	for _, path := range sortedPaths(flat) {
		value, err := nodeOf(flat[path], from, shapeText)
		require.NoError(t, err)
		putPath(top, strings.Split(path, "."), value)
	}
	return top
}

// measured is a training that tells its best step, which some keys ask for.
func measured() map[string]any {
	return map[string]any{"training_args.eval_strategy": "steps", "training_args.metric_for_best_model": "loss", "training_args.learning_rate": 0.5}
}

func TestEveryKeyOfATrainingFileIsRead(t *testing.T) {
	base := map[string]any{"base_model": "b", "output_dir": "o", "train_data_path": "t", "eval_data_path": "e", "lora_config.target_modules": []any{"q_proj"}}
	maps.Copy(base, measured())
	prove(t, loraJobKeys(&spec.LoRAJob{}), base, func(doc map[string]any) (any, error) {
		return decodeLoRAJob(tree(t, doc, "/d"))
	}, ".ModelType", ".LoRA.TaskType") // one value is supported
}

func TestEveryKeyOfAnAdapterIsRead(t *testing.T) {
	withoutVariables(t)
	base := map[string]any{"name": "a", "audience": "patient", "lora_config.target_modules": []any{"q_proj"}}
	maps.Copy(base, measured())
	prove(t, adapterKeys(&adapterFile{plan: &spec.AdapterPlan{}}), base, func(doc map[string]any) (any, error) {
		file := tree(t, map[string]any{"name": "p", "base.path": "b", "prepare.sources": []any{map[string]any{"path": "s"}}}, "/d")
		file.put(field{name: "adapters", value: &node{shape: shapeList, items: []*node{tree(t, doc, "/d")}}})
		p, err := decodePipeline(file, nil)
		if err != nil {
			return nil, err
		}
		return p.Input.Adapters[0], nil
	}, ".Args.OutputDir", ".LoRA.TaskType") // it is the worker's to choose, and one value is supported
}

func TestEveryKeyOfASourceIsRead(t *testing.T) {
	prove(t, sourceKeys(&spec.DataSource{}), map[string]any{"path": "s"}, func(doc map[string]any) (any, error) {
		reader := &pipelineReader{}
		err := reader.readSource(0, tree(t, doc, "/d"))
		if err != nil {
			return nil, err
		}
		return reader.pipeline.Input.Prepare.Sources[0], nil
	})
}

// withBlock reads a pipeline of two adapters, a and b, that has a block.
func withBlock(t *testing.T, name string, block map[string]any) (Pipeline, error) {
	t.Helper()
	adapter, other := map[string]any{"name": "a", "preset": "patient"}, map[string]any{"name": "b", "preset": "patient"}
	file := tree(t, map[string]any{"name": "p", "base.path": "b", "prepare.sources": []any{map[string]any{"path": "s"}}, "adapters": []any{adapter, other}}, "/d")
	file.put(field{name: name, value: tree(t, block, "/d")})
	return decodePipeline(file, nil)
}

func TestEveryKeyOfAPipelineIsRead(t *testing.T) {
	withoutVariables(t)
	adapter, other := map[string]any{"name": "a", "preset": "patient"}, map[string]any{"name": "b", "preset": "patient"}
	base := map[string]any{"name": "p", "base.path": "b", "prepare.sources": []any{map[string]any{"path": "s"}}, "adapters": []any{adapter, other}, "merge.adapters": []any{"a"},
		"pretrain.sources":      []any{map[string]any{"path": "t"}},
		"evaluate.memory.parts": []any{"canaries", "verbatim", "membership"}, "evaluate.memory.canaries.count": 2,
		"evaluate.judge.url": "http://judge:1/v1", "evaluate.judge.model": "m",
		"merge.into": "base", "merge.candidates": []any{map[string]any{"name": "c", "combination_type": "cat", "weights": []any{1}}}}
	var elsewhere []string // proven by the tests above, or not in the file
	for _, name := range fields(reflect.TypeFor[Pipeline](), "") {
		if strings.HasPrefix(name, ".Warnings") || strings.HasPrefix(name, ".Input.Adapters[]") || strings.HasPrefix(name, ".Input.Prepare.Sources[]") || strings.HasPrefix(name, ".Input.Base.Artifact") ||
			strings.HasPrefix(name, ".Input.Pretrain.Sources[]") || strings.HasPrefix(name, ".Input.Merge.Candidates[]") || strings.HasPrefix(name, ".Input.Pretrain.Args.") ||
			strings.HasPrefix(name, ".Input.RLHF.") || strings.HasPrefix(name, ".Input.Evaluate.Choices[]") || strings.HasPrefix(name, ".Input.Distill.") || strings.HasPrefix(name, ".Input.Export.") {
			elsewhere = append(elsewhere, name)
		}
	}
	elsewhere = append(elsewhere, ".Input.Run", ".Input.TrainQueue") // whoever starts the pipeline names them
	prove(t, (&pipelineReader{}).keys(), base, func(doc map[string]any) (any, error) {
		if _, named := doc["base.name"]; named {
			doc = maps.Clone(doc)
			delete(doc, "base.path") // one of the two
		}
		if _, every := doc["schedule.every"]; !every && fmt.Sprint(doc["schedule.cron"]) == "<nil>" {
			doc = maps.Clone(doc)
			doc["schedule.every"] = "24h" // a block schedule needs one of the two
		}
		return decodePipeline(tree(t, doc, "/d"), nil)
	}, elsewhere...)
}

func TestEverySettingIsRead(t *testing.T) {
	withoutVariables(t)
	prove(t, new(settingsReader).keys(), map[string]any{}, func(doc map[string]any) (any, error) {
		for _, path := range sortedPaths(doc) {
			if twin, paired := map[string]string{ // neither stands alone
				"s3.access_key": "s3.secret_key_file", "s3.access_key_file": "s3.secret_key_file",
				"s3.secret_key": "s3.access_key_file", "s3.secret_key_file": "s3.access_key_file",
				"temporal.tls.cert_file": "temporal.tls.key_file", "temporal.tls.key_file": "temporal.tls.cert_file",
			}[path]; paired {
				file := filepath.Join(t.TempDir(), "twin")
				require.NoError(t, os.WriteFile(file, []byte("twin"), 0o600))
				doc[twin] = file
			}
		}
		file := tree(t, doc, "/d")
		for _, name := range []string{"s3.access_key", "s3.secret_key", "temporal.api_key", "notify.webhook.secret", "notify.mail.password"} {
			if value := file.lookup(name); value != nil {
				value.shape = shapeWord // as it comes from the environment
			}
		}
		return decodeSettings(file)
	})
}

func (n *node) lookup(path string) *node {
	for _, name := range strings.Split(path, ".") {
		n = n.get(name)
	}
	return n
}
