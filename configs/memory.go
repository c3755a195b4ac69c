package configs

import (
	"math"

	"elara/spec"
)

// memoryJobKeys is the table of a file that asks what a model has by heart.
func memoryJobKeys(job *spec.MemoryJob) *section {
	c, b := &job.Canaries, &job.Bounds
	return &section{keys: []key{
		text("base_model", &job.BaseModel, "", form{expected: baseModelKind}, "Base model, as in a training file.").require(),
		path("adapter", &job.Adapter, "", "PEFT adapter folder. Without it the base itself is asked, as after a training of all weights."),
		path("train_data_path", &job.TrainDataPath, "", `Rows that were trained on, with the planted canaries: JSONL of {"text": ...}.`).require(),
		path("eval_data_path", &job.EvalDataPath, "", "Rows of the same kind that were not trained on, in the same form.").require(),
		choice("audience", &job.Audience, spec.General, spec.Audiences(), "Audience of the canaries' template."),
		maxLengthKey(&job.MaxLength),
		completionOnlyKey(&job.CompletionOnlyLoss),
		integer("max_rows", &job.MaxRows, 0, 0, 10_000_000, "Most rows of each file that are looked at, drawn by seed; 0: all."),
		integer("seed", &job.Seed, 42, 0, math.MaxInt64, "Seed of that draw."),
		block("canaries", &section{keys: []key{
			integer("count", &c.Count, 8, 1, spec.MaxCanaries, "Canaries."),
			integer("candidates", &c.Candidates, 1024, spec.CandidatesPerCanary, 100_000, "Secrets that each is ranked among, its own included."),
			integer("seed", &c.Seed, 42, 0, math.MaxInt64, "Seed of their secrets, as they were planted."),
		}}, "The canaries, as `elara-worker exec plant` put them among the rows."),
		block("bounds", &section{keys: []key{
			integer("canaries_found", &b.CanariesFound, 0, 0, spec.MaxCanaries, "Most canaries that may be found."),
			integer("verbatim_tokens", &b.VerbatimTokens, 50, 2, maxRowTokens, "Tokens running that count as a row told word for word."),
			integer("verbatim_rows", &b.VerbatimRows, 0, 0, 10_000_000, "Most rows that may be told word for word."),
			number("membership_auc", &b.MembershipAUC, 0.55, interval{low: 0.5, high: 1}, "Most that the loss may tell training rows from others by."),
		}}, "What the model is held to; docs/evaluation.md has the meaning."),
	}}
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
	if err == nil {
		if fits := job.Canaries.Check(); fits != nil {
			err = tree.place("canaries", "candidates").errorf("canaries: %w", fits)
		}
	}
	return job, tree, err
}
