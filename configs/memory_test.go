package configs

import (
	"testing"

	"elara/spec"

	"github.com/stretchr/testify/require"
)

func memoryFile() map[string]any {
	return map[string]any{"base_model": "b", "train_data_path": "t", "eval_data_path": "e", "canaries.count": 2}
}

func TestEveryKeyOfAMemoryFileIsRead(t *testing.T) {
	prove(t, memoryJobKeys(&spec.MemoryJob{}), memoryFile(), func(doc map[string]any) (any, error) {
		job, _, err := readMemoryJob(tree(t, doc, "/d"))
		return job, err
	})
}

func TestCanariesThatNobodyCouldFindAreRefused(t *testing.T) {
	withoutVariables(t)
	doc := memoryFile()
	doc["canaries.count"], doc["canaries.candidates"] = 26, 2599
	_, _, err := readMemoryJob(tree(t, doc, "/d"))
	require.EqualError(t, err, "test: canaries: 2599 candidates for 26 canaries: expected at least 2600, or the first rank could be an accident")
	doc["canaries.candidates"] = 2600
	_, _, err = readMemoryJob(tree(t, doc, "/d"))
	require.NoError(t, err)

	file := write(t, "memory.json", `{"base_model": "b/c", "train_data_path": "gone.jsonl", "eval_data_path": "gone.jsonl"}`)
	_, _, err = LoadMemoryJob(file)
	require.ErrorContains(t, err, `memory.json:1: train_data_path: "`)
}

func TestWhatAPipelineAsksAboutItsTrainingRows(t *testing.T) {
	withoutVariables(t)
	load := func(memory string) (spec.MemoryPlan, error) {
		p, err := LoadPipeline(write(t, "p.yaml", smallPipeline+"evaluate:\n  memory: "+memory+"\n"), nil)
		return p.Input.Evaluate.Memory, err
	}
	plan, err := load("{parts: [canaries], canaries: {repeats: 3}}")
	require.NoError(t, err)
	require.Equal(t, spec.MemoryPlan{
		Parts: []spec.MemoryPart{spec.PartCanaries}, MaxRows: 1000, Seed: 42, Canaries: spec.CanaryPlan{Count: 8, Candidates: 1024, Seed: 42}, Repeats: 3,
		Bounds: spec.MemoryBounds{VerbatimTokens: 50, MembershipAUC: 0.55},
	}, plan)
	require.Equal(t, spec.Planting{Count: 8, Repeats: 3, Seed: 42}, plan.Planting())
	plan, err = load("{parts: [verbatim, membership]}")
	require.NoError(t, err)
	require.Zero(t, plan.Planting(), "nothing is planted where nothing is looked for")
	p, err := LoadPipeline(write(t, "p.yaml", smallPipeline), nil)
	require.NoError(t, err)
	require.Zero(t, p.Input.Evaluate.Memory, "without the block nobody asks")

	for memory, want := range map[string]string{
		"{max_rows: 3}":  "evaluate.memory.parts: missing, expected a list of canaries, verbatim and membership",
		"{parts: [all]}": `parts[0]: expected canaries, verbatim or membership, found the text "all"`,
		"{parts: [verbatim], canaries: {count: 3}}":                   "evaluate.memory.canaries: is not read: canaries is none of the parts",
		"{parts: [verbatim], bounds: {membership_auc: 0.6}}":          "evaluate.memory.bounds.membership_auc: is not read: membership is none of the parts",
		"{parts: [canaries], canaries: {count: 26}}":                  "evaluate.memory.canaries: 1024 candidates for 26 canaries: expected at least 2600, or the first rank could be an accident",
		"{parts: [canaries, membership], bounds: {verbatim_rows: 1}}": "evaluate.memory.bounds.verbatim_rows: is not read: verbatim is none of the parts",
	} {
		_, err := load(memory)
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, "p.yaml:20: ")
	}

	doc := memoryFile()
	doc["parts"] = []any{"verbatim"}
	_, _, err = readMemoryJob(tree(t, doc, "/d"))
	require.EqualError(t, err, "test: canaries: is not read: canaries is none of the parts")
}
