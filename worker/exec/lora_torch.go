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
	"sync"

	"github.com/spf13/cobra"

	"elara/configs"
	"elara/data/hub"
	"elara/engine/recipes"
	"elara/spec"
	"elara/spec/fault"
	"elara/telemetry/runlog"
)

func loraCommand() *cobra.Command {
	var files []string
	var initAdapter string
	var engine engineFlags
	var resume bool
	var curves curveFlags
	c := &cobra.Command{
		Use:   "lora --config C.json [--config D.json ...] [--init-adapter DIR]",
		Short: "Train adapters as the guide's JSON files describe them, several at once over one base",
		Example: `  elara-worker exec lora --config training_configs/patient_lora.json
  elara-worker exec lora --config training_configs/patient_lora.json --resume
  elara-worker exec lora --config general.json --config patient.json --config doctor.json --config emergency.json`,
		RunE: func(c *cobra.Command, _ []string) error {
			c.SetOut(&lines{to: c.OutOrStdout()})
			var trainings []*training
			for _, file := range files {
				t, err := openTraining(c, file, resume, len(files) > 1)
				if err != nil {
					return err
				}
				trainings = append(trainings, t)
			}
			if err := apart(trainings); err != nil {
				return err
			}
			return withModels(c.ErrOrStderr(), func(m *models) error {
				for _, t := range trainings {
					if err := t.findBase(c.Context(), m); err != nil {
						return err
					}
				}
				var list []watched
				for _, t := range trainings {
					list = append(list, t.watched)
				}
				if err := curves.open(list, c.ErrOrStderr()); err != nil {
					return err
				}
				err := engine.withEngine(func(r *recipes.Runner) error {
					r.InitAdapter, r.Timings = initAdapter, true
					r.Notice = func(line string) { fmt.Fprintln(c.OutOrStdout(), line) }
					return trainAll(c.Context(), r, trainings)
				})
				return errors.Join(err, curves.tell(c.OutOrStdout()))
			})
		},
	}
	c.Flags().StringArrayVar(&files, "config", nil, "training file in the guide's form; once for each adapter")
	if err := c.MarkFlagRequired("config"); err != nil {
		panic(err) // the flag is declared in the line above
	}
	c.Flags().StringVar(&initAdapter, "init-adapter", "", "PEFT folder to begin from instead of a fresh adapter")
	engine.declare(c)
	curves.declare(c, "lora")
	c.Flags().BoolVar(&resume, "resume", false, "go on from the newest checkpoint in training_args.output_dir")
	c.MarkFlagsMutuallyExclusive("init-adapter", "resume")
	return c
}

// trainAll trains at once.
func trainAll(ctx context.Context, r *recipes.Runner, trainings []*training) error {
	errs := make([]error, len(trainings))
	var all sync.WaitGroup
	for i, t := range trainings {
		all.Go(func() { errs[i] = t.run(ctx, r) })
	}
	all.Wait()
	return errors.Join(errs...)
}

// lines lets trainings that run at once print whole lines.
type lines struct {
	mu sync.Mutex
	to io.Writer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.to.Write(p)
}

// training is one adapter of the command.
type training struct {
	watched
	job  spec.LoRAJob // with a path for a base model, once it is found
	base hub.Name     // of the base model; zero where it was given by a path
}

// openTraining reads a training file and finds the checkpoint to go on from.
func openTraining(c *cobra.Command, file string, resume, named bool) (*training, error) {
	job, warnings, err := configs.LoadLoRAJob(file)
	if err != nil {
		return nil, err
	}
	name := ""
	if named {
		name = filepath.Base(job.OutputDir) + ": "
	}
	warn(c, name, warnings)
	t := &training{job: job, watched: watched{file: file, asRead: job, output: job.OutputDir, observer: &folderObserver{
		dir: job.Args.OutputDir, keep: job.Args.SaveTotalLimit, out: c.OutOrStdout(), name: name,
	}}}
	if resume {
		t.from, err = t.observer.newest()
	}
	return t, err
}

// warn prints warnings of a file; name stands before each line.
func warn(c *cobra.Command, name string, warnings []configs.Warning) {
	for _, w := range warnings {
		fmt.Fprintf(c.ErrOrStderr(), "%swarning: %s\n", name, w)
	}
}

// apart refuses trainings that would write into one folder.
func apart(trainings []*training) error {
	owner := map[string]string{}
	for _, t := range trainings {
		folders := []string{filepath.Clean(t.job.OutputDir), filepath.Clean(t.job.Args.OutputDir)}
		for _, folder := range slices.Compact(folders) {
			if other, taken := owner[folder]; taken {
				return fault.At(t.file, 0, "output_dir %s is also that of %s, expected a folder of its own", folder, other)
			}
			owner[folder] = t.file
		}
	}
	return nil
}

// findBase fetches a base model that is given by its name on a hub.
func (t *training) findBase(ctx context.Context, m *models) (err error) {
	t.job.BaseModel, t.base, err = m.base(ctx, t.file, t.job.BaseModel)
	return err
}

func (t *training) run(ctx context.Context, r *recipes.Runner) error {
	outcome, err := r.TrainLoRA(ctx, t.job, t.from, t.observer)
	t.observer.curve.Close(err == nil && outcome.Done)
	if err != nil {
		return placed(t.file, err)
	}
	if t.base != (hub.Name{}) {
		if err := nameBase(t.job.OutputDir, t.base); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(t.observer.out, "%s%d steps, mean loss %.4f: %s\n", t.observer.name, outcome.Step, outcome.Loss, t.job.OutputDir)
	return err
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
	name  string // before each line, where several adapters train
	curve *runlog.Log
}

// Progress implements spec.TrainObserver. A line is printed where a logging window ends.
func (o *folderObserver) Progress(p spec.Progress) {
	o.curve.Observe(p)
	if p.LoggedStep == p.Step || p.Step == p.TotalSteps {
		fmt.Fprintf(o.out, "%sstep %d/%d  epoch %.2f  loss %.4f  lr %.3g  grad norm %.3f  %.0f tokens/s\n", o.name, p.Step, p.TotalSteps, p.Epoch, p.Loss, p.LearningRate, p.GradNorm, p.TokensPerSecond)
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
