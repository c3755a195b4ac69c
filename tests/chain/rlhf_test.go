package chain

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"

	"elara/spec"
	"elara/storage"
	"elara/storage/artifact"
	"elara/workflows"
)

// aligningInput is the pipeline of the other tests with people's preferences for the answers of one adapter.
func aligningInput(run spec.RunID, bucket string, method spec.RLHFMethod) spec.PipelineInput {
	in := input(run, bucket)
	args := spec.TrainingArgs{MaxSteps: steps, SaveSteps: 2, SaveTotalLimit: 2, Seed: 3, PerDeviceTrainBatchSize: 2, GradientAccumulationSteps: 1}
	in.RLHF = spec.RLHFPlan{
		Method: method, Adapters: []spec.AdapterName{"emergency"}, EvalPercent: 25, MaxPrompts: 3, SegmentSteps: segmentSteps,
		Collect: spec.CollectPlan{PerPair: 1, DeadlineHours: 1, MaxNewTokens: 16, Temperature: 1, Seed: 42},
		Reward:  spec.RewardJob{Args: args}, DPO: spec.DPOJob{Args: args},
		PPO: spec.PPOJob{Args: args, PPO: spec.PPOConfig{
			TotalEpisodes: 2 * steps, NumPPOEpochs: 1, NumMiniBatches: 1, NumGenerations: 1, LocalRolloutForwardBatchSize: 1, NumSampleGenerations: 1,
			ResponseLength: 16, Temperature: 1, KLEstimator: "k1", StopToken: spec.StopTokenEOS,
		}},
	}
	return in
}

// collection waits until the run asks people.
func (th *theatre) collection(t *testing.T, run spec.RunID) collecting {
	t.Helper()
	name := workflows.CollectionOf(run, "emergency")
	c := collecting{client: th.client, run: name}
	eventually(t, patience, func(ctx context.Context) error {
		c.WorkflowRun = th.client.GetWorkflow(ctx, workflows.PreferencesID(name), "")
		status, err := c.status(ctx)
		if err == nil && !status.Open {
			err = errors.New("not open")
		}
		return err
	})
	return c
}

// judgeAll prefers whatever is shown first.
func (c collecting) judgeAll(t *testing.T, pairs int) {
	t.Helper()
	for range pairs {
		next, err := c.next(t.Context(), "Person A")
		require.NoError(t, err)
		require.NoError(t, c.update(t.Context(), workflows.JudgeUpdate, spec.Judgement{
			Collection: c.run, Pair: next.Pair, Number: next.Number, Choice: spec.ChoiceA, Reviewer: "Person A",
		}, &spec.RecordedJudgement{}))
	}
}

// The story: an adapter answers, people judge, a reward model learns from them, and the policy that it judged is released.
func TestFromJudgementsToARelease(t *testing.T) {
	th := open(t, "people")
	th.worker(t, "people", 0)
	store := th.store(t, "people")
	first := th.start(t, "people", aligningInput("run-1", "people", spec.MethodPPO))
	th.collection(t, "run-1").judgeAll(t, 3)
	result := first.approve(t)

	aligned := result.RLHF[0]
	require.Equal(t, []int{2, 1}, []int{aligned.Comparisons.Train, aligned.Comparisons.Held})
	require.Equal(t, spec.KindRewardModel, aligned.Reward.Ref.Kind)
	require.NotEqual(t, aligned.SFT, aligned.Policy.Ref)
	for ref, says := range map[spec.ArtifactRef]string{aligned.Reward.Report: "Calibration", aligned.Policy.Report: "What is &lt;gout&gt;?"} {
		page, err := artifact.ReadFile(t.Context(), store, ref, "report.html")
		require.NoError(t, err)
		require.Contains(t, string(page), says)
	}
	require.Equal(t, aligned.Policy.Ref, result.Adapters[3].Ref)
	candidate, err := artifact.ReadCandidate(t.Context(), store, result.Candidate)
	require.NoError(t, err)
	require.Equal(t, aligned.Policy.Ref, candidate.Adapters[3].Ref)
	require.Subset(t, ancestorsOf(t, store, aligned.Policy.Ref), []spec.Digest{
		aligned.SFT.Digest, aligned.Reward.Ref.Digest, aligned.Comparisons.Ref.Digest, aligned.Comparisons.Preferences.Digest, aligned.Pairs.Digest,
		result.Prepare.Datasets[3].Dataset.Digest, result.Base.Digest,
	})
	query := fmt.Sprintf("ElaraStage='ppo' AND ElaraAdapter='emergency' AND ElaraStep=%d AND ElaraReward=%d AND ElaraKL=%d", steps, steps, steps/2)
	eventually(t, time.Minute, func(ctx context.Context) error { // the list lags behind a little
		found, err := th.client.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Namespace: temporalNamespace, Query: query})
		if err == nil && len(found.Executions) != 1 {
			err = fmt.Errorf("found %v", found.Executions)
		}
		return err
	})

	again := th.start(t, "people", aligningInput("run-2", "people", spec.MethodPPO)).result(t) // nobody is asked for anything
	require.Equal(t, result.Candidate, again.Candidate)
	require.Contains(t, skippedOf(again), "rlhf/emergency")
	_, err = th.client.DescribeWorkflowExecution(t.Context(), workflows.PreferencesID(workflows.CollectionOf("run-2", "emergency")), "")
	require.Error(t, err, "the same pairs are not judged twice")

	dpo := aligningInput("run-3", "people", spec.MethodDPO)
	dpo.RLHF.Preferences = spec.StorePrefix + string(aligned.Comparisons.Preferences.Digest)
	other := th.start(t, "people", dpo).approve(t)
	require.NotEqual(t, aligned.Policy.Ref, other.RLHF[0].Policy.Ref)
	require.Equal(t, aligned.Comparisons.Ref, other.RLHF[0].Comparisons.Ref)

	record(t, th.client, map[string]string{
		"pipeline-aligned": workflows.PipelineID("run-1"), "rlhf-ppo": workflows.RLHFID("run-1", "emergency"), "rlhf-dpo": workflows.RLHFID("run-3", "emergency"),
		"feedback-ppo": workflows.FeedbackID("run-1", "emergency", spec.StagePPO), "feedback-unchanged": workflows.FeedbackID("run-2", "emergency", spec.StagePPO),
	})
}

// ancestorsOf is what an artifact was made from, however many steps ago.
func ancestorsOf(t *testing.T, store storage.Store, ref spec.ArtifactRef) (ancestors []spec.Digest) {
	t.Helper()
	lineage, err := artifact.Lineage(t.Context(), store, ref)
	require.NoError(t, err)
	for _, ancestor := range lineage {
		ancestors = append(ancestors, ancestor.Ref.Digest)
	}
	return ancestors
}

func skippedOf(result spec.PipelineResult) (stages []string) {
	for _, skipped := range result.Skipped {
		stages = append(stages, skipped.Stage)
	}
	return stages
}
