//go:build torch

package recipes

import (
	"math"
	"os"
	"strconv"
	"strings"
	"time"

	"elara/engine/model"
	"elara/engine/nn"
	"elara/engine/tensor"
)

// utilisation sets what a step computes against what the device could have computed in its time.
type utilisation struct {
	engine *tensor.Engine
	peak   float64 // FLOP/s
	done   float64 // useful FLOPs so far
	begin  time.Time
}

// utilisation begins to measure a step over weights of a type. It must run inside Engine.Do.
func (r *Runner) utilisation(dtype tensor.DType) *utilisation {
	peak := r.matmulPeak(dtype)
	return &utilisation{engine: r.Engine, peak: peak, begin: time.Now()}
}

// share is the measured share of the peak since the beginning, from 0 to 1. It must run inside Engine.Do.
func (u *utilisation) share() float64 {
	u.engine.Wait()
	return min(1, u.done/max(time.Since(u.begin).Seconds(), 1e-9)/u.peak)
}

// add counts a micro-batch.
func (u *utilisation) add(m model.Model, p *nn.Pass) { u.done += usefulFLOPs(m, p) }

// usefulFLOPs is what a training pass has to multiply and add, two operations each, over T tokens of the packed stream and P
// predictions. Tokens that rows share are computed once and count once; padding there is none; what is computed a second time
// on the way back (gradient checkpointing, the attention's scores) does not count.
//
//   - a linear layer [in, out]: 2 T in out for its product and as much for the gradient of its input; as much again for the
//     gradient of the weight where that is trained;
//   - its LoRA branch of rank r: three products of 2 T r (in + out);
//   - attention: 12 times its width, all heads together, for every pair of a token and one it sees: two products forth, four
//     back;
//   - the head: as a linear layer over P rows.
//
// Norms, activations and the softmax are left out. The gradient of the embedded tokens counts though a frozen embedding does not
// need it: less than one part in a hundred from three layers on.
func usefulFLOPs(m model.Model, p *nn.Pass) float64 {
	tokens, facts := float64(len(p.Tokens)), m.Facts()
	flops := matrixFLOPs(m.Head(), float64(len(p.At)))
	for _, l := range m.Linears() {
		flops += matrixFLOPs(l.Weight, tokens)
		if b := l.Branch(p.Adapter); b != nil {
			flops += 6 * tokens * float64(b.A.Size(0)) * float64(l.In()+l.Out())
		}
	}
	for _, window := range facts.Windows {
		flops += 12 * float64(facts.AttentionWidth) * seenPairs(p.Segments, window)
	}
	return flops
}

func matrixFLOPs(w *tensor.Tensor, rows float64) float64 {
	products := 2.0
	if w.RequiresGrad() {
		products = 3
	}
	return products * 2 * rows * float64(w.Numel())
}

// seenPairs counts for each token those that it sees, itself among them.
func seenPairs(s tensor.Segments, window int64) float64 {
	var pairs int64
	before := make([]int64, len(s.Parents)) // tokens that a segment goes on from
	for i, parent := range s.Parents {
		if parent >= 0 {
			before[i] = before[parent] + s.Offsets[parent+1] - s.Offsets[parent]
		}
		for at := range s.Offsets[i+1] - s.Offsets[i] {
			seen := before[i] + at + 1
			if window > 0 {
				seen = min(seen, window)
			}
			pairs += seen
		}
	}
	return float64(pairs)
}

// matmulPeak is how many FLOP/s products of square matrices reach at their best, in weights of a type; it is measured once. It
// must run inside Engine.Do.
func (r *Runner) matmulPeak(dtype tensor.DType) float64 {
	if peak, known := r.peak[dtype]; known {
		return peak
	}
	const attempts = 8
	side := int64(1024)
	switch {
	case r.Engine.Device() != tensor.CPU:
		side = 8192 // less does not fill a GPU
	case dtype == tensor.Float16:
		side = 128 // a CPU has no units for it, and takes seconds for more
	}
	best := time.Duration(1<<63 - 1)
	r.Engine.Scope(func() {
		r.Engine.NoGrad(func() {
			a := r.Engine.Zeros(tensor.Float32, side, side).Uniform(-1, 1, tensor.Key(1)).To(dtype)
			product := func() {
				tensor.Linear(a, a, nil).Free()
				r.Engine.Wait()
			}
			product() // the first one prepares the kernel
			for range attempts {
				begin := time.Now()
				product()
				best = min(best, time.Since(begin))
			}
		})
	})
	if r.peak == nil {
		r.peak = map[tensor.DType]float64{}
	}
	r.peak[dtype] = 2 * math.Pow(float64(side), 3) / best.Seconds()
	return r.peak[dtype]
}

// peakMemory is the most memory that tensors have held on a GPU, or this process on a CPU, in bytes; 0 where the system does not
// say. It must run inside Engine.Do.
func (r *Runner) peakMemory() int64 {
	if r.Engine.Device() != tensor.CPU {
		return r.Engine.PeakMemory()
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil { // not Linux: nobody is told
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if value, found := strings.CutPrefix(line, "VmHWM:"); found {
			kilobytes, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			if err != nil { // a kernel that counts otherwise
				return 0
			}
			return kilobytes * 1024
		}
	}
	return 0
}
