//go:build torch

package recipes

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/data/instruct"
	"elara/engine/lora"
	"elara/engine/loss"
	"elara/engine/nn"
	"elara/engine/ppo"
	"elara/engine/sample"
	"elara/engine/tensor"
	"elara/engine/train"
	"elara/spec"
	"elara/spec/fault"
)

func TestFirstMiniBatchIsThePolicyThatAnswered(t *testing.T) {
	r := newRunner(t)
	job := ppoJob(t, toyModel(t, r), 1)
	job.PPO.NumPPOEpochs, job.PPO.NumMiniBatches, job.Args.GradientAccumulationSteps = 1, 1, 4
	_, o := reinforced(t, r, job, count(2))
	m := o.progress[0].Metrics
	require.InDelta(t, 1, m["val/ratio"], 1e-6)
	require.Less(t, m["policy/approxkl_avg"], 1e-9)
	require.Zero(t, m["policy/clipfrac_avg"])
	require.Zero(t, m["objective/kl"], "a fresh policy is its reference, exactly")
	require.Zero(t, m["objective/non_score_reward"])
	require.Equal(t, m["objective/scores"], m["objective/rlhf_reward"])
}

// An adapter that was trained with dropout draws and learns without; it begins as its own reference.
func TestPolicyFromAnAdapterBeginsAsItsReference(t *testing.T) {
	r := newRunner(t)
	dir := toyModel(t, r)
	sft := smallJob(t, dir)
	sft.TrainDataPath, sft.LoRA.Dropout = textsFile(t, "abcabcabc", "bcabcabca"), 0.5
	trained(t, r, sft)
	job := ppoJob(t, dir, 1)
	job.SFTModelPath = sft.OutputDir
	job.PPO.NumPPOEpochs, job.PPO.NumMiniBatches = 1, 1
	_, o := reinforced(t, r, job, count(2))
	m := o.progress[0].Metrics
	require.InDelta(t, 1, m["val/ratio"], 1e-6)
	require.Less(t, m["policy/approxkl_avg"], 1e-9)
	require.Zero(t, m["objective/kl"])
}

func TestLogProbsDoNotDependOnBatchMates(t *testing.T) {
	r := newRunner(t)
	p := begun(t, r, ppoJob(t, toyModel(t, r), 1), count(2))
	long, answer := []int32{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0, 1, 2, 3, 4, 5, 6}, []int32{3, 1, 4, 1, 5}
	one := newEpisode(long, answer, false)
	mates := []*episode{newEpisode([]int32{5}, []int32{1, 2}, false), newEpisode(long, []int32{3, 1, 9}, false), one, newEpisode(long, answer, false)}
	measured := func(episodes []*episode, which int) (logProbs, values []float64) {
		require.NoError(t, p.inChunks(t.Context(), episodes, func(_ []*episode, l laid) {
			_, lp, _, _ := p.distribution(l.through(p.policy.adapter.Slot()), false)
			logProbs = pick(lp.Float32s(), l.at[which])
			pass := l.through(p.value.adapter.Slot())
			v := p.value.adapter.Score.Forward(hiddenOf(p, pass), l.valueRows())
			values = l.valuesOf(which, 6, v.Float32s())
		}))
		return logProbs, values
	}
	lp, v := measured([]*episode{one}, 0)
	require.Len(t, lp, 5)
	require.Len(t, v, 6)
	for _, which := range []int{2, 3} {
		otherLP, otherV := measured(mates, which)
		require.InDeltaSlice(t, lp, otherLP, 1e-5)
		require.InDeltaSlice(t, v, otherV, 1e-5)
	}
}

