//go:build torch

package chain

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/configs"
	"elara/engine/recipes"
	"elara/engine/tensor"
	"elara/spec"
)

// tinyPipeline aligns an adapter of a tiny model in four iterations of four answers.
const tinyPipeline = `name: phases
base: {path: model}
prepare: {sources: [{path: FOLDER/rows.csv, audience_column: audience}], eval_percent: 25}
defaults:
  lora_config: {r: 2, alpha: 4, target_modules: [q_proj, v_proj]}
  training_args: {max_steps: 2, eval_strategy: "no"}
  max_length: 128
  gates: {target: none}
adapters: [{name: patient, audience: patient}]
rlhf:
  method: ppo
  preferences: FOLDER/preferences.jsonl
  prompts: questions.txt
  segment_steps: 100
  reward_model: {training_args: {max_steps: 2, per_device_train_batch_size: 2, learning_rate: 0.01}}
  ppo:
    ppo_config: {total_episodes: 16, num_ppo_epochs: 2, num_mini_batches: 2, response_length: 8, stop_token: none}
    training_args: {per_device_train_batch_size: 2, learning_rate: 0.01, save_steps: 1}
evaluate: {max_rows: 2, max_new_tokens: 4, questions: ["When is chest pain an emergency?"]}
release: {channel: stable}
`

// tinyAlignment makes the model, and gives the pipeline for a bucket.
func tinyAlignment(t *testing.T) func(bucket string) spec.PipelineInput {
	t.Helper()
	folder := t.TempDir()
	e, err := tensor.Start(tensor.Options{Device: "cpu", Threads: 1})
	require.NoError(t, err)
	defer e.Close()
	require.NoError(t, (&recipes.Runner{Engine: e}).TinyModel(filepath.Join(folder, "model")))
	data, err := filepath.Abs("testdata")
	require.NoError(t, err)
	file := filepath.Join(folder, "pipeline.yaml")
	require.NoError(t, os.WriteFile(file, []byte(strings.ReplaceAll(tinyPipeline, "FOLDER", data)), 0o600))
	questions := "What is gout?\nWhat is croup?\nWhat is flu?\nWhat is asthma?\n"
	require.NoError(t, os.WriteFile(filepath.Join(folder, "questions.txt"), []byte(questions), 0o600))
	pipeline, err := configs.LoadPipeline(file, nil)
	require.NoError(t, err)
	return func(bucket string) spec.PipelineInput {
		in := pipeline.Input
		in.Run, in.TrainQueue = spec.RunID("run-"+bucket), trainQueue(bucket)
		return in
	}
}

// calmBucket is that of the undisturbed run.
const calmBucket = "calm"

// A worker killed with -9 in any phase of an iteration costs time, and nothing else. The killed runs wait for the
// heartbeat timeout side by side.
func TestPPOKilledInAnyPhaseGivesTheBytesOfAnUndisturbedOne(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a heartbeat timeout of 90 s")
	}
	buckets := []string{calmBucket}
	for _, p := range phases() {
		buckets = append(buckets, p.name)
	}
	th := open(t, buckets...)
	in := tinyAlignment(t)
	th.workerWith(t, calmBucket, phaseVar+"="+noPhase)
	calm := th.start(t, calmBucket, in(calmBucket)).approve(t)
	require.Equal(t, int64(4), calm.RLHF[0].Policy.Outcome.Step)

	victims, runs := map[string]*process{}, map[string]run{}
	for _, p := range phases() {
		victims[p.name] = th.workerWith(t, p.name, phaseVar+"="+p.name)
		runs[p.name] = th.start(t, p.name, in(p.name))
	}
	for _, p := range phases() {
		victims[p.name].awaitKill(t)
		th.workerWith(t, p.name, phaseVar+"="+noPhase)
	}
	for _, p := range phases() {
		survived := runs[p.name].approve(t)
		require.Equal(t, calm.RLHF, survived.RLHF, p.name)
		require.Equal(t, calm.Candidate, survived.Candidate, p.name)
		require.Equal(t, th.weights(t, calmBucket, calm.RLHF[0].Policy.Ref), th.weights(t, p.name, survived.RLHF[0].Policy.Ref), p.name)
	}
}
