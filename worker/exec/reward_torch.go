//go:build torch

package exec

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"elara/configs"
	"elara/data/hub"
	"elara/engine/recipes"
	"elara/rewards"
	"elara/scoring"
	"elara/spec"
)

// preferring is one training from preferences, of a reward model or by DPO.
type preferring struct {
	base   *string // of the job, whose name on a hub is replaced by a path
	output string
	args   spec.TrainingArgs
	train  func(ctx context.Context, r *recipes.Runner, from *spec.Snapshot, observer spec.TrainObserver) (summary string, err error)
}

// preferringCommand is the command of a training from preferences; load reads its file.
func preferringCommand(name, short string, load func(file string) (preferring, []configs.Warning, error)) *cobra.Command {
	var file, initAdapter string
	var engine engineFlags
	var resume bool
	c := &cobra.Command{
		Use:     name + " --config C.json [--resume]",
		Short:   short,
		Example: "  elara-worker exec " + name + " --config " + name + ".json\n  elara-worker exec " + name + " --config " + name + ".json --resume",
		RunE: func(c *cobra.Command, _ []string) error {
			p, warnings, err := load(file)
			if err != nil {
				return err
			}
			for _, w := range warnings {
				fmt.Fprintf(c.ErrOrStderr(), "warning: %s\n", w)
			}
			out := c.OutOrStdout()
			observer := &folderObserver{dir: p.args.OutputDir, keep: p.args.SaveTotalLimit, out: out}
			var from *spec.Snapshot
			if resume {
				if from, err = observer.newest(); err != nil {
					return err
				}
			}
			return withModels(c.ErrOrStderr(), func(m *models) error {
				var named hub.Name
				if *p.base, named, err = m.base(c.Context(), file, *p.base); err != nil {
					return err
				}
				return engine.withEngine(func(r *recipes.Runner) error {
					r.Timings, r.InitAdapter = true, initAdapter
					r.Notice = func(line string) { fmt.Fprintln(out, line) }
					summary, err := p.train(c.Context(), r, from, observer)
					if err != nil {
						return placed(file, err)
					}
					if named != (hub.Name{}) {
						if err := nameBase(p.output, named); err != nil {
							return err
						}
					}
					_, err = fmt.Fprintf(out, "%s: %s\n", summary, p.output)
					return err
				})
			})
		},
	}
	required(c, &file, "config", "file in the form of the guide's training files, with TRL's keys")
	engine.declare(c)
	c.Flags().BoolVar(&resume, "resume", false, "go on from the newest checkpoint in training_args.output_dir")
	if name == "reward" { // a DPO file names its adapter itself
		c.Flags().StringVar(&initAdapter, "init-adapter", "", "reward model to begin from instead of a fresh adapter")
		c.MarkFlagsMutuallyExclusive("init-adapter", "resume")
	}
	return c
}

func rewardCommand() *cobra.Command {
	return preferringCommand("reward", "Train a reward model from preferences", func(file string) (preferring, []configs.Warning, error) {
		job, warnings, err := configs.LoadRewardJob(file)
		p := preferring{base: &job.BaseModel, output: job.OutputDir, args: job.Args}
		p.train = func(ctx context.Context, r *recipes.Runner, from *spec.Snapshot, observer spec.TrainObserver) (string, error) {
			outcome, err := r.TrainReward(ctx, job, from, observer)
			if err != nil || outcome.Report.HeldOut == nil {
				return fmt.Sprintf("%d steps, mean loss %.4f", outcome.Step, outcome.Loss), err
			}
			a := outcome.Report.HeldOut.Accuracy
			return fmt.Sprintf("%d steps, mean loss %.4f, held-out accuracy %.3f (%.3f to %.3f, n = %d)",
				outcome.Step, outcome.Loss, a.Value, a.Low, a.High, outcome.Report.HeldOut.Pairs), nil
		}
		return p, warnings, err
	})
}

func dpoCommand() *cobra.Command {
	return preferringCommand("dpo", "Train an adapter by direct preference optimisation", func(file string) (preferring, []configs.Warning, error) {
		job, warnings, err := configs.LoadDPOJob(file)
		p := preferring{base: &job.BaseModel, output: job.OutputDir, args: job.Args}
		p.train = func(ctx context.Context, r *recipes.Runner, from *spec.Snapshot, observer spec.TrainObserver) (string, error) {
			outcome, err := r.TrainDPO(ctx, job, from, observer)
			return fmt.Sprintf("%d steps, mean loss %.4f", outcome.Step, outcome.Loss), err
		}
		return p, warnings, err
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
			var list []rewards.Config
			if scorers != "" {
				if list, err = rewards.ReadConfig(scorers); err != nil {
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
	c.Flags().StringVar(&scorers, "scorers", "", "JSON of scorers whose weighted sum the reward is; see docs/reward.md")
	engine.declare(c)
	return c
}

// mixedReward is a line of score-reward: what the model says, and where other scorers are mixed in, the sum and each one's word.
type mixedReward struct {
	recipes.Rewarded
	Parts map[string]float64 `json:"parts,omitempty"`
}

// rewardsOf lets rewards that are computed already take part in a sum.
type rewardsOf []recipes.Rewarded

// Score implements rewards.Scorer.
func (scored rewardsOf) Score(context.Context, []rewards.Answer) ([]float64, error) {
	own := make([]float64, len(scored))
	for i, s := range scored {
		own[i] = s.Reward
	}
	return own, nil
}

// writeRewards writes a line for each answer. Without scorers the reward is the model's own.
func writeRewards(ctx context.Context, list []rewards.Config, answers []recipes.Answered, scored []recipes.Rewarded, line func(any) error) error {
	mix, err := rewards.New(list, rewardsOf(scored))
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
