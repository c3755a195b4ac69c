//go:build torch

package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/configs"
	"elara/internal/testdevice"
	"elara/spec"
	"elara/storage"
	"elara/storage/artifact"
	"elara/storage/mem"
	"elara/workflows"
)

const alignedPipeline = `name: aligned
base: {path: model}
prepare: {sources: [{path: rows.csv}]}
defaults:
  lora_config: {r: 2, alpha: 4, target_modules: [q_proj, v_proj]}
  training_args: {max_steps: 2}
  max_length: 128
adapters: [{name: patient, audience: patient, add_pad_token: true}]
rlhf:
  preferences: judged.jsonl
  eval_percent: 25
  segment_steps: SEGMENT
`

const judged = `{"prompt": "What is gout?", "chosen": "Crystals in a joint.", "rejected": "A rash."}
{"prompt": "What is croup?", "chosen": "A cough of small children.", "rejected": "A bird."}
{"prompt": "What is flu?", "chosen": "A virus.", "rejected": "A broken arm."}
`

// methods are the rest of the file.
var methods = map[spec.RLHFMethod]string{
	spec.MethodDPO: "  dpo: {training_args: {max_steps: 4, per_device_train_batch_size: 2, learning_rate: 0.01, eval_strategy: epoch}}\n",
	spec.MethodPPO: `  method: ppo
  prompts: questions.txt
  reward_model: {training_args: {max_steps: 4, per_device_train_batch_size: 2, learning_rate: 0.01}}
  ppo:
    ppo_config: {total_episodes: 8, num_ppo_epochs: 1, response_length: 4}
    training_args: {per_device_train_batch_size: 2, learning_rate: 0.01}
`,
}

// align trains an adapter, samples pairs from it, and runs the workflow that aligns it, all with the real engine and so many steps in
// each activity.
func align(t *testing.T, s site, store storage.Store, method spec.RLHFMethod, segment string) spec.RLHFResult {
	t.Helper()
	s.write(t, "p.yaml", strings.Replace(alignedPipeline, "SEGMENT", segment, 1)+methods[method])
	pipeline, err := configs.LoadPipeline(s.path("p.yaml"), nil)
	require.NoError(t, err)
	stages := openStages(t, store)
	adapter := pipeline.Input.Adapters[0]
	base, dataset, sft := stages.sft(t, s.path("model"), adapter, nil)
	in := spec.RLHFInput{Run: "run-1", Plan: pipeline.Input.RLHF, Adapter: adapter, Base: base, Dataset: dataset, SFT: sft}

	prompts := one(t, stages, stages.control.CollectPrompts, in)
	asking := spec.SampleInput{RLHFInput: in, Prompts: prompts.Ref}
	asking.Plan.Collect = spec.CollectPlan{MaxNewTokens: 8, Temperature: 1, Seed: 42}
	pairs := one(t, stages, stages.device.SamplePairs, asking)
	require.Equal(t, []int{prompts.Count, 0}, []int{pairs.Pairs, pairs.Alike})

	var result spec.RLHFResult
	stages.through(t, workflows.RLHF, in, &result)
	return result
}

// An adapter of the tiny model is aligned by both methods; how the trainings are cut into activities changes no byte.
func TestAnAdapterIsAlignedWithPreferences(t *testing.T) {
	s := site{dir: t.TempDir()}
	runs(t, "tiny-model", "--out", s.path("model"))
	s.write(t, "judged.jsonl", judged)
	s.write(t, "questions.txt", "What is gout?\nWhat is croup?\nWhat is flu?\n")
	for method := range methods {
		t.Run(string(method), func(t *testing.T) {
			store := mem.New()
			whole, cut := align(t, s, store, method, "100"), align(t, s, mem.New(), method, "3")
			require.Equal(t, []int{2, 1}, []int{whole.Comparisons.Train, whole.Comparisons.Held})
			require.Equal(t, int64(4), whole.Policy.Outcome.Step)
			require.NotEqual(t, whole.SFT, whole.Policy.Ref)
			require.Equal(t, whole.Policy, cut.Policy)
			if method == spec.MethodPPO {
				require.NotNil(t, whole.Reward.Accuracy)
				require.Equal(t, whole.Reward, cut.Reward)
			}
			names := map[string]bool{}
			manifest, err := artifact.Load(t.Context(), store, whole.Policy.Ref)
			require.NoError(t, err)
			for _, file := range manifest.Files {
				names[file.Name] = true
			}
			require.True(t, names["adapter_model.safetensors"] && names["adapter_config.json"] && names["tokenizer.json"])
			require.False(t, names["samples.jsonl"], "no text of a patient in what is released")
			require.Equal(t, method == spec.MethodDPO, whole.Policy.Report.IsZero())
			if method == spec.MethodPPO {
				for ref, shows := range map[spec.ArtifactRef]string{whole.Policy.Report: "Sample answers", whole.Reward.Report: "Calibration"} {
					page, err := artifact.ReadFile(t.Context(), store, ref, "report.html")
					require.NoError(t, err)
					require.Contains(t, string(page), shows)
				}
			}
		})
	}
}

// Two answers to one prompt are drawn apart, and alike whenever they are drawn.
func TestAnswersToOnePromptAreDrawnApart(t *testing.T) {
	s := site{dir: t.TempDir()}
	runs(t, "tiny-model", "--out", s.path("model"))
	engine, err := openEngine(t.Context(), configs.WorkerSettings{Device: testdevice.Name(), Threads: 1, AdaptersAtOnce: 1})
	require.NoError(t, err)
	defer func() { require.NoError(t, engine.close()) }()
	draw := func(seed int64) (answers []string) {
		require.NoError(t, engine.Sampler.Sample(t.Context(), spec.SampleJob{
			BaseModel: s.path("model"), Prompts: []string{"What is gout?", "What is gout?"}, MaxNewTokens: 8, Temperature: 1, Seed: seed,
		}, func(text string) error { answers = append(answers, text); return nil }))
		return answers
	}
	first := draw(1)
	require.Len(t, first, 2)
	require.NotEqual(t, first[0], first[1])
	require.Equal(t, first, draw(1))
	require.NotEqual(t, first, draw(2))
}
