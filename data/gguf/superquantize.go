package gguf

import (
	"math"

	"elara/data/floats"
)

// quantize is ggml's quantize_row_q4_K_ref and quantize_row_q5_K_ref.
func (a affine) quantize(dst []byte, src []float32) {
	for size := a.blockBytes(); len(src) > 0; dst, src = dst[size:], src[superValues:] {
		var scales, minimums [8]float32
		var levels [superValues]byte
		for run := range 8 {
			scales[run], minimums[run] = a.fit(src[run*32:][:32], levels[run*32:][:32])
		}
		block := dst[:size]
		clear(block)
		largest, lowest := greatest(scales[:]), greatest(minimums[:])
		for run := range 8 {
			packScale(block[4:16], run, inSixBits(scales[run], largest), inSixBits(minimums[run], lowest))
		}
		floats.PutHalf(block, largest/63)
		floats.PutHalf(block[2:], lowest/63)
		common, less := floats.Half(block), floats.Half(block[2:])
		for run := range 8 {
			s, m := unpackScale(block[4:16], run)
			d, minimum := common*float32(s), less*float32(m)
			if d == 0 { // the levels of the fit stay
				continue
			}
			for i, x := range src[run*32:][:32] {
				levels[run*32+i] = byte(min(max(nearest((x+minimum)/d), 0), a.top))
			}
		}
		fifths, quants := block[16:16+a.fifths], block[16+a.fifths:]
		for i, level := range levels {
			run, at := i/32, i%32
			quants[run/2*32+at] |= level & 15 << (4 * (run % 2))
			if a.fifths > 0 {
				fifths[at] |= level >> 4 << run
			}
		}
	}
}

func greatest(values []float32) float32 {
	var most float32
	for _, v := range values {
		most = max(most, v)
	}
	return most
}

// inSixBits is a value as a share of the largest, 0 to 63.
func inSixBits(value, largest float32) byte {
	var inverse float32
	if largest > 0 {
		inverse = 63 / largest
	}
	return min(63, byte(nearest(inverse*value)))
}

// fit finds scale and minimum so that scale × level - minimum comes close to x: ggml's make_qkx2_quants with the weights
// that its two callers give. It tries some scales around the obvious one and solves the weighted least squares for each.
// Products are rounded before they are added, as the reference's are.
func (a affine) fit(x []float32, levels []byte) (scale, minimum float32) {
	top := float32(a.top)
	var squares float32
	for _, v := range x {
		squares += float32(v * v)
	}
	average := float32(math.Sqrt(float64(squares / float32(len(x)))))
	var weights [32]float32
	var sumW, sumX float32
	least, most := x[0], x[0]
	for i, v := range x {
		w := average + abs(v)
		weights[i] = w
		sumW += w
		sumX += float32(w * v)
		least, most = min(least, v), max(most, v)
	}
	least = min(least, 0)
	if most == least {
		clear(levels)
		return 0, -least
	}
	inverse := top / (most - least)
	scale = 1 / inverse
	level := func(v float32) int { return min(max(nearest(inverse*(v-least)), 0), a.top) }
	var best float32
	for i, v := range x {
		l := level(v)
		levels[i] = byte(l)
		off := float32(scale*float32(l)) + least - v
		best += float32(weights[i] * float32(off*off))
	}
	var tried [32]byte
	for try := range a.tries + 1 {
		inverse = (a.first + float32(0.1*float32(try)) + top) / (most - least)
		var sumL, sumL2, sumXL float32
		for i, v := range x {
			l := level(v)
			tried[i] = byte(l)
			w := weights[i]
			sumL += float32(w * float32(l))
			sumL2 += float32(float32(w*float32(l)) * float32(l))
			sumXL += float32(float32(w*float32(l)) * v)
		}
		determinant := float32(sumW*sumL2) - float32(sumL*sumL)
		if !(determinant > 0) {
			continue
		}
		s := (float32(sumW*sumXL) - float32(sumX*sumL)) / determinant
		m := (float32(sumL2*sumX) - float32(sumL*sumXL)) / determinant
		if m > 0 {
			m, s = 0, sumXL/sumL2
		}
		var off2 float32
		for i, v := range x {
			off := float32(s*float32(tried[i])) + m - v
			off2 += float32(weights[i] * float32(off*off))
		}
		if off2 < best {
			copy(levels, tried[:])
			best, scale, least = off2, s, m
		}
	}
	return scale, -least
}

// quantizeQ6_K is ggml's quantize_row_q6_K_ref.
func quantizeQ6_K(dst []byte, src []float32) {
	for len(src) > 0 {
		block := dst[:sixBytes]
		clear(block)
		var scales [superValues / 16]float32
		var levels [superValues]byte
		for run := range scales {
			scales[run] = fitSymmetric(src[run*16:][:16], levels[run*16:][:16])
		}
		largest := extreme(scales[:])
		if abs(largest) >= negligible {
			inverse := -128 / largest
			floats.PutHalf(block[sixCommon:], 1/inverse)
			common := floats.Half(block[sixCommon:])
			for run, scale := range scales {
				stored := int8(min(127, nearest(inverse*scale)))
				block[sixScales+run] = byte(stored)
				d := common * float32(stored)
				if d == 0 { // the levels of the fit stay
					continue
				}
				for i, x := range src[run*16:][:16] {
					levels[run*16+i] = byte(min(max(nearest(x/d), -32), 31) + 32)
				}
			}
			for i, l := range levels {
				low, lowShift, high, highShift := sixPlace(i)
				block[low] |= l & 15 << lowShift
				block[high] |= l >> 4 << highShift
			}
		}
		dst, src = dst[sixBytes:], src[superValues:]
	}
}

// negligible is below which ggml takes all values of a run for zero.
const negligible = 1e-15

// fitSymmetric finds a scale so that scale × (level - 32), with levels of 0 to 63, comes close to x: ggml's make_qx_quants
// with the squares of the values as weights, as quantize_row_q6_K_ref asks for it.
func fitSymmetric(x []float32, levels []byte) (scale float32) {
	const half = 32
	most := extreme(x)
	if abs(most) < negligible {
		clear(levels)
		return 0
	}
	level := func(v, inverse float32) int { return min(max(nearest(inverse*v), -half), half-1) }
	sums := func(inverse float32) (sumLX, sumL2 float32) {
		for _, v := range x {
			l, w := float32(level(v, inverse)), float32(v*v)
			sumLX += float32(float32(w*v) * l)
			sumL2 += float32(float32(w*l) * l)
		}
		return sumLX, sumL2
	}
	take := func(inverse float32) {
		for i, v := range x {
			levels[i] = byte(level(v, inverse) + half)
		}
	}
	inverse := -half / most
	take(inverse)
	sumLX, sumL2 := sums(inverse)
	if sumL2 != 0 {
		scale = sumLX / sumL2
	}
	best := scale * sumLX
	for try := -9; try <= 9; try++ {
		if try == 0 {
			continue
		}
		inverse = -(half + float32(0.1*float32(try))) / most
		if sumLX, sumL2 = sums(inverse); sumL2 > 0 && float32(sumLX*sumLX) > float32(best*sumL2) {
			take(inverse)
			scale = sumLX / sumL2
			best = scale * sumLX
		}
	}
	return scale
}