// At ratio 1 the policy's gradient is that of the cross-entropy weighted by the advantages, which the engine computes in another
// way; and neither depends on how a mini-batch is cut.
func TestGradientIsThatOfTheWeightedCrossEntropy(t *testing.T) {
	r := newRunner(t)
	p := begun(t, r, ppoJob(t, toyModel(t, r), 1), count(2))
	episodes, err := p.rollout(t.Context(), 1, []int{0, 1, 2})
	require.NoError(t, err)
	require.NoError(t, p.advantages(episodes))
	tokens, steps := 0, 0
	for _, e := range episodes {
		tokens, steps = tokens+len(e.answer), steps+len(e.values)
	}
	gradient := func(size int) (policy, value []float32) {
		var u ppo.Update
		var seen int64
		require.NoError(t, r.Engine.Do(func() error {
			for begin := 0; begin < len(episodes); begin += size {
				p.gradients(episodes[begin:min(begin+size, len(episodes))], tokens, steps, &u, &seen)
			}
			policy, value = gathered(r.Engine, p.policy), gathered(r.Engine, p.value)
			p.policy.optimiser.ZeroGrad()
			p.value.optimiser.ZeroGrad()
			return nil
		}))
		require.EqualValues(t, tokens, u.Tokens)
		return policy, value
	}
	policy, value := gradient(len(episodes))
	for _, size := range []int{1, 5} {
		again, valueAgain := gradient(size)
		requireClose(t, policy, again, 1e-5)
		requireClose(t, value, valueAgain, 1e-5)
	}
	require.NoError(t, r.Engine.Do(func() error {
		for _, e := range episodes {
			pass := nn.Pack([]nn.Row{e.row}, 0)
			pass.Adapter = p.policy.adapter.Slot()
			r.Engine.Scope(func() {
				for i := range pass.Weights {
					pass.Weights[i] = float32(e.advantages[i] / float64(tokens))
				}
				sum, _ := loss.Predict(p.model, pass, hiddenOf(p, pass), 0)
				sum.Backward()
			})
		}
		requireClose(t, gathered(r.Engine, p.policy), policy, 1e-5)
		p.policy.optimiser.ZeroGrad()
		return nil
	}))
}

func gathered(e *tensor.Engine, l learner) (all []float32) {
	e.Scope(func() {
		for _, param := range l.adapter.Params {
			if g := param.Tensor.Grad(); g != nil {
				all = append(all, g.Float32s()...)
			}
		}
	})
	return all
}

// requireClose compares to a share of the largest element.
func requireClose(t *testing.T, want, got []float32, share float64) {
	t.Helper()
	require.Len(t, got, len(want))
	most, worst := 0.0, 0.0
	for i := range want {
		most, worst = max(most, math.Abs(float64(want[i]))), max(worst, math.Abs(float64(want[i]-got[i])))
	}
	require.NotZero(t, most)
	require.LessOrEqual(t, worst, share*most)
}

// What the cache gives while an answer is drawn is what a full pass gives afterwards, and what is learnt from.
func TestDrawnLogProbsAreThoseOfAFullPass(t *testing.T) {
	r := newRunner(t)
	job := ppoJob(t, toyModel(t, r), 1)
	job.PPO.Temperature = 0.7
	p := begun(t, r, job, count(2))
	prompt := []int32{3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3, 2}
	require.NoError(t, r.Engine.Do(func() error {
		drawn, err := sample.Generate(t.Context(), p.model, 0, []sample.Request{
			{Prompt: prompt, Adapter: p.policy.adapter.Slot(), Options: sample.Options{MaxNewTokens: 8, Temperature: p.temperature(), Seed: 1, Score: true}},
			{Prompt: prompt, Adapter: p.policy.adapter.Slot(), Stream: 1, Options: sample.Options{MaxNewTokens: 8, Temperature: p.temperature(), Seed: 1, Score: true}},
		})
		if err != nil {
			return err
		}
		l := lay([]*episode{newEpisode(prompt, drawn[0].Tokens, false), newEpisode(prompt, drawn[1].Tokens, false)})
		r.Engine.NoGrad(func() {
			_, logProbs, _, _ := p.distribution(l.through(p.policy.adapter.Slot()), false)
			for n, s := range drawn {
				require.InDeltaSlice(t, s.LogProbs, pick(logProbs.Float32s(), l.at[n]), 1e-5)
			}
		})
		return nil
	}))
}

