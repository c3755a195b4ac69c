//go:build torch

package exec

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"elara/activities"
	"elara/configs"
	"elara/engine/recipes"
	"elara/spec"
)

func ppoCommand() *cobra.Command {
	return courseCommand("ppo", "Train a policy by proximal policy optimisation against a reward model",
		"PPO file in the form of the guide's other files", func(file string) (course, []configs.Warning, error) {
			job, warnings, err := configs.LoadPPOJob(file)
			c := course{asRead: job, output: job.OutputDir, args: job.Args}
			c.train = func(ctx context.Context, r *recipes.Runner, from *spec.Snapshot, observer *folderObserver) (string, error) {
				r.Timings = false // tokens of the update say little of an iteration, which draws for most of its time
				outcome, err := r.TrainPPO(ctx, job, nil, from, &ppoObserver{observer})
				if err == nil && len(outcome.Alarms) > 0 {
					fmt.Fprintf(observer.out, "stopped by the guard (%s), policy %d is kept\n", strings.Join(outcome.Alarms, ", "), outcome.PolicyVersion)
				}
				return fmt.Sprintf("%d iterations", outcome.Step), err
			}
			c.report = reportBeside(job.OutputDir, func() (map[string][]byte, error) {
				return activities.PolicyReport(filepath.Base(job.OutputDir), job.OutputDir, job)
			})
			return c, warnings, err
		})
}

// ppoObserver prints what PPO is watched by.
type ppoObserver struct{ *folderObserver }

// Progress implements spec.TrainObserver.
func (o *ppoObserver) Progress(p spec.Progress) {
	o.curve.Observe(p)
	if m := p.Metrics; p.LoggedStep == p.Step || p.Step == p.TotalSteps {
		fmt.Fprintf(o.out, "iteration %d/%d  score %.4f  KL %.4f  entropy %.3f  length %.1f  EOS %.0f %%  lr %.3g\n", p.Step, p.TotalSteps,
			m["objective/scores"], m["objective/kl"], m["policy/entropy_avg"], m["response_length"], 100*m["eos_rate"], p.LearningRate)
	}
}
