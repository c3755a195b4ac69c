package gguf

import "elara/data/floats"

// Blocks of the K types hold 256 values in runs, each with a scale of its own that is stored in a few bits of a common
// float16 one.
const (
	superValues  = 256
	packedScales = 12 // bytes of the eight scales and eight minimums of a Q4_K block, 6 bits each
)

// unpackScale gives the scale and the minimum of one of the eight runs of a Q4_K block. The low 6 bits of the first eight
// bytes are the first four scales and the first four minimums; the others have 4 bits in the last four bytes, and their
// high two in the tops of the first eight.
func unpackScale(packed []byte, run int) (scale, minimum byte) {
	if run < 4 {
		return packed[run] & 63, packed[run+4] & 63
	}
	return packed[run+4]&15 | packed[run-4]>>6<<4, packed[run+4]>>4 | packed[run]>>6<<4
}

func packScale(packed []byte, run int, scale, minimum byte) {
	if run < 4 {
		packed[run], packed[run+4] = scale, minimum
		return
	}
	packed[run+4] = scale&15 | minimum&15<<4
	packed[run-4] |= scale >> 4 << 6
	packed[run] |= minimum >> 4 << 6
}

// affine is what tells Q4_K and Q5_K apart. A block of both is scale, minimum, packed scales, for Q5_K the fifth bits, then
// for each pair of runs 32 bytes with the low 4 bits of the first in their low halves and those of the second in their
// high halves. The fifth bit of value i of run r is bit r of byte i.
type affine struct {
	top    int // the highest level
	fifths int // bytes of the fifth bits
	tries  int // how many other scales are tried, and where the first of them lies
	first  float32
}

func fourBits() affine { return affine{top: 15, tries: 20, first: -1} }
func fiveBits() affine { return affine{top: 31, fifths: 32, tries: 15, first: -0.5} }

func (a affine) blockBytes() int { return 2 + 2 + packedScales + a.fifths + superValues/2 }

func (a affine) dequantize(dst []float32, src []byte) {
	for size := a.blockBytes(); len(dst) > 0; dst, src = dst[superValues:], src[size:] {
		scale, minimum, packed := floats.Half(src), floats.Half(src[2:]), src[4:16]
		fifths, quants := src[16:16+a.fifths], src[16+a.fifths:size]
		for run := range 8 {
			s, m := unpackScale(packed, run)
			d, less := scale*float32(s), minimum*float32(m)
			for i, q := range quants[run/2*32:][:32] {
				level := q >> (4 * (run % 2)) & 15
				if a.fifths > 0 {
					level |= fifths[i] >> run & 1 << 4
				}
				// The conversion forbids a fused multiply-add, which would round once instead of twice.
				dst[run*32+i] = float32(d*float32(level)) - less
			}
		}
	}
}

// Where the parts of a Q6_K block begin: the low 4 bits of the values, their high 2 bits, the sixteen scales, the common one.
const (
	sixHigh   = superValues / 2
	sixScales = sixHigh + superValues/4
	sixCommon = sixScales + superValues/16
	sixBytes  = sixCommon + 2
)

// sixPlace says where value i of a Q6_K block has its low 4 and its high 2 bits: byte and shift of each. A block has two
// halves of 128 values; each half lays its values out in four columns of 32.
func sixPlace(i int) (low, lowShift, high, highShift int) {
	half, column, at := i/128, i%128/32, i%32
	return half*64 + column%2*32 + at, column / 2 * 4, sixHigh + half*32 + at, column * 2
}

func dequantizeQ6_K(dst []float32, src []byte) {
	for len(dst) > 0 {
		common := floats.Half(src[sixCommon:])
		for i := range superValues {
			low, lowShift, high, highShift := sixPlace(i)
			q := int8(src[low]>>lowShift&15|src[high]>>highShift&3<<4) - 32
			dst[i] = common * float32(int8(src[sixScales+i/16])) * float32(q)
		}
		dst, src = dst[superValues:], src[sixBytes:]
	}
}