func TestAnswersAreAFunctionOfSeedAndIteration(t *testing.T) {
	r := newRunner(t)
	p := begun(t, r, ppoJob(t, toyModel(t, r), 1), count(2))
	answers := func(step int64) (all [][]int32) {
		episodes, err := p.rollout(t.Context(), step, []int{0, 1})
		require.NoError(t, err)
		for _, e := range episodes {
			all = append(all, e.answer)
		}
		return all
	}
	first := answers(1)
	require.NotEqual(t, first, answers(2))
	require.Equal(t, first, answers(1))
	p.job.PPO.LocalRolloutForwardBatchSize = 3
	require.Equal(t, first, answers(1), "however many are drawn at once")
	require.NotEqual(t, first[0], first[1], "two answers to one prompt are two draws")
}

// cutAt is a context that is cancelled when it is asked for the n-th time: every place that a run can stop at is one.
type cutAt struct {
	context.Context
	left int
}

func (c *cutAt) Err() error {
	if c.left--; c.left < 0 {
		return context.Canceled
	}
	return nil
}

// A run is cut at random places, between answers, in the middle of an epoch and between iterations, and goes on from its last
// snapshot in a runner that has seen nothing.
func TestRunThatIsCutAnywhereEndsInTheSameBytes(t *testing.T) {
	r := newRunner(t)
	dir := toyModel(t, r)
	same := func() spec.PPOJob {
		job := ppoJob(t, dir, 3)
		job.EvalDataPath, job.PPO.StopToken, job.PPO.MissingEOSPenalty = textsFile(t, "abc", "kji"), spec.StopTokenEOS, 1
		job.PPO.UseScoreScaling, job.PPO.UseScoreNorm, job.PPO.ScoreClip = true, true, 2
		job.PPO.AdapKLCtrl, job.PPO.InitKLCoef, job.PPO.Target, job.PPO.Horizon = true, 0.1, 0.5, 200
		return job
	}
	whole := same()
	_, unbroken := reinforced(t, r, whole, count(2))
	want := lastFiles(unbroken)
	require.Len(t, want, 8)
	published := folderBytes(t, whole.OutputDir)
	// How often it is asked whether to go on is how many places there are.
	counting := &cutAt{t.Context(), math.MaxInt}
	_, err := newRunner(t).TrainPPO(counting, whole, count(2), nil, &recorder{})
	require.NoError(t, err)
	places := math.MaxInt - counting.left
	require.Greater(t, places, 50)
	cuts, random := sized(8, 25), rand.New(rand.NewPCG(1, 2))
	for range cuts {
		left := random.IntN(places)
		job := same()
		job.TrainDataPath, job.EvalDataPath = whole.TrainDataPath, whole.EvalDataPath
		o := &recorder{}
		_, err := newRunner(t).TrainPPO(&cutAt{t.Context(), left}, job, count(2), nil, o)
		require.ErrorIs(t, err, context.Canceled)
		var from *spec.Snapshot
		for step := int64(1); step <= 3; step++ {
			if s, ok := o.saved[step]; ok {
				from = &s
			}
		}
		outcome, err := newRunner(t).TrainPPO(t.Context(), job, count(2), from, o)
		require.NoError(t, err)
		require.True(t, outcome.Done)
		requireSameFiles(t, want, lastFiles(o), fmt.Sprintf("cut at place %d of %d", left, places))
		require.Equal(t, published, folderBytes(t, job.OutputDir), "cut at place %d of %d", left, places)
	}
	t.Logf("figure: %d of %d cuts at random among %d places end in the undisturbed bytes", cuts, cuts, places)
}

func TestBaseStaysAsItWas(t *testing.T) {
	r := newRunner(t)
	dir := toyModel(t, r)
	before := weightsInMemory(t, r, dir)
	reinforced(t, r, ppoJob(t, dir, 2), count(2))
	require.Equal(t, before, weightsInMemory(t, r, dir))
}

