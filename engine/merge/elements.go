//go:build torch

package merge

import (
	"cmp"
	"math"
	"slices"

	"elara/engine/tensor"
	"elara/spec"
)

// task is what one adapter brings to a tensor, and by how much it counts.
type task struct {
	values []float32
	weight float64
	key    tensor.Key // of what is pruned at random
}

// combine is the elementwise part of a method, on one tensor of each adapter; all have one length.
func combine(method spec.MergeMethod, tasks []task) []float32 {
	pruned := make([][]float32, len(tasks))
	for i, t := range tasks {
		switch {
		case !method.CombinationType.Prunes() || method.Density == 1:
			pruned[i] = t.values
		case method.CombinationType.PrunesAtRandom():
			pruned[i] = pruneAtRandom(t.values, method.Density, t.key)
		default:
			pruned[i] = pruneSmallest(t.values, method.Density)
		}
	}
	if method.CombinationType.Elects() {
		return elect(pruned, tasks, method.MajoritySignMethod)
	}
	return sum(pruned, tasks)
}

// sum is sum_i w_i x_i.
func sum(all [][]float32, tasks []task) []float32 {
	out := make([]float32, len(all[0]))
	for at := range out {
		var total float64
		for i, values := range all {
			total += tasks[i].weight * float64(values[at])
		}
		out[at] = float32(total)
	}
	return out
}

// elect keeps of each element the weighted values whose sign is the majority's, and averages over how many they are (sections
// 3.2 and 3.3 of TIES, arXiv 2306.01708). The majority is that of the values without their weights, as in PEFT; where there is
// none it is positive. Zeros have no sign.
func elect(all [][]float32, tasks []task, method spec.MajoritySignMethod) []float32 {
	out := make([]float32, len(all[0]))
	for at := range out {
		var majority float64
		for _, values := range all {
			if method == spec.SignFrequency {
				majority += float64(sign(values[at]))
			} else {
				majority += float64(values[at])
			}
		}
		elected := 1
		if majority < 0 {
			elected = -1
		}
		var total, n float64
		for i, values := range all {
			if sign(values[at]) == elected {
				total += tasks[i].weight * float64(values[at])
				n++
			}
		}
		out[at] = float32(total / max(n, 1))
	}
	return out
}

func sign(v float32) int { return cmp.Compare(v, 0) }

// pruneSmallest keeps the density*n elements that are largest without their sign; of equal ones the first.
func pruneSmallest(values []float32, density float64) []float32 {
	keep := int(density * float64(len(values)))
	out := make([]float32, len(values))
	if keep == 0 {
		return out
	}
	sizes := make([]float32, len(values))
	for i, v := range values {
		sizes[i] = float32(math.Abs(float64(v)))
	}
	slices.Sort(sizes)
	least := sizes[len(sizes)-keep]
	larger, _ := slices.BinarySearch(sizes, math.Nextafter32(least, math.MaxFloat32))
	equal := keep - (len(sizes) - larger) // how many of the size least still fit
	for i, v := range values {
		switch size := float32(math.Abs(float64(v))); {
		case size > least:
			out[i] = v
		case size == least && equal > 0:
			out[i] = v
			equal--
		}
	}
	return out
}

// pruneAtRandom keeps an element with probability density and divides what is kept by it (DARE, arXiv 2311.03099). Whether an
// element stays depends on the key and its place alone.
func pruneAtRandom(values []float32, density float64, key tensor.Key) []float32 {
	out := make([]float32, len(values))
	for i, v := range values {
		if key.Derive(uint64(i)).Unit() < density {
			out[i] = v / float32(density)
		}
	}
	return out
}
