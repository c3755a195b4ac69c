package gguf

import (
	"encoding/binary"
	"math"

	"elara/data/floats"
	"elara/spec/fault"
)

const writableTypes = "F32, F16, BF16, Q8_0, Q6_K, Q5_K, Q5_0, Q4_K or Q4_0"

// quantize writes values in a type, bit for bit as ggml's reference quantisers do (quantize_row_*_ref). Their number is a
// multiple of the type's block, and dst has room for exactly them. A value that the type cannot hold is an error.
func quantize(t Type, dst []byte, src []float32) error {
	limit := float32(math.MaxFloat32)
	switch t { // the largest magnitude whose float16, or whose block's float16 scale, is finite
	case F16:
		limit = maxFloat16
	case Q8_0:
		limit = maxFloat16 * 127
	case Q4_0:
		limit = maxFloat16 * 8
	case Q5_0:
		limit = maxFloat16 * 16
	case Q4_K, Q5_K: // minimums, and less than them the scales, are stored as 63rds
		limit = maxFloat16 * 63
	case Q6_K:
		limit = maxFloat16 * 128
	case BF16:
		limit = maxBFloat16
	}
	for i, x := range src {
		if !(abs(x) <= limit) {
			return fault.New(fault.Invalid, "value %d is %v, expected a finite number of at most %g for type %s", i, x, limit, t)
		}
	}
	switch t {
	case F32:
		for i, x := range src {
			binary.LittleEndian.PutUint32(dst[4*i:], math.Float32bits(x))
		}
	case F16:
		for i, x := range src {
			floats.PutHalf(dst[2*i:], x)
		}
	case BF16:
		for i, x := range src {
			floats.PutBrain(dst[2*i:], x)
		}
	case Q8_0:
		quantizeQ8_0(dst, src)
	case Q5_0:
		quantizeQ5_0(dst, src)
	case Q4_0:
		quantizeQ4_0(dst, src)
	case Q4_K:
		fourBits().quantize(dst, src)
	case Q5_K:
		fiveBits().quantize(dst, src)
	case Q6_K:
		quantizeQ6_K(dst, src)
	default:
		return fault.New(fault.Invalid, "type %s is read only, expected %s", t, writableTypes)
	}
	return nil
}

const (
	maxFloat16  = 65504
	maxBFloat16 = 0x1.fep127
)

func quantizeQ8_0(dst []byte, src []float32) {
	const blockBytes = 2 + blockValues
	for len(src) > 0 {
		scale := abs(extreme(src[:blockValues])) / 127
		floats.PutHalf(dst, scale)
		inverse := inverseOf(scale)
		for i, x := range src[:blockValues] {
			dst[2+i] = byte(int8(math.Round(float64(x * inverse)))) // halves away from zero, as C's roundf
		}
		dst, src = dst[blockBytes:], src[blockValues:]
	}
}

func quantizeQ4_0(dst []byte, src []float32) {
	const blockBytes = 2 + blockValues/2
	for len(src) > 0 {
		scale := extreme(src[:blockValues]) / -8
		floats.PutHalf(dst, scale)
		inverse := inverseOf(scale)
		level := func(x float32) byte { return byte(min(15, int8(float32(x*inverse)+8.5))) }
		for i := range blockValues / 2 {
			dst[2+i] = level(src[i]) | level(src[i+blockValues/2])<<4
		}
		dst, src = dst[blockBytes:], src[blockValues:]
	}
}

func quantizeQ5_0(dst []byte, src []float32) {
	const blockBytes = 2 + 4 + blockValues/2
	for len(src) > 0 {
		scale := extreme(src[:blockValues]) / -16
		floats.PutHalf(dst, scale)
		inverse := inverseOf(scale)
		level := func(x float32) byte { return byte(min(31, int8(float32(x*inverse)+16.5))) }
		var fifths uint32
		for i := range blockValues / 2 {
			low, high := level(src[i]), level(src[i+blockValues/2])
			dst[6+i] = low&15 | high&15<<4
			fifths |= uint32(low>>4)<<i | uint32(high>>4)<<(i+blockValues/2)
		}
		binary.LittleEndian.PutUint32(dst[2:], fifths)
		dst, src = dst[blockBytes:], src[blockValues:]
	}
}

// extreme is the value of the largest magnitude, with its sign; the first of several.
func extreme(values []float32) float32 {
	var most float32
	for _, v := range values {
		if abs(v) > abs(most) {
			most = v
		}
	}
	return most
}

func inverseOf(scale float32) float32 {
	if scale == 0 {
		return 0
	}
	return 1 / scale
}

func abs(v float32) float32 { return math.Float32frombits(math.Float32bits(v) &^ (1 << 31)) }

// nearest rounds to the nearest integer, ties to even, for magnitudes below 2^22: ggml's nearest_int. Beyond them it wraps,
// as there.
func nearest(v float32) int {
	return int(math.Float32bits(v+12582912)&0x7fffff) - 0x400000
}