func TestScoreThatIsNoNumberPutsTheHealthyPolicyBack(t *testing.T) {
	r := newRunner(t)
	dir := toyModel(t, r)
	asked := 0
	sick := func(ctx context.Context, prompts, answers [][]int32) ([]float64, error) {
		scores, err := count(2)(ctx, prompts, answers)
		if asked++; asked == 4 {
			scores[0] = math.NaN()
		}
		return scores, err
	}
	job := ppoJob(t, dir, 6)
	outcome, o := reinforced(t, r, job, sick)
	require.True(t, outcome.StoppedEarly)
	require.Equal(t, []string{string(ppo.AlarmNaN)}, outcome.Alarms)
	// The policy that was judged fit last is the one that answered in iteration 3: it had learnt from two.
	require.EqualValues(t, 2, outcome.PolicyVersion)
	require.EqualValues(t, 4, outcome.Step)
	require.Equal(t, string(o.saved[2].Files[adapterFile]), folderBytes(t, job.OutputDir)[adapterFile])
	require.Equal(t, 1.0, o.progress[3].Metrics["alarm/reward_nan"])
	require.Equal(t, 1.0, o.progress[3].Metrics["guard/stopped"])
	require.NotContains(t, o.progress[3].Metrics, "objective/scores")
}

func TestWhatTheGuardEndsIsInTheCurves(t *testing.T) {
	r := newRunner(t)
	job := ppoJob(t, toyModel(t, r), 4)
	job.PPO.Guard = spec.PPOGuard{MinEOSRate: 0.5, Patience: 2} // no token ends an answer
	outcome, o := reinforced(t, r, job, count(2))
	require.EqualValues(t, 2, outcome.Step)
	require.NotContains(t, o.progress[0].Metrics, "guard/stopped")
	m := o.progress[1].Metrics
	require.Equal(t, []float64{1, 1, 8}, []float64{m["guard/stopped"], m["alarm/eos_rate"], m["response_length"]})
	require.NotZero(t, m["objective/kl"])
	require.InDelta(t, m["objective/scores"]-0.05*m["objective/kl"], m["objective/rlhf_reward"], 1e-12)
	require.NotContains(t, m, "loss/policy_avg", "nothing was learnt from these answers")
}

func TestZeroRewardLeavesThePolicyWhereItWas(t *testing.T) {
	r := newRunner(t)
	// A constant is no reason to move either: with lambda 1 all advantages are one number until the value function has learnt it.
	for _, score := range []float64{0, 1} {
		job := ppoJob(t, toyModel(t, r), 10)
		job.PPO.Lam, job.Args.LearningRate = 1, 1e-3
		_, o := reinforced(t, r, job, constant(score))
		kl, entropy := o.curve("objective/kl"), o.curve("policy/entropy_avg")
		require.InDelta(t, 0, kl[len(kl)-1], 0.2, "score %v", score)
		require.InEpsilon(t, entropy[0], entropy[len(entropy)-1], 0.05, "score %v", score)
		require.Equal(t, 1.0, o.progress[0].Metrics["alarm/reward_constant"])
	}
}

// scorer writes a reward model that says something about every text.
func scorer(t *testing.T, r *Runner, dir string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "reward")
	over(t, r, dir, func(b *base) error {
		adapter, err := b.put(func(slot int) (*lora.Adapter, error) {
			return lora.New(b.model, slot, spec.LoRAConfig{R: 4, Alpha: 8, Bias: spec.BiasNone, TargetPattern: spec.AllLinear, InitWeights: spec.InitRandom, TaskType: spec.TaskSeqCls}, 3)
		})
		if err != nil {
			return err
		}
		defer b.remove(adapter)
		files, err := adapter.Encode("toy")
		if err != nil {
			return err
		}
		return writeFolder(out, files, nil)
	})
	return out
}

