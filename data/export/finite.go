package export

import (
	"context"
	"math"
	"slices"

	"elara/data/tokenizer"
	"elara/spec/fault"
)

// checkFinite reads every placed weight and refuses NaN and infinities: a folder that is copied would carry them on.
func (m *Model) checkFinite(ctx context.Context, told func(done, total int64)) error {
	return checkFinite(ctx, m.place, m.weights, told)
}

func checkFinite(ctx context.Context, place string, weights Weights, told func(done, total int64)) error {
	names := slices.DeleteFunc(weights.Names(), isBuffer)
	var done, total int64 // bytes, as float32
	for _, name := range names {
		total += 4 * int64(elements(weights, name))
	}
	for _, name := range names {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		values := make([]float32, elements(weights, name))
		if err := weights.ReadF32(name, values); err != nil {
			return err
		}
		for at, v := range values {
			if f := float64(v); math.IsNaN(f) || math.IsInf(f, 0) {
				return fault.At(place, 0, "tensor %q: value %d is %v, expected finite numbers", name, at, v)
			}
		}
		if done += 4 * int64(len(values)); told != nil {
			told(done, total)
		}
	}
	return nil
}

func elements(weights Weights, name string) int {
	shape, _ := weights.Shape(name)
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// addsBOS reports whether the tokenizer begins a text with its beginning-of-text token.
func (m *Model) addsBOS() bool { return addsBOS(m.tokenizer) }

func addsBOS(t *tokenizer.Tokenizer) bool {
	id, _, found := t.BOS()
	ids := t.EncodeWithSpecial("")
	return found && len(ids) > 0 && ids[0] == id
}

func tokenizerAddsBOS(place string) (bool, error) {
	t, err := tokenizer.Load(place)
	if err != nil {
		return false, err
	}
	return addsBOS(t), nil
}
