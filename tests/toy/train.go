package toy

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"elara/spec"
	"elara/spec/fault"
)

// Names of the files of a snapshot and of an adapter.
const (
	WeightsFile = "adapter_model.safetensors"
	momentsFile = "optimizer.safetensors"
	stateFile   = "trainer_state.json"
)

// Trainer trains a number for Args.MaxSteps steps.
type Trainer struct {
	// Step is called when a step is done, before the observer hears of it; nil: nothing is done.
	Step func(job spec.LoRAJob, step int64)
}

// state is all that a later step depends on.
type state struct {
	Job    string `json:"job"` // digest of what the training began with
	Step   int64  `json:"step"`
	weight uint64
	moment uint64
}

// TrainLoRA implements activities.Trainer.
func (t Trainer) TrainLoRA(ctx context.Context, job spec.LoRAJob, resume *spec.Snapshot, observer spec.TrainObserver) (spec.TrainOutcome, error) {
	seed, err := digestOf(job)
	if err != nil {
		return spec.TrainOutcome{}, err
	}
	s := state{Job: fmt.Sprintf("%x", seed)}
	if resume != nil {
		if err := s.restore(*resume); err != nil {
			return spec.TrainOutcome{}, err
		}
	}
	total := job.Args.MaxSteps
	for s.Step < total {
		if err := ctx.Err(); err != nil {
			return spec.TrainOutcome{}, err
		}
		s.step(seed)
		if t.Step != nil {
			t.Step(job, s.Step)
		}
		observer.Progress(s.progress(total))
		yield := s.Step < total && observer.Yield(s.Step)
		if yield || job.Args.SaveSteps > 0 && s.Step%job.Args.SaveSteps == 0 || s.Step == total {
			if err := observer.Save(ctx, s.snapshot()); err != nil {
				return spec.TrainOutcome{}, err
			}
		}
		if yield {
			return s.outcome(total), nil
		}
	}
	return s.outcome(total), s.write(job.OutputDir)
}

// digestOf depends on the content of the inputs, not on where they lie, and on the seed.
func digestOf(job spec.LoRAJob) ([32]byte, error) {
	return contentOf(fmt.Sprintf("seed %d, rank %d\n", job.Args.Seed, job.LoRA.R), job.BaseModel, job.TrainDataPath, job.EvalDataPath)
}

// contentOf is the digest of a text, and of the content of files and folders.
func contentOf(text string, roots ...string) ([32]byte, error) {
	hash := sha256.New()
	fmt.Fprint(hash, text)
	for _, root := range roots {
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			content, err := os.ReadFile(path)
			fmt.Fprintf(hash, "%s %x\n", entry.Name(), sha256.Sum256(content))
			return err
		})
		if err != nil {
			return [32]byte{}, err
		}
	}
	return [32]byte(hash.Sum(nil)), nil
}

// step mixes the seed and the number of the step into the weight, in a way that no other order of steps gives.
func (s *state) step(seed [32]byte) {
	s.Step++
	s.moment = s.moment*31 + binary.LittleEndian.Uint64(seed[s.Step%4*8:])
	s.weight = (s.weight ^ s.moment) * 0x9E3779B97F4A7C15
	s.weight += uint64(s.Step)
}

func (s *state) loss() float64 { return 1/float64(s.Step) + float64(s.weight%1000)/1e6 }

func (s *state) progress(total int64) spec.Progress {
	return spec.Progress{Stage: spec.StageTrain, Step: s.Step, TotalSteps: total, Loss: s.loss(), TokensPerSecond: 1000}
}

func (s *state) outcome(total int64) spec.TrainOutcome {
	return spec.TrainOutcome{
		Step: s.Step, TotalSteps: total, Done: s.Step == total, Loss: s.loss(), EvalLoss: s.loss() + 0.5,
		TrainableParams: 1, AllParams: 2,
	}
}

func (s *state) snapshot() spec.Snapshot {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // a struct of a text and a number
	}
	return spec.Snapshot{Step: s.Step, Files: map[string][]byte{
		WeightsFile: binary.LittleEndian.AppendUint64(nil, s.weight),
		momentsFile: binary.LittleEndian.AppendUint64(nil, s.moment),
		stateFile:   text,
	}}
}

func (s *state) restore(from spec.Snapshot) error {
	job := s.Job
	if err := json.Unmarshal(from.Files[stateFile], s); err != nil {
		return fault.New(fault.Corrupt, "snapshot of step %d: %w", from.Step, err)
	}
	if s.Job != job || s.Step != from.Step {
		return fault.New(fault.Invalid, "snapshot of step %d is of another training", from.Step)
	}
	s.weight = binary.LittleEndian.Uint64(from.Files[WeightsFile])
	s.moment = binary.LittleEndian.Uint64(from.Files[momentsFile])
	return nil
}

func (s *state) write(folder string) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	for name, content := range s.snapshot().Files {
		if name == momentsFile {
			continue
		}
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}