func TestValueFunctionBeginsAsTheRewardModel(t *testing.T) {
	r := newRunner(t)
	dir := toyModel(t, r)
	job := ppoJob(t, dir, 20)
	job.PPO.KLCoef = 0
	job.RewardModelPath = scorer(t, r, dir)
	p := begun(t, r, job, nil)
	episodes, err := p.rollout(t.Context(), 1, []int{0, 1, 2, 3})
	require.NoError(t, err)
	for _, e := range episodes {
		// Read at the last token; the answer fills the window, so that the value after it is no step.
		require.NotZero(t, e.score)
		require.Len(t, e.values, len(e.answer))
	}
	longer := newEpisode(episodes[0].prompt, episodes[0].answer[:5], false)
	shorter := newEpisode(episodes[0].prompt, episodes[0].answer[:6], false)
	require.NoError(t, p.judged(t.Context(), []*episode{longer, shorter}))
	require.InDelta(t, longer.score, episodes[0].values[5], 1e-5, "the value before token 5 is the score of the five before it")
	require.InDelta(t, shorter.score, episodes[0].values[6], 1e-5)
	p.close()

	_, o := reinforced(t, newRunner(t), job, nil)
	scores := o.curve("objective/scores")
	require.Greater(t, tail(scores), scores[0]+0.1, "the reward model's score rises")
	require.FileExists(t, filepath.Join(job.OutputDir+"_value", "adapter_model.safetensors"))
}

func TestRewardModelThatIsNoneIsRefused(t *testing.T) {
	r := newRunner(t)
	dir := toyModel(t, r)
	sft := smallJob(t, dir)
	sft.TrainDataPath, sft.LoRA.Dropout = textsFile(t, "abcabcabc", "bcabcabca"), 0
	trained(t, r, sft)
	job := ppoJob(t, dir, 1)
	job.RewardModelPath = sft.OutputDir
	_, err := r.TrainPPO(t.Context(), job, nil, nil, &recorder{})
	require.ErrorContains(t, err, "task_type is CAUSAL_LM, expected SEQ_CLS")
	job.RewardModelPath, job.SFTModelPath = "", scorer(t, r, dir)
	_, err = r.TrainPPO(t.Context(), job, count(2), nil, &recorder{})
	require.ErrorContains(t, err, "task_type is SEQ_CLS, expected CAUSAL_LM")
}

// A reward model of one's own says what it was made over; one that PEFT wrote elsewhere does not.
func TestRewardModelOfAnotherBaseJudgesNoAnswers(t *testing.T) {
	r := newRunner(t)
	dir := toyModel(t, r)
	job := ppoJob(t, dir, 1)
	job.RewardModelPath = scorer(t, r, dir)
	weights, err := baseDigest(dir)
	require.NoError(t, err)
	template, err := instruct.Guide().Hash()
	require.NoError(t, err)
	report := spec.RewardReport{Base: weights, Template: template}
	over(t, r, dir, func(b *base) error { report.Tokenizer = b.tok.Hash(); return nil })
	other := spec.Digest(strings.Repeat("0", 64))
	train := func(report spec.RewardReport) error {
		data, err := json.Marshal(report)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(job.RewardModelPath, rewardFile), data, 0o600))
		_, err = r.TrainPPO(t.Context(), job, nil, nil, &recorder{})
		return err
	}
	require.NoError(t, train(report))
	for word, change := range map[string]func(r *spec.RewardReport){
		"base":     func(r *spec.RewardReport) { r.Base = other },
		"template": func(r *spec.RewardReport) { r.Template = other },
	} {
		changed := report
		change(&changed)
		err := train(changed)
		require.ErrorContains(t, err, "reward.json: reward model of another "+word)
		require.Equal(t, fault.Invalid, fault.KindOf(err))
	}
}

func TestLogHistoryHasTRLsNames(t *testing.T) {
	r := newRunner(t)
	job := ppoJob(t, toyModel(t, r), 2)
	reinforced(t, r, job, count(2))
	var state struct {
		LogHistory []map[string]float64 `json:"log_history"`
	}
	require.NoError(t, json.Unmarshal([]byte(folderBytes(t, job.OutputDir)[train.StateFile]), &state))
	for _, name := range []string{
		"objective/kl", "objective/entropy", "objective/non_score_reward", "objective/rlhf_reward", "objective/scores", "policy/approxkl_avg",
		"policy/clipfrac_avg", "loss/policy_avg", "loss/value_avg", "val/clipfrac_avg", "policy/entropy_avg", "val/ratio", "val/ratio_var",
		"lr", "episode", "response_length", "explained_variance", "objective/kl_coef",
	} {
		require.Contains(t, state.LogHistory[1], name)
	}
	require.Equal(t, 64.0, state.LogHistory[1]["episode"])
}

