//go:build torch

package recipes

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"

	"elara/engine/lora"
	"elara/engine/merge"
	"elara/engine/model"
	"elara/engine/model/auto"
	"elara/engine/tensor"
	"elara/spec"
)

// certificateFile lies in every folder that a merge leaves.
const certificateFile = "certificate.json"

// tick says that a tensor is next, of so many in a candidate.
func (g *merging) tick(ctx context.Context) func(count int) error {
	return func(count int) error {
		g.total = max(g.total, int64(len(g.job.Candidates)*count))
		g.step++
		g.progress(spec.Progress{Stage: spec.StageMerge, Step: min(g.step, g.total), TotalSteps: g.total})
		return context.Cause(ctx)
	}
}

// candidate makes and certifies one.
func (g *merging) candidate(ctx context.Context, method spec.MergeMethod) error {
	dir := filepath.Join(g.staging, method.Name)
	if err := os.Mkdir(dir, 0o755); err != nil {
		return fmt.Errorf("make %s: %w", dir, err)
	}
	var certificate *merge.Certificate
	err := g.runner.Engine.Do(func() (err error) {
		g.runner.Engine.Scope(func() { certificate, err = g.certify(ctx, method, dir) })
		return err
	})
	if err != nil {
		return fmt.Errorf("merge %s: %w", method.Name, err)
	}
	if err := certificate.Refusal(); err != nil {
		return err
	}
	files := map[string][]byte{"README.md": certificate.Card()}
	if files[certificateFile], err = certificate.Encode(); err != nil {
		return err
	}
	if g.job.Into == spec.IntoBase {
		if err := addDefaults(files, g.job.BaseModel); err != nil {
			return err
		}
	}
	if err := writeFiles(dir, files); err != nil {
		return err
	}
	g.outcome.Candidates = append(g.outcome.Candidates, spec.MergedCandidate{
		Method: certificate.Method, LogitDifference: certificate.Reloaded.MaxDifference, ToLive: certificate.Live.MaxDifference,
	})
	return nil
}

// certify writes the candidate's weights, reads them again and compares. It runs inside Engine.Do.
func (g *merging) certify(ctx context.Context, method spec.MergeMethod, dir string) (_ *merge.Certificate, err error) {
	key := tensor.Key(uint64(g.job.Seed))
	m, err := merge.New(g.base, method, g.sources, key)
	if err != nil {
		return nil, err
	}
	c := &merge.Certificate{
		Method: m.Method, Base: filepath.Base(g.job.BaseModel), Into: g.job.Into, DType: g.job.DType, Against: merge.AgainstLive, Files: map[string]spec.Digest{},
	}
	for i, s := range g.sources {
		c.Adapters = append(c.Adapters, merge.Ingredient{Name: s.Name, Weight: method.Weights[i], Digest: g.digests[i]})
	}
	if c.Laws, err = m.Laws(); err != nil {
		return nil, err
	}
	folded := m
	var merged *lora.Adapter
	if g.job.Into == spec.IntoAdapter || !m.Exact() {
		if merged, err = g.encodeAdapter(ctx, m, dir); err != nil {
			return nil, err
		}
		defer func() { merged.Detach() }() // the one that is there then
	}
	var heldTo *lora.Adapter
	if !m.Exact() {
		heldTo, c.Against = merged, merge.AgainstMerged
		itself, err := merge.NewSource(m.Method.Name, merged)
		if err != nil {
			return nil, err
		}
		one := spec.MergeMethod{CombinationType: spec.CombineLinear, Weights: []float64{1}}
		if folded, err = merge.New(g.base, one, []merge.Source{itself}, key); err != nil {
			return nil, err
		}
	}
	witness, err := m.Observe(g.sequences, heldTo)
	if err != nil {
		return nil, err
	}
	if g.job.Into == spec.IntoAdapter {
		merged.Detach() // what was written takes its place
		again, err := lora.Load(g.base, merged.Slot(), dir)
		if err != nil {
			return nil, err
		}
		merged = again
		if err := witness.Compare(g.base, merged, c); err != nil {
			return nil, err
		}
	} else {
		if err := g.fold(ctx, folded, dir, func(again *model.Streamed) error { return witness.Compare(again, nil, c) }); err != nil {
			return nil, err
		}
	}
	c.Judge()
	return c, g.seal(dir, c)
}

// encodeAdapter makes the merged adapter and puts it on the base, beside those it is made of; where it is the job's result its files
// are written.
func (g *merging) encodeAdapter(ctx context.Context, m *merge.Merge, dir string) (*lora.Adapter, error) {
	config, weights, err := m.Encode(g.tick(ctx))
	if err != nil {
		return nil, err
	}
	merged, err := lora.Restore(g.base, len(g.sources), config, weights)
	if err != nil || g.job.Into == spec.IntoBase {
		return merged, err
	}
	base, err := lora.BaseName(g.job.Adapters[0].Path)
	if err != nil {
		return nil, err
	}
	files, err := merged.Encode(filepath.Base(base))
	if err != nil {
		return nil, err
	}
	return merged, writeFiles(dir, files)
}

// fold writes the merged base and hands it over as it is read again.
func (g *merging) fold(ctx context.Context, m *merge.Merge, dir string, then func(*model.Streamed) error) (err error) {
	g.runner.Engine.Trim() // of what the live adapters took
	folded, err := m.Fold(g.tick(ctx))
	if err != nil {
		return err
	}
	dtype := tensor.Float32
	if g.job.DType == tensor.BFloat16.String() {
		dtype = tensor.BFloat16
	}
	if err := model.Save(dir, folded, dtype, model.MaxShardBytes); err != nil {
		return err
	}
	g.runner.Engine.Trim()
	debug.FreeOSMemory()
	again, err := auto.Stream(g.runner.Engine, dir, tensor.Float32)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, again.Close()) }()
	return then(again)
}

// seal notes the digests of the weights that were read again.
func (g *merging) seal(dir string, c *merge.Certificate) error {
	files, err := filepath.Glob(filepath.Join(dir, "*.safetensors"))
	for _, file := range files {
		digest, err := digestOf(file)
		if err != nil {
			return err
		}
		c.Files[filepath.Base(file)] = digest
	}
	return err
}
