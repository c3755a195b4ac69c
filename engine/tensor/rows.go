//go:build torch

package tensor

// #include <stdlib.h>
// #include "native.h"
import "C"

import (
	"runtime"
	"unsafe"
)

// LinearRows is LoRALinear for generating: without a graph and without dropout. On the CPU a row's result has the same bits
// whatever rows stand beside it; a GPU's products keep that up to rounding.
func LinearRows(x, w, bias *Tensor, branches []Branch) *Tensor {
	return linearRows(x, w, bias, branches, 0)
}

// Logits is x w^T in float32, whatever type x and w have, row by row as LinearRows; a GPU rounds it to that type on the way.
// x: [tokens, width], w: [vocabulary, width].
func Logits(x, w *Tensor) *Tensor { return linearRows(x, w, nil, nil, 1) }

func linearRows(x, w, bias *Tensor, branches []Branch, logits C.int) *Tensor {
	list, operands := branchList(branches)
	var out C.el_tensor
	check("linear_rows", C.el_linear_rows(&out, ptr(x), ptr(w), ptr(bias), unsafe.SliceData(list), C.int(len(list)), logits), append(operands, x, w, bias)...)
	return x.engine.native(out)
}

// Sight says where the tokens of a pass lie in a cache and what each sees. A cache has a row for each token.
type Sight struct {
	Row           []int64 // of each token: where its key and value go
	Begin, Length []int64 // the part of Rows that each token sees, its own row at the end
	Rows          []int32
}

// CacheAttention stores the keys and values of a pass in a cache and lets each token see rows of it; with a window above 0, the
// last so many of them. q: [tokens, heads, width], k and v: [tokens, key heads, width], keys and values: [rows, key heads, width].
// It records no graph. On the CPU a token's result has the same bits whatever tokens stand beside it.
func CacheAttention(q, k, v, keys, values *Tensor, s Sight, window int64, scale float64) *Tensor {
	if len(s.Begin) != len(s.Row) || len(s.Length) != len(s.Row) {
		fail("cache_attention", "the lists of rows, begins and lengths differ in length", []*Tensor{q, k, v})
	}
	var pin runtime.Pinner
	defer pin.Unpin()
	sight := C.el_sight{tokens: C.int64_t(len(s.Row)), count: C.int64_t(len(s.Rows))}
	if len(s.Row) > 0 && len(s.Rows) > 0 {
		pin.Pin(&s.Row[0])
		pin.Pin(&s.Begin[0])
		pin.Pin(&s.Length[0])
		pin.Pin(&s.Rows[0])
		sight.row, sight.begin, sight.length = dims(s.Row), dims(s.Begin), dims(s.Length)
		sight.rows = (*C.int32_t)(unsafe.Pointer(&s.Rows[0]))
	}
	var out C.el_tensor
	check("cache_attention", C.el_cache_attention(&out, ptr(q), ptr(k), ptr(v), ptr(keys), ptr(values), &sight, C.int64_t(window), C.double(scale)), q, k, v, keys, values)
	return q.engine.native(out)
}

// Grown is a copy with more rows along the first dimension; the new ones hold anything until they are written.
func (t *Tensor) Grown(rows int64) *Tensor {
	var out C.el_tensor
	check("grown", C.el_grown(&out, ptr(t), C.int64_t(rows)), t)
	return t.engine.native(out)
}

// Choice says how a token is chosen from a row of logits.
type Choice struct {
	Temperature float64 // what the logits are divided by; 0: the largest, the first among equals
	TopK        int     // of so many most probable tokens; 0: of all
	TopP        float64 // of the fewest most probable tokens that reach it; 1: of all
	Draw        float64 // from [0, 1)
	Barred      []int32 // tokens that are not chosen
	LogProbs    bool    // whether Chosen's probabilities are asked for
}

// Chosen is a token with its natural-log probability, of all tokens: Barred, TopK and TopP take nothing away.
type Chosen struct {
	ID           int32   // -1 where the logits are not finite
	LogProb      float64 // of the logits divided by the temperature
	ModelLogProb float64 // of the logits as they are
}

// Choose picks a token from each row of logits [n, vocabulary]. What it picks is a function of the row and its choice.
func Choose(logits *Tensor, choices []Choice) []Chosen {
	var pin runtime.Pinner
	defer pin.Unpin()
	n := len(choices)
	list, ids, p, model := make([]C.el_choice, n), make([]C.int64_t, n), make([]C.double, n), make([]C.double, n)
	for i, c := range choices {
		list[i] = C.el_choice{temperature: C.double(c.Temperature), top_p: C.double(c.TopP), draw: C.double(c.Draw), top_k: C.int64_t(c.TopK)}
		if len(c.Barred) > 0 {
			pin.Pin(&c.Barred[0])
			list[i].bar, list[i].barred = (*C.int32_t)(unsafe.Pointer(&c.Barred[0])), C.int(len(c.Barred))
		}
		if c.LogProbs {
			list[i].log_p = 1
		}
	}
	check("choose", C.el_choose(unsafe.SliceData(ids), unsafe.SliceData(p), unsafe.SliceData(model), ptr(logits), unsafe.SliceData(list), C.int(n)), logits)
	chosen := make([]Chosen, n)
	for i := range chosen {
		chosen[i] = Chosen{ID: int32(ids[i]), LogProb: float64(p[i]), ModelLogProb: float64(model[i])}
	}
	return chosen
}