func TestSamplesShowBeforeAndAfter(t *testing.T) {
	r := newRunner(t)
	job := ppoJob(t, toyModel(t, r), 4)
	job.EvalDataPath = textsFile(t, "abc", "kji")
	reinforced(t, r, job, count(2))
	lines := strings.Split(strings.TrimSpace(folderBytes(t, job.OutputDir)[samplesFile]), "\n")
	require.Len(t, lines, 4, "two prompts, after the second and the fourth iteration")
	var row spec.PPOSample
	require.NoError(t, json.Unmarshal([]byte(lines[3]), &row))
	require.EqualValues(t, 4, row.Step)
	require.Equal(t, "kji", row.Prompt)
	require.EqualValues(t, strings.Count(row.After, "c"), row.ScoreAfter)
	require.EqualValues(t, strings.Count(row.Before, "c"), row.ScoreBefore)
}

func TestSampleWithAScoreThatIsNoNumberEndsTheRun(t *testing.T) {
	r := newRunner(t)
	job := ppoJob(t, toyModel(t, r), 1)
	job.EvalDataPath = textsFile(t, "abc", "kji")
	sick := func(_ context.Context, prompts, answers [][]int32) ([]float64, error) {
		scores := make([]float64, len(answers))
		for i, prompt := range prompts {
			if scores[i] = float64(i); prompt[0] == toyEnd-1 { // k
				scores[i] = math.NaN()
			}
		}
		return scores, nil
	}
	_, err := r.TrainPPO(t.Context(), job, sick, nil, &recorder{})
	require.Equal(t, fault.Diverged, fault.KindOf(err), "%v", err)
	require.ErrorContains(t, err, "step 1: the score of sample 2 is NaN")
	require.NoDirExists(t, job.OutputDir)
}

func TestWhatDoesNotFitIsRefused(t *testing.T) {
	r := newRunner(t)
	dir := toyModel(t, r)
	for name, c := range map[string]struct {
		change func(*spec.PPOJob)
		says   string
	}{
		"long prompt": {func(j *spec.PPOJob) { j.PPO.ResponseLength = 510 }, "together at most the model's 512 positions"},
		"few prompts": {func(j *spec.PPOJob) { j.PPO.NumGenerations = 1 }, "8 prompts, expected at least the 32 of an iteration"},
		"one answer": {func(j *spec.PPOJob) {
			j.Args.PerDeviceTrainBatchSize, j.Args.GradientAccumulationSteps, j.PPO.NumMiniBatches = 1, 1, 1
		}, "expected at least 2"},
		"dropout":      {func(j *spec.PPOJob) { j.LoRA.Dropout = 0.1 }, "expected 0"},
		"lone penalty": {func(j *spec.PPOJob) { j.PPO.MissingEOSPenalty = 1 }, "nothing ends an answer"},
		"no prompts":   {func(j *spec.PPOJob) { j.TrainDataPath = textsFile(t) }, "no lines"},
	} {
		t.Run(name, func(t *testing.T) {
			job := ppoJob(t, dir, 1)
			c.change(&job)
			_, err := r.TrainPPO(t.Context(), job, count(2), nil, &recorder{})
			require.Equal(t, fault.Invalid, fault.KindOf(err), "%v", err)
			require.ErrorContains(t, err, c.says)
			require.NoDirExists(t, job.OutputDir)
		})
	}
	_, err := r.TrainPPO(t.Context(), ppoJob(t, dir, 1), nil, nil, &recorder{})
	require.ErrorContains(t, err, "reward_model_path is missing")
}
