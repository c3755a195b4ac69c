//go:build torch

package tensor

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/internal/testdevice"
)

// The rows of the cache lie in any order, and the first tokens come in a pass before the others.
func TestCacheAttentionIsAttention(t *testing.T) {
	const tokens = 37
	rows := make([]int32, tokens)
	for i := range rows {
		rows[i] = int32((i*11 + 5) % 41)
	}
	for _, c := range []struct {
		heads, keyHeads, width, window int64
	}{{4, 2, 4, 0}, {9, 3, 64, 0}, {6, 1, 80, 0}, {5, 5, 24, 7}, {8, 2, 16, 1}} {
		for dtype, bound := range map[DType]float64{Float32: 2e-6, BFloat16: 2e-2} {
			t.Run(fmt.Sprint(c, dtype), func(t *testing.T) {
				inEachForm(t, func(e *Engine) {
					of := func(heads int64, seed uint64) *Tensor {
						return e.FromFloat32(draw(int(tokens*heads*c.width), seed), tokens, heads, c.width).To(dtype)
					}
					q, k, v := of(c.heads, 15), of(c.keyHeads, 16), of(c.keyHeads, 17)
					want := Attention(q, k, v, alone(tokens), c.window, 0.5, 0, 0).Float32s()
					keys, values := e.Zeros(dtype, 3, c.keyHeads, c.width).Grown(41), e.Zeros(dtype, 41, c.keyHeads, c.width)
					var got []float32
					for _, part := range [][2]int64{{0, 20}, {20, 21}, {21, tokens}} {
						s := Sight{Rows: rows[:part[1]]}
						for at := part[0]; at < part[1]; at++ {
							s.Row, s.Begin, s.Length = append(s.Row, int64(rows[at])), append(s.Begin, 0), append(s.Length, at+1)
						}
						n := func(x *Tensor) *Tensor { return x.Narrow(0, part[0], part[1]-part[0]) }
						got = append(got, CacheAttention(n(q), n(k), n(v), keys, values, s, c.window, 0.5).Float32s()...)
					}
					require.InDeltaSlice(t, want, got, bound)
				})
			})
		}
	}
}

func TestGrownKeepsWhatWasThere(t *testing.T) {
	inEachForm(t, func(e *Engine) {
		got := e.FromFloat32([]float32{1, 2, 3, 4}, 2, 2).Grown(5)
		require.Equal(t, []int64{5, 2}, got.Shape())
		require.Equal(t, []float32{1, 2, 3, 4}, got.Narrow(0, 0, 2).Float32s())
	})
}

// rowsOf computes rows with and without a bias and two branches.
func rowsOf(e *Engine, x *Tensor, out int64, branches []Branch) *Tensor {
	in := x.Size(1)
	w, bias := e.FromFloat32(draw(int(in*out), 3), out, in).To(x.DType()), e.FromFloat32(draw(int(out), 4), out).To(x.DType())
	return LinearRows(x, w, bias, branches)
}

func TestLinearRowsIsLoRALinear(t *testing.T) {
	for _, size := range [][3]int64{{1, 16, 5}, {2, 64, 33}, {3, 70, 16}, {7, 33, 7}, {70, 96, 50}} {
		for dtype, bound := range map[DType]float64{Float32: 1e-5, BFloat16: 4e-2} {
			t.Run(fmt.Sprint(size, dtype), func(t *testing.T) {
				inEachForm(t, func(e *Engine) {
					rows, in, out := size[0], size[1], size[2]
					x := e.FromFloat32(draw(int(rows*in), 1), rows, in).To(dtype)
					of := func(n, m int64, seed uint64) *Tensor { return e.FromFloat32(draw(int(n*m), seed), n, m) }
					var branches []Branch
					if rows > 1 {
						branches = []Branch{
							{A: of(3, in, 5), B: of(out, 3, 6), Scale: 2, End: 1},
							{A: of(8, in, 7), B: of(out, 8, 8), Scale: 0.5, Begin: 1, End: rows},
						}
					}
					w, bias := of(out, in, 3).To(dtype), of(1, out, 4).View(out).To(dtype)
					want, got := LoRALinear(x, w, bias, branches).Float32s(), rowsOf(e, x, out, branches)
					require.Equal(t, dtype, got.DType())
					scale := 1.0
					for _, v := range want {
						scale = max(scale, math.Abs(float64(v)))
					}
					require.InDeltaSlice(t, want, got.Float32s(), bound*scale)
					logits := Logits(x, w)
					require.Equal(t, Float32, logits.DType())
					require.InDeltaSlice(t, Linear(x.To(Float32), w.To(Float32), nil).Float32s(), logits.Float32s(), bound*scale)
				})
			})
		}
	}
}

