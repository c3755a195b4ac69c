//go:build torch

package exec

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"elara/configs"
	"elara/engine/recipes"
	"elara/spec"
	"elara/spec/fault"
)

func loraCommand() *cobra.Command {
	var config, initAdapter string
	var threads int
	var resume bool
	c := &cobra.Command{
		Use:   "lora --config C.json [--init-adapter DIR]",
		Short: "Train one adapter as the guide's JSON file describes it",
		Example: `  elara-worker exec lora --config training_configs/patient_lora.json
  elara-worker exec lora --config training_configs/patient_lora.json --resume`,
		RunE: func(c *cobra.Command, _ []string) error {
			job, warnings, err := configs.LoadLoRAJob(config)
			if err != nil {
				return err
			}
			for _, w := range warnings {
				fmt.Fprintln(c.ErrOrStderr(), "warning:", w)
			}
			local := &folderObserver{dir: job.Args.OutputDir, keep: job.Args.SaveTotalLimit, out: c.OutOrStdout(), every: max(1, job.Args.LoggingSteps)}
			var from *spec.Snapshot
			if resume {
				if from, err = local.newest(); err != nil {
					return err
				}
			}
			return withEngine(threads, func(r *recipes.Runner) error {
				r.InitAdapter, r.Timings = initAdapter, true
				r.Notice = func(line string) { fmt.Fprintln(c.OutOrStdout(), line) }
				outcome, err := r.TrainLoRA(c.Context(), job, from, local)
				if err != nil {
					return placed(config, err)
				}
				_, err = fmt.Fprintf(c.OutOrStdout(), "%d steps, mean loss %.4f: %s\n", outcome.Step, outcome.Loss, job.OutputDir)
				return err
			})
		},
	}
	required(c, &config, "config", "training file in the guide's form")
	c.Flags().StringVar(&initAdapter, "init-adapter", "", "PEFT folder to begin from instead of a fresh adapter")
	c.Flags().IntVar(&threads, "threads", 0, "CPU threads; 0: all cores")
	c.Flags().BoolVar(&resume, "resume", false, "go on from the newest checkpoint in training_args.output_dir")
	c.MarkFlagsMutuallyExclusive("init-adapter", "resume")
	return c
}

// placed names the configuration as the place of what is wrong with the job and names no place of its own.
func placed(config string, err error) error {
	var e *fault.Error
	if errors.As(err, &e) && e.Kind == fault.Invalid && e.Place == "" {
		return fault.At(config, 0, "%w", err)
	}
	return err
}

// folderObserver keeps snapshots as checkpoint-STEP folders, as transformers names them, and prints progress lines.
type folderObserver struct {
	dir   string
	keep  int // newest checkpoints kept; 0: all
	out   io.Writer
	every int64
}

// Progress implements spec.TrainObserver.
func (o *folderObserver) Progress(p spec.Progress) {
	if p.Step%o.every == 0 || p.Step == p.TotalSteps {
		fmt.Fprintf(o.out, "step %d/%d  epoch %.2f  loss %.4f  lr %.3g  grad norm %.3f  %.0f tokens/s\n", p.Step, p.TotalSteps, p.Epoch, p.Loss, p.LearningRate, p.GradNorm, p.TokensPerSecond)
	}
}

// Yield implements spec.TrainObserver: a run on this machine goes to its end.
func (o *folderObserver) Yield(int64) bool { return false }

// Save implements spec.TrainObserver. The folder appears whole, and older ones go only after it is there.
func (o *folderObserver) Save(_ context.Context, s spec.Snapshot) (err error) {
	if err := os.MkdirAll(o.dir, 0o755); err != nil {
		return fmt.Errorf("make %s: %w", o.dir, err)
	}
	staging, err := os.MkdirTemp(o.dir, ".checkpoint-")
	if err != nil {
		return fmt.Errorf("make a checkpoint in %s: %w", o.dir, err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(staging)) }()
	for name, data := range s.Files {
		if err := os.WriteFile(filepath.Join(staging, name), data, 0o644); err != nil {
			return fmt.Errorf("write checkpoint: %w", err)
		}
	}
	final := filepath.Join(o.dir, fmt.Sprintf("checkpoint-%d", s.Step))
	if err := os.RemoveAll(final); err != nil {
		return fmt.Errorf("replace %s: %w", final, err)
	}
	if err := os.Rename(staging, final); err != nil {
		return fmt.Errorf("move %s into place: %w", final, err)
	}
	return o.prune()
}

func (o *folderObserver) prune() error {
	steps, err := o.steps()
	if err != nil || o.keep <= 0 {
		return err
	}
	for len(steps) > o.keep {
		if err := os.RemoveAll(filepath.Join(o.dir, fmt.Sprintf("checkpoint-%d", steps[0]))); err != nil {
			return fmt.Errorf("remove an old checkpoint: %w", err)
		}
		steps = steps[1:]
	}
	return nil
}

// steps lists the checkpoints in ascending order.
func (o *folderObserver) steps() ([]int64, error) {
	entries, err := os.ReadDir(o.dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("list checkpoints: %w", err)
	}
	var steps []int64
	for _, entry := range entries {
		number, ok := strings.CutPrefix(entry.Name(), "checkpoint-")
		if step, err := strconv.ParseInt(number, 10, 64); ok && err == nil && entry.IsDir() {
			steps = append(steps, step)
		}
	}
	slices.Sort(steps)
	return steps, nil
}

// newest reads the last checkpoint.
func (o *folderObserver) newest() (*spec.Snapshot, error) {
	steps, err := o.steps()
	if err != nil {
		return nil, err
	}
	if len(steps) == 0 {
		return nil, fault.At(o.dir, 0, "no checkpoint to resume from, expected a folder checkpoint-STEP")
	}
	step := steps[len(steps)-1]
	dir := filepath.Join(o.dir, fmt.Sprintf("checkpoint-%d", step))
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", dir, err)
	}
	s := &spec.Snapshot{Step: step, Files: map[string][]byte{}}
	for _, entry := range entries {
		if s.Files[entry.Name()], err = os.ReadFile(filepath.Join(dir, entry.Name())); err != nil {
			return nil, fmt.Errorf("read %s: %w", dir, err)
		}
	}
	return s, nil
}
