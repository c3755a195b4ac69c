//go:build torch

package sample

import (
	"context"
	"math"
	"slices"

	"elara/engine/model"
	"elara/engine/nn"
	"elara/engine/tensor"
	"elara/spec/fault"
)

// Options say how the next token is chosen and when to stop.
type Options struct {
	Adapter      int // slot of the adapter on the model, or nn.NoAdapter
	MaxNewTokens int
	Temperature  float64 // 0: the most probable token
	TopP         float64 // 1: all tokens; smaller: the fewest most probable ones that together reach it
	Seed         uint64
	Stop         []int32 // a sequence ends when it produces one of these; the token is part of the result
}

// Generate continues each prompt and gives the new tokens only. It must run inside engine.Do; ctx is looked at between steps.
func Generate(ctx context.Context, m model.Model, prompts [][]int32, o Options) ([][]int32, error) {
	facts := m.Facts()
	longest := 0
	for i, p := range prompts {
		if len(p) == 0 {
			return nil, fault.New(fault.Invalid, "prompt %d is empty", i+1)
		}
		longest = max(longest, len(p))
	}
	if room := int(facts.MaxPositions); longest+o.MaxNewTokens > room {
		return nil, fault.New(fault.Invalid, "a prompt of %d tokens and %d new ones exceed the model's %d positions", longest, o.MaxNewTokens, room)
	}
	out := make([][]int32, len(prompts))
	if o.MaxNewTokens <= 0 || len(prompts) == 0 {
		return out, nil
	}
	e := m.Head().Engine()
	var err error
	e.Scope(func() {
		e.NoGrad(func() { err = run(ctx, m, prompts, o, int64(longest+o.MaxNewTokens), out) })
	})
	return out, err
}

func run(ctx context.Context, m model.Model, prompts [][]int32, o Options, positions int64, out [][]int32) error {
	e := m.Head().Engine()
	cache := m.NewCache(int64(len(prompts)), positions)
	pass := nn.NewPass(prompts)
	pass.Adapter = o.Adapter
	cache.Prefill = true
	for slot, p := range prompts {
		for range p {
			cache.Slot = append(cache.Slot, int64(slot))
		}
	}
	pass.Cache = cache
	var last []int64 // row of each live sequence whose logits come next
	for _, end := range pass.Offsets[1:] {
		last = append(last, end-1)
	}
	live := make([]int, len(prompts))
	for i := range live {
		live[i] = i
	}
	for len(live) > 0 {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		var logits []float32
		e.Scope(func() {
			h := model.Hidden(m, pass).Rows(e.FromInt64(last))
			logits = tensor.Linear(h, pass.Head(m.Head()), nil).Float32s() // [live, vocabulary]
		})
		vocabulary := len(logits) / len(live)
		next := &nn.Pass{Cache: cache, Adapter: o.Adapter}
		var slots, rows []int64
		var still []int
		for i, slot := range live {
			key := tensor.Key(o.Seed).Named("sample").Derive(uint64(slot)).Derive(uint64(len(out[slot])))
			id, err := choose(logits[i*vocabulary:(i+1)*vocabulary], o, key)
			if err != nil {
				return err
			}
			out[slot] = append(out[slot], id)
			if slices.Contains(o.Stop, id) || len(out[slot]) == o.MaxNewTokens {
				continue
			}
			next.Tokens = append(next.Tokens, int64(id))
			next.Positions = append(next.Positions, int64(len(prompts[slot])+len(out[slot])-1))
			slots = append(slots, int64(slot))
			rows = append(rows, int64(len(rows)))
			still = append(still, slot)
		}
		cache.Prefill, cache.Slot = false, slots
		pass, last, live = next, rows, still
	}
	return nil
}

// choose picks the next token from one row of logits.
func choose(logits []float32, o Options, key tensor.Key) (int32, error) {
	best := 0
	for i, l := range logits {
		if l > logits[best] {
			best = i
		}
	}
	if top := float64(logits[best]); math.IsNaN(top) || math.IsInf(top, 0) || math.IsNaN(float64(logits[0])) {
		return 0, fault.New(fault.Diverged, "the model's logits are not finite")
	}
	if o.Temperature == 0 {
		return int32(best), nil
	}
	order := make([]int32, len(logits))
	weight := make([]float64, len(logits))
	var total float64
	for i, l := range logits {
		order[i] = int32(i)
		weight[i] = math.Exp(float64(l-logits[best]) / o.Temperature)
		total += weight[i]
	}
	// Descending probability, ascending id among equals: the order is part of the result.
	slices.SortFunc(order, func(a, b int32) int {
		if weight[a] != weight[b] {
			if weight[a] > weight[b] {
				return -1
			}
			return 1
		}
		return int(a - b)
	})
	var kept float64
	n := 0
	for n < len(order) && (n == 0 || kept < o.TopP*total) {
		kept += weight[order[n]]
		n++
	}
	draw := key.Unit() * kept
	for _, id := range order[:n] {
		if draw -= weight[id]; draw < 0 {
			return id, nil
		}
	}
	return order[n-1], nil
}