// The promise that generation rests on: a row has the same bits alone, beside others, and at any place among them.
func TestRowsOfTheCPUDoNotDependOnTheirCompany(t *testing.T) {
	if testdevice.Name() != CPU {
		t.Skip("a GPU's products depend on the number of rows in their last bits")
	}
	for _, dtype := range []DType{Float32, BFloat16} {
		for _, threads := range []int{1, 2} {
			e, err := Start(Options{Threads: threads})
			require.NoError(t, err)
			t.Cleanup(e.Close)
			require.NoError(t, e.Do(func() error {
				const in, out = 83, 45
				x := e.FromFloat32(draw(150*in, 1), 150, in).To(dtype)
				a, b := e.FromFloat32(draw(4*in, 5), 4, in), e.FromFloat32(draw(out*4, 6), out, 4)
				run := func(begin, n int64) []float32 {
					return rowsOf(e, x.Narrow(0, begin, n), out, []Branch{{A: a, B: b, Scale: 2, End: n}}).Float32s()
				}
				all := run(0, 150)
				for _, part := range [][2]int64{{0, 1}, {1, 2}, {3, 3}, {5, 4}, {9, 16}, {63, 65}, {149, 1}} {
					require.Equal(t, all[part[0]*out:(part[0]+part[1])*out], run(part[0], part[1]), "%s, rows %v, %d threads", dtype, part, threads)
				}
				return nil
			}))
		}
	}
}

