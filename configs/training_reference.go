package configs

import (
	"fmt"
	"slices"
	"strings"

	"elara/spec"
)

// TrainingReference writes what becomes of every key of transformers' TrainingArguments and PEFT's LoraConfig, in Markdown.
func TrainingReference() string {
	var out strings.Builder
	out.WriteString(trainingIntroduction)
	blocks := map[string]*section{}
	for _, k := range loraJobKeys(&spec.LoRAJob{}).keys {
		if k.object != nil {
			blocks[k.name] = k.object
		}
	}
	for _, part := range []struct{ title, block string }{
		{"TrainingArguments of transformers 5.23.0", "training_args"}, {"LoraConfig of PEFT 0.21.2", "lora_config"},
	} {
		table := blocks[part.block]
		fmt.Fprintf(&out, "## %s\n\n### Honoured\n\n", part.title)
		fmt.Fprintf(&out, "%s.\n\n", strings.Join(codes(honoured(table)), ", "))
		out.WriteString("### Accepted, without effect\n\nA value other than the library's default gives a warning.\n\n| key | why |\n|---|---|\n")
		for _, k := range foreignOf(table, false) {
			fmt.Fprintf(&out, "| `%s` | %s |\n", k.name, k.why)
		}
		out.WriteString("\n### Refused by name\n\nThe library's default, which asks for nothing, is accepted.\n\n| key | why, and what to do |\n|---|---|\n")
		for _, k := range foreignOf(table, true) {
			fmt.Fprintf(&out, "| `%s` | %s |\n", k.name, k.why)
		}
		out.WriteString("\n")
	}
	return out.String()
}

// honoured names the keys of a table. Where one stands for a key of another spelling, both are named.
func honoured(table *section) []string {
	var names []string
	for _, k := range table.keys {
		name := k.name
		if others := append(slices.Clone(k.aliases), formerName(k)...); len(others) > 0 {
			name += " (" + strings.Join(others, ", ") + ")"
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func formerName(k key) []string {
	if k.former == nil {
		return nil
	}
	return []string{k.former.name}
}

// foreignOf gives the keys that are not honoured in the order of their names.
func foreignOf(table *section, refused bool) []foreignKey {
	var found []foreignKey
	for _, k := range table.foreign {
		if k.refused == refused {
			found = append(found, k)
		}
	}
	slices.SortFunc(found, func(a, b foreignKey) int { return strings.Compare(a.name, b.name) })
	return found
}

func codes(names []string) []string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = "`" + name + "`"
	}
	return quoted
}

const trainingIntroduction = `# Training keys

Generated from the tables of package configs by ` + "`go generate ./configs`" + `; a test keeps it current, and another compares it
with the fields of the two libraries (tests/peer/engine/training_keys.py reads them into configs/testdata/upstream.json).

Every field of transformers' TrainingArguments and of PEFT's LoraConfig has exactly one answer: it is honoured, it is
accepted with a warning because it has no effect here, or it is refused by name. Types, ranges and defaults of the honoured
ones are in [configuration.md](configuration.md). Keys of earlier releases are listed too.

## What the keys mean here

- **Rounding.** A share of the steps (warmup_steps, logging_steps, eval_steps and save_steps below 1) is rounded up, as in
  transformers. The last step is measured where eval_strategy is steps, and always saved.
- **Best step.** metric_for_best_model knows the held-out loss. load_best_model_at_end keeps the weights of the best step
  among those at which the strategies save; like transformers it refuses strategies that save without measuring. Every
  checkpoint carries these weights beside its own, in files that begin with best_, so that save_total_limit and a change of
  machine cannot lose them.
- **Early stopping.** early_stopping_patience and early_stopping_threshold are the arguments of transformers'
  EarlyStoppingCallback: an evaluation that is not better than the best one by more than the threshold counts against the
  patience. The count is part of every checkpoint, and a training that was interrupted stops where it would have stopped.
- **group_by_length** is transformers' order for a generator with the seed plus the epoch. transformers itself draws from
  torch's global generator, whose state depends on all that ran before, so that its order cannot be named.
- **fp16.** A CPU trains in fp32, with a warning; transformers refuses a CPU there. A GPU scales the loss as torch's
  GradScaler does (65536 at first, doubled after 2,000 good steps, halved after an overflow). A step that overflows changes
  nothing and does not move the schedule on. A training whose factor has fallen below 2^-24 ends as diverged.
- **bf16** holds the frozen base in bfloat16; what is trained stays fp32.
- **optim** is AdamW: adamw_torch and adamw_torch_fused are one.
- **Losses that are not finite** end a training before anything of that step is saved.

`
