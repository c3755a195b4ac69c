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