func TestChooseByHand(t *testing.T) {
	inf := float32(math.Inf(1))
	ln := func(p float64) float32 { return float32(math.Log(p)) }
	// Probabilities 0.1, 0.4, 0.3, 0.2, as logits with a constant added.
	row := []float32{ln(0.1) + 7, ln(0.4) + 7, ln(0.3) + 7, ln(0.2) + 7}
	for name, c := range map[string]struct {
		logits []float32
		choice Choice
		want   int32
	}{
		"the most probable":                    {row, Choice{TopP: 1, Draw: 0.99}, 1},
		"the first of equals":                  {[]float32{1, 3, 3, 2}, Choice{TopP: 1}, 1},
		"all, in the order of ids: 0.05":       {row, Choice{Temperature: 1, TopP: 1, Draw: 0.05}, 0},
		"all, in the order of ids: 0.45":       {row, Choice{Temperature: 1, TopP: 1, Draw: 0.45}, 1},
		"all, in the order of ids: 0.55":       {row, Choice{Temperature: 1, TopP: 1, Draw: 0.55}, 2},
		"all, in the order of ids: 0.99":       {row, Choice{Temperature: 1, TopP: 1, Draw: 0.99}, 3},
		"top 2, the first 4/7: 0.57":           {row, Choice{Temperature: 1, TopP: 1, TopK: 2, Draw: 0.57}, 1},
		"top 2, the first 4/7: 0.58":           {row, Choice{Temperature: 1, TopP: 1, TopK: 2, Draw: 0.58}, 2},
		"top_p 0.7 exactly: two tokens":        {row, Choice{Temperature: 1, TopP: 0.6999, Draw: 0.99}, 2},
		"top_p above 0.7: three":               {row, Choice{Temperature: 1, TopP: 0.7001, Draw: 0.99}, 3},
		"top_p below the first":                {row, Choice{Temperature: 1, TopP: 0.01, Draw: 0.99}, 1},
		"barred":                               {row, Choice{TopP: 1, Barred: []int32{1, 2}}, 3},
		"barred, the draw is over the rest":    {row, Choice{Temperature: 1, TopP: 1, Barred: []int32{1}, Draw: 0.17}, 2},
		"temperature 0.5: 1, 16, 9, 4 of 30":   {row, Choice{Temperature: 0.5, TopP: 1, Draw: 0.0334}, 1},
		"temperature 0.5: 26 of 30 before it":  {row, Choice{Temperature: 0.5, TopP: 1, Draw: 0.868}, 3},
		"not a number":                         {[]float32{1, float32(math.NaN()), 2}, Choice{TopP: 1}, -1},
		"not a number at the beginning":        {[]float32{float32(math.NaN()), 1, 2}, Choice{TopP: 1}, -1},
		"infinite":                             {[]float32{1, inf, 2}, Choice{Temperature: 1, TopP: 1}, -1},
		"nothing":                              {[]float32{-inf, -inf}, Choice{TopP: 1}, -1},
		"impossible ones are never drawn: 0":   {[]float32{-inf, 1, -inf, 1}, Choice{Temperature: 1, TopP: 1, Draw: 0}, 1},
		"impossible ones are never drawn: end": {[]float32{1, -inf, 1, -inf}, Choice{Temperature: 1, TopP: 1, Draw: 1 - 1e-16}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			inEachForm(t, func(e *Engine) {
				c.choice.LogProbs = true
				got := Choose(e.FromFloat32(c.logits, 1, int64(len(c.logits))), []Choice{c.choice})[0]
				require.Equal(t, c.want, got.ID)
				if c.logits[0] != row[0] || len(c.logits) != len(row) {
					return
				}
				p := []float64{0.1, 0.4, 0.3, 0.2}
				require.InDelta(t, math.Log(p[got.ID]), got.ModelLogProb, 1e-6)
				if c.choice.Temperature == 0.5 {
					require.InDelta(t, math.Log(p[got.ID]*p[got.ID]/0.3), got.LogProb, 1e-6)
				} else {
					require.InDelta(t, got.ModelLogProb, got.LogProb, 0)
				}
			})
		})
	}
}

// Drawn many times from a long row, tokens come as often as a sorted list of all says, whatever part of it may be drawn from.
func TestChooseDrawsFromWhatSortingWouldLeave(t *testing.T) {
	const n, draws = 5000, 4000
	logits := draw(n, 9)
	for i := range logits {
		logits[i] *= 6
	}
	for _, c := range []Choice{{Temperature: 1, TopP: 1}, {Temperature: 0.7, TopP: 0.9}, {Temperature: 1, TopP: 0.9999}, {Temperature: 1.5, TopP: 1, TopK: 600}, {Temperature: 1, TopP: 0.5, TopK: 3}} {
		t.Run(fmt.Sprintf("%+v", c), func(t *testing.T) {
			order, total := make([]int, n), 0.0
			weight := func(i int) float64 { return math.Exp(float64(logits[i]) / c.Temperature) }
			for i := range order {
				order[i], total = i, total+weight(i)
			}
			slices.SortStableFunc(order, func(a, b int) int { return int(math.Copysign(1, weight(b)-weight(a))) })
			kept, sum := map[int32]float64{}, 0.0
			for _, i := range order {
				if len(kept) > 0 && (c.TopP < 1 && sum >= c.TopP*total || c.TopK > 0 && len(kept) == c.TopK) {
					break
				}
				kept[int32(i)], sum = weight(i), sum+weight(i)
			}
			inEachForm(t, func(e *Engine) {
				x := e.FromFloat32(logits, 1, n)
				seen, wide := map[int32]float64{}, 0.0
				for i := range draws {
					c.Draw = (float64(i) + 0.5) / draws // evenly over [0, 1): each token as often as its share, give or take one
					id := Choose(x, []Choice{c})[0].ID
					require.Contains(t, kept, id)
					seen[id]++
				}
				for id, w := range kept {
					wide = max(wide, math.Abs(seen[id]-w/sum*draws))
				}
				require.LessOrEqual(t, wide, 1.01)
			})
		})
	}
}
