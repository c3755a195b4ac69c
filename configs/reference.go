package configs

import (
	"fmt"
	"strings"

	"elara/spec"
)

// Reference writes the documentation of every key, in Markdown, from the tables that decode them.
func Reference() string {
	var out strings.Builder
	out.WriteString(`# Configuration

Generated from the tables of package configs by ` + "`go generate ./configs`" + `; a test keeps it current.

Every file is read strictly: a key that is unknown, misspelt, given twice, of the wrong type or out of its range is an
error of one line that names the file, the line, the key and what was expected. Relative paths in a file are relative to
the file.

`)
	writeTable(&out, "Settings", `How a binary reaches Temporal, S3 and its device: `+"`--config FILE`"+` or `+"`$"+settingsFileVariable+"`"+` names the file
(YAML; all keys may be left out). An environment variable wins over the file, a flag over both. An empty variable counts as not
set. Secrets come from the environment or from a file of their own, never from this file, and have no flags.`,
		new(settingsReader).keys(), columns{environment: true, flag: true})
	reader := &pipelineReader{}
	writeTable(&out, "Pipeline", `What is trained, from which data, and when: one YAML file, `+"`elara run FILE`"+`. [configs/pipeline.yaml](../configs/pipeline.yaml)
is a complete example. An environment variable wins over the file. An entry of `+"`adapters`"+` takes every key of the
block `+"`defaults`"+` beside its own. It is read as its preset, under the block `+"`defaults`"+`, under its own keys; the presets are in [configs/presets.yaml](../configs/presets.yaml).`, reader.keys(), columns{environment: true})
	writeTable(&out, "Training file", `One adapter's training in the guide's form: a JSON file for `+"`elara-worker exec lora --config FILE`"+`. The keys below
`+"`training_args`"+` are transformers' TrainingArguments with their own names and defaults, those below `+"`lora_config`"+` PEFT's LoraConfig.
Keys that transformers or PEFT know and this table does not are in [training-keys.md](training-keys.md): each is accepted without effect, with a
warning, or refused by name. The blocks of a pipeline's adapters follow the same rules.`, loraJobKeys(&spec.LoRAJob{}), columns{})
	writeTable(&out, "Pre-training file", `Continued pre-training of all weights: a JSON file for `+"`elara-worker exec pretrain --config FILE`"+`, see
[pretraining.md](pretraining.md). Its `+"`training_args`"+` take the keys of a training file.`, pretrainJobKeys(&spec.PretrainJob{}), columns{})
	writeTable(&out, "Reward file", `A reward model from preferences: a JSON file for `+"`elara-worker exec reward --config FILE`"+`, see
[reward.md](reward.md). Its `+"`training_args`"+` take the keys of a training file, with TRL's RewardConfig on top.`, rewardJobKeys(&spec.RewardJob{}), columns{})
	writeTable(&out, "DPO file", `Direct preference optimisation: a JSON file for `+"`elara-worker exec dpo --config FILE`"+`, see
[reward.md](reward.md). Its `+"`training_args`"+` take the keys of a training file, with TRL's DPOConfig on top.`, dpoJobKeys(&spec.DPOJob{}), columns{})
	writeTable(&out, "PPO file", `Reinforcement by a reward model: a JSON file for `+"`elara-worker exec ppo --config FILE`"+`, see [ppo.md](ppo.md).`,
		ppoJobKeys(&spec.PPOJob{}, ""), columns{})
	writeTable(&out, "Merge file", `Several adapters into one, or into the base: a JSON file for `+"`elara-worker exec merge --config FILE`"+`, see
[merging.md](merging.md).`, mergeJobKeys(&spec.MergeJob{}), columns{})
	writeTable(&out, "Memory file", `What a model has by heart of its training rows: a JSON file for `+"`elara-worker exec memory --config FILE`"+`, see
[evaluation.md](evaluation.md).`, memoryJobKeys(&spec.MemoryJob{}), columns{})
	writeTable(&out, "Distillation file", `A smaller model that answers like a larger one: a JSON file for `+"`elara-worker exec distill --config FILE`"+`, see
[distillation.md](distillation.md).`, distillJobKeys(&spec.DistillJob{}), columns{})
	return out.String()
}

// columns says which optional columns a table has.
type columns struct{ environment, flag bool }

func writeTable(out *strings.Builder, title, about string, table *section, has columns) {
	fmt.Fprintf(out, "## %s\n\n%s\n\n", title, about)
	header := []string{"key", "type and range", "default", "meaning"}
	if has.environment {
		header = append(header, "variable")
	}
	if has.flag {
		header = append(header, "flag")
	}
	writeRow(out, header)
	out.WriteString(strings.Repeat("|---", len(header)) + "|\n")
	writeSection(out, "", table, has)
	out.WriteString("\n")
}

func writeSection(out *strings.Builder, prefix string, table *section, has columns) {
	for _, k := range table.keys {
		if k.alsoIn != "" {
			continue
		}
		path := prefix + k.name
		inList := strings.Contains(path, "[]")
		cells := []string{"`" + path + "`" + spellings(k), k.expects(), fallbackOf(k), k.help}
		if has.environment {
			cells = append(cells, code(variable(path), !inList && k.object == nil && k.element == nil))
		}
		if has.flag {
			cells = append(cells, code("--"+flagName(path), !inList && k.object == nil && !k.secret))
		}
		writeRow(out, cells)
		if k.object != nil {
			writeSection(out, path+".", k.object, has)
		}
		if k.element != nil {
			writeSection(out, path+"[].", k.element, has)
		}
	}
}

func writeRow(out *strings.Builder, cells []string) {
	for _, cell := range cells {
		fmt.Fprintf(out, "| %s ", strings.ReplaceAll(cell, "|", `\|`))
	}
	out.WriteString("|\n")
}

func spellings(k key) string {
	var names string
	if len(k.aliases) > 0 {
		names = ", also `" + strings.Join(k.aliases, "`, `") + "`"
	}
	if k.former != nil {
		names += ", earlier `" + k.former.name + "`"
	}
	return names
}

func fallbackOf(k key) string {
	switch {
	case k.required:
		return "**required**"
	case k.fallback != "":
		return k.fallback
	case k.object != nil:
		return ""
	default:
		return "none"
	}
}

func code(text string, shown bool) string {
	if !shown {
		return ""
	}
	return "`" + text + "`"
}
