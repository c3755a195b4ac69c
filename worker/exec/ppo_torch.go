//go:build torch

package exec

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"elara/configs"
	"elara/engine/recipes"
	"elara/spec"
)

func ppoCommand() *cobra.Command {
	var file string
	var engine engineFlags
	var resume bool
	c := &cobra.Command{
		Use:   "ppo --config C.json [--resume]",
		Short: "Train a policy by proximal policy optimisation against a reward model",
		Example: `  elara-worker exec ppo --config ppo.json
  elara-worker exec ppo --config ppo.json --resume`,
		RunE: func(c *cobra.Command, _ []string) error {
			job, warnings, err := configs.LoadPPOJob(file)
			if err != nil {
				return err
			}
			for _, w := range warnings {
				fmt.Fprintf(c.ErrOrStderr(), "warning: %s\n", w)
			}
			out := c.OutOrStdout()
			observer := &ppoObserver{folderObserver{dir: job.Args.OutputDir, keep: job.Args.SaveTotalLimit, out: out}}
			var from *spec.Snapshot
			if resume {
				if from, err = observer.newest(); err != nil {
					return err
				}
			}
			return engine.withEngine(func(r *recipes.Runner) error {
				r.Notice = func(line string) { fmt.Fprintln(out, line) }
				outcome, err := r.TrainPPO(c.Context(), job, nil, from, observer)
				if err != nil {
					return placed(file, err)
				}
				if len(outcome.Alarms) > 0 {
					fmt.Fprintf(out, "stopped by the guard (%s), policy %d is kept\n", strings.Join(outcome.Alarms, ", "), outcome.PolicyVersion)
				}
				_, err = fmt.Fprintf(out, "%d iterations: %s\n", outcome.Step, job.OutputDir)
				return err
			})
		},
	}
	required(c, &file, "config", "PPO file in the form of the guide's other files")
	engine.declare(c)
	c.Flags().BoolVar(&resume, "resume", false, "go on from the newest checkpoint in training_args.output_dir")
	return c
}

// ppoObserver prints what PPO is watched by.
type ppoObserver struct{ folderObserver }

// Progress implements spec.TrainObserver.
func (o *ppoObserver) Progress(p spec.Progress) {
	if m := p.Metrics; p.LoggedStep == p.Step || p.Step == p.TotalSteps {
		fmt.Fprintf(o.out, "iteration %d/%d  score %.4f  KL %.4f  entropy %.3f  length %.1f  EOS %.0f %%  lr %.3g\n", p.Step, p.TotalSteps,
			m["objective/scores"], m["objective/kl"], m["policy/entropy_avg"], m["response_length"], 100*m["eos_rate"], p.LearningRate)
	}
}
