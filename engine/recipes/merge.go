//go:build torch

package recipes

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"

	"elara/data/tokenizer"
	"elara/engine/lora"
	"elara/engine/merge"
	"elara/engine/model"
	"elara/engine/model/auto"
	"elara/engine/tensor"
	"elara/spec"
	"elara/spec/fault"
)

// rankingFile lies beside the candidates' folders: spec.MergeOutcome, with the loss of every held-out row.
const rankingFile = "ranking.json"

// Merge makes the candidates of a job, certifies each, measures them on held-out rows where the job names some, and leaves each
// in a folder of its own under job.OutputDir: one adapter in PEFT form or a model in Hugging Face form, with certificate.json
// and README.md. A folder appears whole, and not without its certificate; where one fails, none of the job appears.
func (r *Runner) Merge(ctx context.Context, job spec.MergeJob, progress func(spec.Progress)) (out spec.MergeOutcome, err error) {
	if err := checkMerge(job); err != nil {
		return out, err
	}
	if err := os.MkdirAll(filepath.Dir(filepath.Clean(job.OutputDir)), 0o755); err != nil {
		return out, fmt.Errorf("make %s: %w", filepath.Dir(job.OutputDir), err)
	}
	staging, err := os.MkdirTemp(filepath.Dir(filepath.Clean(job.OutputDir)), ".merging-")
	if err != nil {
		return out, fmt.Errorf("make a folder beside %s: %w", job.OutputDir, err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(staging)) }()
	g := &merging{runner: r, job: job, staging: staging, progress: progress}
	if err := g.open(ctx); err != nil {
		return out, errors.Join(err, g.close())
	}
	for _, method := range job.Candidates {
		if err := g.candidate(ctx, method); err != nil {
			return out, errors.Join(err, g.close())
		}
	}
	if err := g.close(); err != nil {
		return out, err
	}
	if err := g.addTokenizer(); err != nil {
		return out, err
	}
	if err := g.measure(ctx); err != nil {
		return out, err
	}
	return g.outcome, g.publish()
}

// checkMerge refuses what can be seen before anything is read.
func checkMerge(job spec.MergeJob) error {
	if key, err := job.Check(); err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	for _, method := range job.Candidates {
		dir := filepath.Join(job.OutputDir, method.Name)
		if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
			return errors.Join(fault.At(dir, 0, "is there already, expected a new folder"), err)
		}
	}
	var first string
	for i, a := range job.Adapters {
		base, err := lora.BaseName(a.Path)
		if err != nil {
			return err
		}
		base = filepath.Base(base)
		if i == 0 {
			first = base
		} else if base != first {
			return fault.At(a.Path, 0, "adapter %s was trained over %q, %s over %q: expected adapters of one base", a.Name, base, job.Adapters[0].Name, first)
		}
	}
	return nil
}

// merging is one job in progress.
type merging struct {
	runner      *Runner
	job         spec.MergeJob
	staging     string // the candidates' folders lie here until all are made
	progress    func(spec.Progress)
	step, total int64

	base      *model.Streamed
	sources   []merge.Source
	digests   []spec.Digest
	sequences [][]int32 // what logits are compared on
	outcome   spec.MergeOutcome
}

// open reads the adapters onto a base whose weights stay in their files.
func (g *merging) open(ctx context.Context) (err error) {
	vocabulary, err := g.encode()
	if err != nil {
		return err
	}
	return g.runner.Engine.Do(func() error {
		if g.base, err = auto.Stream(g.runner.Engine, g.job.BaseModel, tensor.Float32); err != nil {
			return err
		}
		if rows := g.base.Facts().Vocabulary; int64(vocabulary) > rows {
			return fault.At(g.job.BaseModel, 0, "the tokenizer has %d tokens, the model's embedding %d rows", vocabulary, rows)
		}
		for slot, a := range g.job.Adapters {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			adapter, err := lora.LoadShared(g.base, slot, a.Path)
			if err != nil {
				return fmt.Errorf("adapter %s: %w", a.Name, err)
			}
			source, err := merge.NewSource(a.Name, adapter)
			if err != nil {
				adapter.Detach()
				return err
			}
			g.sources = append(g.sources, source)
			digest, err := digestOf(filepath.Join(a.Path, "adapter_model.safetensors"))
			if err != nil {
				return err
			}
			g.digests = append(g.digests, digest)
		}
		return nil
	})
}

// encode makes the token sequences on which logits are compared: fixed texts, each cut to a few tokens. It refuses adapters with tokens
// that are not the base's, whose tokenizer is that of all that is made. The tokenizer is let go again, for it is larger than most
// tensors.
func (g *merging) encode() (vocabulary int, err error) {
	const most = 24
	defer debug.FreeOSMemory()
	tok, err := tokenizer.Load(g.job.BaseModel)
	if err != nil {
		return 0, err
	}
	for _, text := range []string{
		"A 54-year-old man has had chest pain for two hours. What should be done first?",
		"Can I take ibuprofen together with my blood pressure tablets?",
		"Explain the difference between type 1 and type 2 diabetes in plain words.",
		"The weather was fine, and so they walked to the river.",
	} {
		ids := tok.EncodeWithSpecial(text)
		g.sequences = append(g.sequences, slices.Clone(ids[:min(most, len(ids))]))
	}
	for _, a := range g.job.Adapters {
		if err := knownTokens(a.Path, g.job.BaseModel, tok.Hash()); err != nil {
			return 0, err
		}
	}
	return tok.VocabSize(), nil
}

// addTokenizer lays the tokenizer's files beside what was made.
func (g *merging) addTokenizer() error {
	tok, err := tokenizer.Load(g.job.BaseModel)
	if err != nil {
		return err
	}
	for _, method := range g.job.Candidates {
		if err := tok.Save(filepath.Join(g.staging, method.Name)); err != nil {
			return err
		}
	}
	return nil
}

// close takes the adapters off and lets go of the base's files.
func (g *merging) close() error {
	return g.runner.Engine.Do(func() error {
		for _, s := range g.sources {
			s.Adapter.Detach()
		}
		g.sources = nil
		if g.base == nil {
			return nil
		}
		base := g.base
		g.base = nil
		err := base.Close()
		g.runner.Engine.Trim()
		return err
	})
}

// publish gives the candidates their names: what fails before leaves nothing.
func (g *merging) publish() error {
	if err := os.MkdirAll(g.job.OutputDir, 0o755); err != nil {
		return fmt.Errorf("make %s: %w", g.job.OutputDir, err)
	}
	ranking, err := encodeJSON(rankingFile, g.outcome)
	if err != nil {
		return err
	}
	if err := writeFiles(g.job.OutputDir, map[string][]byte{rankingFile: ranking}); err != nil {
		return err
	}
	for _, method := range g.job.Candidates {
		if err := os.Rename(filepath.Join(g.staging, method.Name), filepath.Join(g.job.OutputDir, method.Name)); err != nil {
			return fmt.Errorf("move %s into place: %w", method.Name, err)
		}
	}
	return nil
}
