//go:build torch

package exec

import (
	"context"

	"github.com/spf13/cobra"

	"elara/configs"
	"elara/engine/recipes"
	"elara/spec"
)

func pretrainCommand() *cobra.Command {
	return courseCommand("pretrain", "Train all weights of a base model on running text, and write another base model",
		"pre-training file in the form of the guide's other files", func(file string) (course, []configs.Warning, error) {
			job, warnings, err := configs.LoadPretrainJob(file)
			c := course{asRead: job, output: job.OutputDir, args: job.Args}
			c.train = func(ctx context.Context, r *recipes.Runner, from *spec.Snapshot, observer *folderObserver) (string, error) {
				outcome, err := r.Pretrain(ctx, job, from, observer)
				return stepsOf(outcome), err
			}
			return c, warnings, err
		})
}
