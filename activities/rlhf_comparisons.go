package activities

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"elara/data/preference"
	"elara/data/trl"
	"elara/spec"
	"elara/spec/fault"
	"elara/storage/artifact"
)

// collectedKey is the identity of what people said about pairs: nobody is asked twice.
func collectedKey(in spec.ComparisonsInput) (spec.Digest, error) {
	return collectStage.key(struct {
		Pairs     spec.Digest
		PerPair   int
		Total     int64
		Reviewers []string
	}{in.Pairs.Digest, in.Plan.Collect.PerPair, in.Plan.Collect.Total, in.Plan.Collect.Reviewers})
}

// SplitComparisons reads the preferences of a file, of an artifact or of a collection, checks them for the method, and divides them
// into those that are trained on and those that are held out. Preferences of one prompt are on one side. It gives nothing where
// people are to be asked and have not been.
func (c *Control) SplitComparisons(ctx context.Context, in spec.ComparisonsInput) (spec.Comparisons, error) {
	return run(ctx, c.Instruments, spec.StageRLHF, in, c.splitComparisons)
}

func (c *Control) splitComparisons(ctx context.Context, in spec.ComparisonsInput) (result spec.Comparisons, err error) {
	work := begin(ctx, c.Store, spec.Progress{Stage: spec.StageRLHF, Adapter: in.Adapter.Name}, bulkPatience)
	defer work.end()
	if digest, stored := strings.CutPrefix(in.Plan.Preferences, spec.StorePrefix); stored {
		in.Preferences = spec.ArtifactRef{Kind: spec.KindPreferences, Digest: spec.Digest(digest)}
	}
	var key spec.Digest
	if !in.Pairs.IsZero() {
		if key, err = collectedKey(in); err != nil {
			return result, err
		}
		if in.Preferences.IsZero() {
			in.Preferences, _, err = recall(work.ctx, work.store, collectStage, key, func(r spec.ArtifactRef) []spec.ArtifactRef { return []spec.ArtifactRef{r} })
			if err != nil || in.Preferences.IsZero() {
				return result, err
			}
		}
	}
	rows, err := c.preferred(work, in)
	if err != nil {
		return result, err
	}
	files, result, err := sides(rows, in.Plan.EvalPercent)
	if err != nil {
		return result, err
	}
	var from []spec.Digest
	if !in.Preferences.IsZero() {
		from = []spec.Digest{in.Preferences.Digest}
	}
	result.Preferences = in.Preferences
	if result.Ref, err = artifact.PublishBytes(work.ctx, work.store, spec.KindComparisons, files, from, nil); err != nil {
		return result, err
	}
	if result, err = spared(work.ctx, work.store, compareStage, result.Ref, result); err != nil || key == "" {
		return result, err
	}
	_, err = remember(work.ctx, work.store, collectStage, key, in.Preferences)
	return result, err
}

// preferred reads the preferences.
func (c *Control) preferred(work shift, in spec.ComparisonsInput) (rows []trl.Row, err error) {
	path := in.Plan.Preferences
	if ref := in.Preferences; !ref.IsZero() {
		folder, err := c.Cache.Materialise(work.ctx, work.store, ref)
		if err != nil {
			return nil, err
		}
		path = filepath.Join(folder, preference.DecidedFile)
		switch info, err := os.Stat(path); {
		case err != nil:
			return nil, fault.New(fault.Invalid, "preferences %s: no file %s, expected what a collection came to", ref.Digest.Short(), preference.DecidedFile)
		case info.Size() == 0:
			return nil, fault.New(fault.Invalid, "preferences %s: no pair is decided for one of its answers, expected at least one", ref.Digest.Short())
		}
	}
	_, err = trl.Read(path, func(line int, row trl.Row) error {
		if in.Plan.Method == spec.MethodDPO && (row.Tie || row.Margin > 0) {
			return fault.At(path, line, "the pair has a margin or is a tie, which DPO's loss does not know: a reward model, method ppo, does")
		}
		if _, plain := row.Prompt.Plain(); !plain {
			return fault.At(path, line, "the prompt is a chat of %d messages, expected one question: it is put into the guide's template", len(row.Prompt.Messages))
		}
		rows = append(rows, row)
		work.pulse.row()
		return nil
	})
	return rows, err
}

// sides holds out a share of the prompts, those whose hash is lowest: at least one of two or more.
func sides(rows []trl.Row, percent float64) (map[string][]byte, spec.Comparisons, error) {
	var counts spec.Comparisons
	prompts := map[string][sha256.Size]byte{}
	var order []string
	for _, row := range rows {
		prompt, _ := row.Prompt.Plain()
		if _, known := prompts[prompt]; !known {
			prompts[prompt], order = sha256.Sum256([]byte(prompt)), append(order, prompt)
		}
	}
	slices.SortFunc(order, func(a, b string) int {
		x, y := prompts[a], prompts[b]
		return cmp.Or(bytes.Compare(x[:], y[:]), cmp.Compare(a, b))
	})
	held := map[string]bool{}
	if percent > 0 {
		if len(order) < 2 {
			return nil, counts, fault.New(fault.Invalid, "preferences of one prompt only: none can be held out, expected more, or rlhf.eval_percent 0")
		}
		for _, prompt := range order[:max(1, int(math.Round(float64(len(order))*percent/100)))] {
			held[prompt] = true
		}
	}
	var trained, kept []trl.Row
	for _, row := range rows {
		if prompt, _ := row.Prompt.Plain(); held[prompt] {
			kept = append(kept, row)
		} else {
			trained = append(trained, row)
		}
	}
	counts.Train, counts.Held = len(trained), len(kept)
	sides := map[string][]trl.Row{trainFile: trained}
	if counts.Held > 0 {
		sides[evalFile] = kept
	}
	files := make(map[string][]byte, len(sides))
	for name, side := range sides {
		var lines bytes.Buffer
		if err := trl.WriteRows(&lines, side); err != nil {
			return nil, counts, err
		}
		files[name] = lines.Bytes()
	}
	return files, counts, nil
}
