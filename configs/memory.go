package configs

import (
	"math"
	"slices"

	"elara/spec"
)

// memoryPlanKeys is the table of the block evaluate.memory of a pipeline file. Whether the block is there decides whether anything is
// asked.
func memoryPlanKeys(p *spec.MemoryPlan) *section {
	canaries := canaryKeys(&p.Canaries)
	canaries.keys = append(canaries.keys, integer("repeats", &p.Repeats, 1, 1, 1000, "How often each is planted among the training rows of every adapter."))
	return &section{keys: []key{
		memoryPartsKey(&p.Parts, "Ways to ask. A block without it is an error. canaries: the preparation plants rows to be found, and the adapters are trained on them.").showDefault("none: nothing is asked"),
		integer("max_rows", &p.MaxRows, 1000, 0, maxSteps, "Most training rows, and most held-out rows, that are looked at, drawn by seed; 0: all."),
		integer("seed", &p.Seed, 42, 0, maxSeed, "Seed of that draw."),
		block("canaries", canaries, "The canaries, where they are one of the parts."),
		block("bounds", memoryBoundsKeys(&p.Bounds), "What an adapter is held to: one that breaks a bound is rejected."),
	}}
}

// memoryJobKeys is the table of a file that asks what a model has by heart.
func memoryJobKeys(job *spec.MemoryJob) *section {
	return &section{keys: []key{
		text("base_model", &job.BaseModel, "", form{expected: baseModelKind}, "Base model, as in a training file.").require(),
		path("adapter", &job.Adapter, "", "PEFT adapter folder. Without it the base itself is asked, as after a training of all weights."),
		path("train_data_path", &job.TrainDataPath, "", `Rows that were trained on, with the planted canaries: JSONL of {"text": ...}.`).require(),
		path("eval_data_path", &job.EvalDataPath, "", "Rows of the same kind that were not trained on, in the same form.").require(),
		memoryPartsKey(&job.Parts, "Ways to ask.").showDefault("all"),
		choice("audience", &job.Audience, spec.General, spec.Audiences(), "Audience of the canaries' template."),
		maxLengthKey(&job.MaxLength),
		completionOnlyKey(&job.CompletionOnlyLoss),
		integer("max_rows", &job.MaxRows, 0, 0, 10_000_000, "Most rows of each file that are looked at, drawn by seed; 0: all."),
		integer("seed", &job.Seed, 42, 0, math.MaxInt64, "Seed of that draw."),
		block("canaries", canaryKeys(&job.Canaries), "The canaries, as `elara-worker exec plant` put them among the rows."),
		block("bounds", memoryBoundsKeys(&job.Bounds), "What the model is held to; docs/evaluation.md has the meaning."),
	}}
}

func memoryPartsKey(target *[]spec.MemoryPart, help string) key {
	of := accepted(func(name string) error { return spec.MemoryPart(name).Check() }, "canaries, verbatim or membership")
	return texts("parts", target, "a list of canaries, verbatim and membership", of, help)
}

func canaryKeys(c *spec.CanaryPlan) *section {
	return &section{keys: []key{
		integer("count", &c.Count, 8, 1, spec.MaxCanaries, "Canaries."),
		integer("candidates", &c.Candidates, 1024, spec.CandidatesPerCanary, 100_000, "Secrets that each is ranked among, its own included."),
		integer("seed", &c.Seed, 42, 0, math.MaxInt64, "Seed of their secrets, as they were planted."),
	}}
}

func memoryBoundsKeys(b *spec.MemoryBounds) *section {
	return &section{keys: []key{
		integer("canaries_found", &b.CanariesFound, 0, 0, spec.MaxCanaries, "Most canaries that may be found."),
		integer("verbatim_tokens", &b.VerbatimTokens, 50, 2, maxRowTokens, "Tokens running that count as a row told word for word."),
		integer("verbatim_rows", &b.VerbatimRows, 0, 0, 10_000_000, "Most rows that may be told word for word."),
		number("membership_auc", &b.MembershipAUC, 0.55, interval{low: 0.5, high: 1}, "Most that the loss may tell training rows from others by."),
	}}
}

// refuseUnreadParts refuses keys that belong to parts that are not asked.
func refuseUnreadParts(block *node, path string, parts []spec.MemoryPart) error {
	of := func(part spec.MemoryPart, keys ...string) unread {
		return unread{!slices.Contains(parts, part), string(part) + " is none of the parts", keys}
	}
	if err := refuseUnread(block, path, []unread{of(spec.PartCanaries, "canaries")}); err != nil {
		return err
	}
	return refuseUnread(block.get("bounds"), join(path, "bounds"), []unread{
		of(spec.PartCanaries, "canaries_found"), of(spec.PartVerbatim, "verbatim_tokens", "verbatim_rows"), of(spec.PartMembership, "membership_auc"),
	})
}

// settleMemory refuses keys that would not be read and canaries that could not be found, and leaves the zero plan where the file has
// no such block.
func (r *pipelineReader) settleMemory(tree *node) error {
	p := &r.pipeline.Input.Evaluate.Memory
	const path = "evaluate.memory"
	block := tree.get("evaluate").get("memory")
	if block == nil {
		*p = spec.MemoryPlan{}
		return nil
	}
	if len(p.Parts) == 0 {
		return block.origin.errorf("%s.parts: missing, expected a list of canaries, verbatim and membership", path)
	}
	if err := refuseUnreadParts(block, path, p.Parts); err != nil {
		return err
	}
	if !slices.Contains(p.Parts, spec.PartCanaries) {
		p.Canaries, p.Repeats = spec.CanaryPlan{}, 0
	}
	if err := p.Check(); err != nil {
		return block.place("canaries", "candidates").errorf("%s.canaries: %w", path, err)
	}
	return nil
}

// LoadMemoryJob reads a file that asks what a model has by heart. Relative paths are relative to the file. Adapter and data must
// exist, and so must the base model unless it is a name on a hub.
func LoadMemoryJob(path string) (spec.MemoryJob, []Warning, error) {
	tree, err := parseFile(path)
	if err != nil {
		return spec.MemoryJob{}, nil, err
	}
	job, tree, err := readMemoryJob(tree)
	if err != nil {
		return spec.MemoryJob{}, nil, err
	}
	if err := findBase(&job.BaseModel, tree); err != nil {
		return spec.MemoryJob{}, nil, err
	}
	if err := findInputs(tree, input{"adapter", job.Adapter, "a PEFT adapter folder"},
		input{"train_data_path", job.TrainDataPath, rowsInput}, input{"eval_data_path", job.EvalDataPath, rowsInput}); err != nil {
		return spec.MemoryJob{}, nil, err
	}
	return job, tree.warnings(), nil
}

// readMemoryJob also gives the tree under the table's own spelling, with its notes.
func readMemoryJob(tree *node) (spec.MemoryJob, *node, error) {
	var job spec.MemoryJob
	tree, err := memoryJobKeys(&job).read(tree)
	if err != nil {
		return job, tree, err
	}
	if len(job.Parts) == 0 {
		job.Parts = spec.MemoryParts()
	}
	if err := refuseUnreadParts(tree, "", job.Parts); err != nil {
		return job, tree, err
	}
	if err := job.Canaries.Check(); job.Asks(spec.PartCanaries) && err != nil {
		return job, tree, tree.place("canaries", "candidates").errorf("canaries: %w", err)
	}
	return job, tree, nil
}
