//go:build torch

package recipes

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"

	"elara/data/instruct"
	"elara/data/preference"
	"elara/engine/lora"
	"elara/engine/nn"
	"elara/spec"
	"elara/spec/fault"
)

// Answered is a question, or a whole prompt where the reward model was trained without an audience, and an answer to it.
type Answered struct{ Question, Answer string }

// Rewarded is what a reward model says of an answer.
type Rewarded struct {
	Score  float64 `json:"score"`  // as transformers gives it
	Reward float64 `json:"reward"` // the score less the center of reward.json
}

// ScoreReward lets the reward model in dir score answers, in float32 arithmetic and in the form that it was trained on.
func (r *Runner) ScoreReward(ctx context.Context, path, dir string, answers []Answered, each func(Rewarded) error) error {
	return r.over(ctx, path, dir, func(b *base) error {
		report, err := readReward(dir, b)
		if err != nil {
			return err
		}
		form := pairing{tok: b.tok, audience: report.Audience, maxLength: report.MaxLength}
		rows := make([]nn.Row, len(answers))
		for i, a := range answers {
			if rows[i], err = form.scored(a); err != nil {
				return &TextError{Index: i, Err: err}
			}
		}
		return r.with(b, dir, lora.LoadScorer, func(a *lora.Adapter) error {
			scores, err := scoreRows(ctx, r.Engine, b.model, a.Slot(), a.Score, rows, evalBatch)
			if err != nil {
				return err
			}
			for i, score := range scores {
				if !finite(score) {
					return &TextError{Index: i, Err: fault.New(fault.Diverged, "the score is %v", score)}
				}
				if err := each(Rewarded{Score: score, Reward: score - report.Center}); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// scored gives the row of one answer.
func (p pairing) scored(a Answered) (row nn.Row, err error) {
	prompt, err := promptText(preference.Prompt{Text: a.Question}, p.audience)
	if err != nil {
		return row, err
	}
	if row.Tokens, err = p.whole(prompt + a.Answer); err == nil && len(row.Tokens) > p.maxLength {
		err = fault.New(fault.Invalid, "prompt and answer have %d tokens, expected at most the %d of the reward model", len(row.Tokens), p.maxLength)
	}
	return row, err
}

// readReward reads a reward model's reward.json, and refuses one that was made over another base or tokenizer, or under another
// template: its scores would be numbers without a meaning.
func readReward(dir string, b *base) (report spec.RewardReport, err error) {
	file := filepath.Join(dir, rewardFile)
	data, err := os.ReadFile(file)
	if err != nil {
		return report, fault.At(file, 0, "cannot be read, expected the folder of a reward model: %w", err)
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&report); err != nil {
		return report, fault.At(file, 0, "not a reward model's description: %w", err)
	}
	template, err := instruct.Guide().Hash()
	if err != nil {
		return report, err
	}
	weights, err := baseDigest(b.key.path)
	if err != nil {
		return report, err
	}
	for _, made := range []struct {
		over        string
		want, found spec.Digest
	}{{"base", report.Base, weights}, {"tokenizer", report.Tokenizer, b.tok.Hash()}, {"template", report.Template, template}} {
		if made.want != made.found {
			return report, fault.At(file, 0, "reward model of another %s: made over %s, this one is %s", made.over, made.want.Short(), made.found.Short())
		}
	}
	return report, nil
}
