package configs

import (
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"elara/spec"

	"github.com/stretchr/testify/require"
)

func TestPipelineWithPreferencesHasAPlanForThem(t *testing.T) {
	withoutVariables(t)
	path := write(t, "p.yaml", smallPipeline+"rlhf:\n  preferences: judged.jsonl\n  dpo:\n    training_args: {max_steps: 4, beta: 0.2}\n")
	p, err := LoadPipeline(path, nil)
	require.NoError(t, err)
	got := p.Input.RLHF
	require.Equal(t, []any{spec.MethodDPO, []spec.AdapterName{"patient", "urgent"}, filepath.Join(filepath.Dir(path), "judged.jsonl"), 10.0, int64(200), "cpu"},
		[]any{got.Method, got.Adapters, got.Preferences, got.EvalPercent, got.SegmentSteps, got.Device})
	require.Equal(t, []any{int64(4), 0.2, 1e-6, 1024, true}, []any{got.DPO.Args.MaxSteps, got.DPO.Beta, got.DPO.Args.LearningRate, got.DPO.MaxLength, got.DPO.DisableDropout}, "TRL's defaults")
	require.Zero(t, got.PPO)
	require.Zero(t, got.Reward)
	require.Zero(t, got.Collect, "nobody is asked")
	require.Zero(t, got.MaxPrompts)

	p, err = LoadPipeline(write(t, "p.yaml", smallPipeline+"rlhf:\n  method: ppo\n  adapters: [urgent]\n  ppo:\n    ppo_config: {total_episodes: 64, num_sample_generations: 3}\n"), nil)
	require.NoError(t, err)
	got = p.Input.RLHF
	require.Equal(t, []any{[]spec.AdapterName{"urgent"}, int64(64), int64(3), 1e-4, 1, 336.0, 200}, []any{got.Adapters, got.PPO.PPO.TotalEpisodes, got.PPO.PPO.NumSampleGenerations, got.Reward.Args.LearningRate, got.Collect.PerPair, got.Collect.DeadlineHours, got.MaxPrompts})
	require.Zero(t, got.DPO)

	p, err = LoadPipeline(write(t, "p.yaml", smallPipeline+"rlhf:\n  method: ppo\n  ppo:\n    ppo_config: {total_episodes: 64}\n    scorers:\n"+
		"    - {name: model, kind: reward}\n    - {name: safe, kind: safety, weight: 2, rules: [missed-emergency]}\n"+
		"    - {name: clinic, kind: http, weight: -0.5, url: 'http://127.0.0.1:9000/score', timeout: 10s, retries: 3}\n"), nil)
	require.NoError(t, err)
	require.Equal(t, []spec.Scorer{
		{Name: "model", Kind: spec.ScorerReward, Weight: 1}, {Name: "safe", Kind: spec.ScorerSafety, Weight: 2, Rules: []string{"missed-emergency"}},
		{Name: "clinic", Kind: spec.ScorerHTTP, Weight: -0.5, URL: "http://127.0.0.1:9000/score", Timeout: "10s", Retries: 3},
	}, p.Input.RLHF.PPO.Scorers)

	p, err = LoadPipeline(write(t, "p.yaml", smallPipeline), nil)
	require.NoError(t, err)
	require.Zero(t, p.Input.RLHF, "without the block there is no such stage")
}

func TestBadAlignmentIsRefusedWithThePlace(t *testing.T) {
	withoutVariables(t)
	for block, want := range map[string]string{
		"  method: grpo": `p.yaml:20: rlhf.method: expected one of dpo, ppo, found the text "grpo"`,
		"  ppo: {ppo_config: {total_episodes: 8}}":         "p.yaml:20: rlhf.ppo: is not read: method is dpo",
		"  reward_model: {training_args: {max_steps: 2}}":  "p.yaml:20: rlhf.reward_model: is not read: method is dpo",
		"  method: ppo\n  dpo: {training_args: {beta: 1}}": "p.yaml:21: rlhf.dpo: is not read: method is ppo",
		"  method: ppo": "p.yaml:19: rlhf.ppo.ppo_config: total_episodes 0, response_length 53, temperature 0.7: expected at least 1, at least 1, above 0",
		"  preferences: a.jsonl\n  collect: {per_pair: 2}":                                       "p.yaml:21: rlhf.collect: is not read: preferences are given",
		"  preferences: a.jsonl\n  prompts: q.txt":                                               "p.yaml:21: rlhf.prompts: is not read: preferences are given and method is dpo",
		"  preferences: store:12ab":                                                              `p.yaml:20: rlhf.preferences: digest "12ab" has 4 characters, expected 64 hexadecimal digits`,
		"  adapters: [doctor]":                                                                   `p.yaml:19: rlhf: adapters: "doctor" is not among those of the pipeline, or is there twice`,
		"  eval_percent: 0\n  dpo: {training_args: {eval_strategy: steps}}":                      `p.yaml:21: rlhf.dpo.training_args.eval_strategy: is "steps" but rlhf.eval_percent is 0, expected both or neither`,
		"  dpo: {training_args: {loss_type: robust}}":                                            "p.yaml:20: rlhf.dpo.training_args.loss_type: is robust and label_smoothing 0, expected robust with label_smoothing above 0, or sigmoid with 0",
		"  dpo: {training_args: {bf16: true, fp16: true}}":                                       "p.yaml:20: rlhf.dpo.training_args: fp16 and bf16 are both true, expected at most one",
		"  dpo: {training_args: {max_step: 3}}":                                                  `p.yaml:20: rlhf.dpo.training_args.max_step: unknown key (did you mean "max_steps"?)`,
		"  method: ppo\n  ppo:\n    scorers:\n    - {name: a, kind: length}":                     "p.yaml:23: rlhf.ppo.scorers[0]: words is 0, expected at least 1",
		"  method: ppo\n  ppo: {ppo_config: {total_episodes: 8, target_kl: 2}}":                  "p.yaml:21: rlhf.ppo.ppo_config.target_kl: is not read: early_stopping is false",
		"  method: ppo\n  ppo: {ppo_config: {total_episodes: 8}, training_args: {max_steps: 3}}": "p.yaml:21: rlhf.ppo.training_args.max_steps: 3 is not supported: ppo_config.total_episodes says how long a run is",
	} {
		path := write(t, "p.yaml", smallPipeline+"rlhf:\n"+block+"\n")
		_, err := LoadPipeline(path, nil)
		refused(t, err, path, want)
	}
}

func TestEveryKeyOfAnAlignmentIsRead(t *testing.T) {
	withoutVariables(t)
	table := (&pipelineReader{}).rlhfKeys()
	table.keys = slices.DeleteFunc(table.keys, func(k key) bool { // their files prove them
		return k.name == "reward_model" || k.name == "dpo" || k.name == "ppo"
	})
	var trainings []string
	for _, name := range fields(reflect.TypeFor[spec.RLHFPlan](), "") {
		if strings.HasPrefix(name, ".Reward.") || strings.HasPrefix(name, ".DPO.") || strings.HasPrefix(name, ".PPO.") {
			trainings = append(trainings, name)
		}
	}
	prove(t, table, map[string]any{"collect.seed": 1}, func(doc map[string]any) (any, error) {
		if doc["preferences"] != nil {
			doc = map[string]any{"preferences": doc["preferences"]}
		}
		if doc["method"] != nil {
			doc["ppo.ppo_config.total_episodes"] = 8
		}
		p, err := withBlock(t, "rlhf", doc)
		return p.Input.RLHF, err
	}, trainings...)
}
