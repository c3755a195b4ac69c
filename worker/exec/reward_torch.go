//go:build torch

package exec

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"elara/activities"
	"elara/configs"
	"elara/engine/recipes"
	"elara/rewards"
	"elara/scoring"
	"elara/spec"
)

// preferencesFile is what --config names.
const preferencesFile = "file in the form of the guide's training files, with TRL's keys"

func rewardCommand() *cobra.Command {
	var initAdapter string
	command := courseCommand("reward", "Train a reward model from preferences", preferencesFile, func(file string) (course, []configs.Warning, error) {
		job, warnings, err := configs.LoadRewardJob(file)
		c := course{base: &job.BaseModel, asRead: job, output: job.OutputDir, args: job.Args}
		c.train = func(ctx context.Context, r *recipes.Runner, from *spec.Snapshot, observer *folderObserver) (string, error) {
			r.InitAdapter = initAdapter
			outcome, err := r.TrainReward(ctx, job, from, observer)
			if err != nil || outcome.Report.HeldOut == nil {
				return stepsOf(outcome.TrainOutcome), err
			}
			a := outcome.Report.HeldOut.Accuracy
			return fmt.Sprintf("%s, held-out accuracy %.3f (%.3f to %.3f, n = %d)",
				stepsOf(outcome.TrainOutcome), a.Value, a.Low, a.High, outcome.Report.HeldOut.Pairs), nil
		}
		c.report = reportBeside(job.OutputDir, func() (map[string][]byte, error) {
			return activities.RewardReport(filepath.Base(job.OutputDir), job.OutputDir)
		})
		return c, warnings, err
	})
	command.Flags().StringVar(&initAdapter, "init-adapter", "", "reward model to begin from instead of a fresh adapter")
	command.MarkFlagsMutuallyExclusive("init-adapter", "resume")
	return command
}

func dpoCommand() *cobra.Command {
	return courseCommand("dpo", "Train an adapter by direct preference optimisation", preferencesFile, func(file string) (course, []configs.Warning, error) {
		job, warnings, err := configs.LoadDPOJob(file)
		c := course{base: &job.BaseModel, asRead: job, output: job.OutputDir, args: job.Args}
		c.train = func(ctx context.Context, r *recipes.Runner, from *spec.Snapshot, observer *folderObserver) (string, error) {
			outcome, err := r.TrainDPO(ctx, job, from, observer)
			return stepsOf(outcome), err
		}
		return c, warnings, err
	})
}

func scoreRewardCommand() *cobra.Command {
	var in, out, model, reward, scorers string
	var engine engineFlags
	c := &cobra.Command{
		Use:     "score-reward --model DIR --reward DIR --in P.jsonl --out S.jsonl [--scorers F.json]",
		Short:   "Score of a reward model for each answer, in float32, and the score less its center, or a sum with other scorers",
		Example: "  elara-worker exec score-reward --model smollm2 --reward rewards/patient --in pairs.jsonl --out scores.jsonl",
		RunE: func(c *cobra.Command, _ []string) error {
			pairs, err := scoring.ReadPairs(in)
			if err != nil {
				return err
			}
			answers := make([]recipes.Answered, len(pairs))
			for i, p := range pairs {
				answers[i] = recipes.Answered{Question: p.Question, Answer: *p.Answer}
			}
			var list []spec.Scorer
			if scorers != "" {
				if list, err = configs.LoadScorers(scorers); err != nil {
					return err
				}
			}
			return withModels(c.ErrOrStderr(), func(m *models) error {
				path, err := m.find(c.Context(), model)
				if err != nil {
					return err
				}
				return engine.withEngine(func(r *recipes.Runner) error {
					return writeLines(out, func(line func(any) error) error {
						var scored []recipes.Rewarded
						err := r.ScoreReward(c.Context(), path, reward, answers, func(s recipes.Rewarded) error {
							scored = append(scored, s)
							return nil
						})
						if err != nil {
							return placed(in, err)
						}
						return writeRewards(c.Context(), list, answers, scored, line)
					})
				})
			})
		},
	}
	required(c, &model, "model", "folder in Hugging Face form, a .gguf file, or owner/name on a hub")
	required(c, &reward, "reward", "folder of the reward model")
	required(c, &in, "in", `JSONL of {"question", "answer"}; the question is the whole prompt where the reward model has no audience`)
	required(c, &out, "out", `JSONL to write: {"score", "reward"} a line, and "parts" with --scorers`)
	c.Flags().StringVar(&scorers, "scorers", "", "file of scorers, as a PPO file has them, whose weighted sum the reward is; see docs/reward.md")
	engine.declare(c)
	return c
}

// mixedReward is a line of score-reward: what the model says, and where other scorers are mixed in, the sum and each one's word.
type mixedReward struct {
	recipes.Rewarded
	Parts map[string]float64 `json:"parts,omitempty"`
}

// writeRewards writes a line for each answer. Without scorers the reward is the model's own.
func writeRewards(ctx context.Context, list []spec.Scorer, answers []recipes.Answered, scored []recipes.Rewarded, line func(any) error) error {
	own := make(rewards.Known, len(scored))
	for i, s := range scored {
		own[i] = s.Reward
	}
	mix, err := rewards.New(list, &own)
	if err != nil {
		return err
	}
	asked := make([]rewards.Answer, len(answers))
	for i, a := range answers {
		asked[i] = rewards.Answer{Prompt: a.Question, Text: a.Answer}
	}
	totals, parts, err := mix.Score(ctx, asked)
	if err != nil {
		return err
	}
	for i, s := range scored {
		out := mixedReward{Rewarded: s}
		if len(list) > 0 {
			out.Reward, out.Parts = totals[i], map[string]float64{}
			for name, of := range parts {
				out.Parts[name] = of[i]
			}
		}
		if err := line(out); err != nil {
			return err
		}
	}
	return nil
}
