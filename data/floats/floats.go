package floats

import (
	"encoding/binary"
	"math"
	"math/bits"

	"elara/spec/fault"
)

// Decode reads numbers of a type, under its name in safetensors, into dst. They must be exactly as many. Float64 is rounded
// to the nearest float32; the others are kept.
func Decode(dst []float32, dtype string, src []byte) error {
	size := map[string]int{"F64": 8, "F32": 4, "F16": 2, "BF16": 2}[dtype]
	if size == 0 {
		return fault.New(fault.Invalid, "type %s, expected F64, F32, F16 or BF16", dtype)
	}
	if len(src) != size*len(dst) {
		return fault.New(fault.Invalid, "%d bytes, expected %d for %d numbers of type %s", len(src), size*len(dst), len(dst), dtype)
	}
	for i := range dst {
		switch at := src[i*size:]; dtype {
		case "F64":
			dst[i] = float32(math.Float64frombits(binary.LittleEndian.Uint64(at)))
		case "F32":
			dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(at))
		case "F16":
			dst[i] = Half(at)
		case "BF16":
			dst[i] = Brain(at)
		}
	}
	return nil
}

// Brain widens the bfloat16 at the start of b, exactly.
func Brain(b []byte) float32 {
	return math.Float32frombits(uint32(binary.LittleEndian.Uint16(b)) << 16)
}

// PutBrain narrows to the nearest bfloat16, ties to even; what is too large becomes infinite.
func PutBrain(dst []byte, v float32) {
	b := math.Float32bits(v)
	binary.LittleEndian.PutUint16(dst, uint16((b+0x7fff+b>>16&1)>>16))
}

// Half widens the IEEE half at the start of b, exactly.
func Half(b []byte) float32 {
	half := uint32(binary.LittleEndian.Uint16(b))
	sign, exponent, fraction := half>>15<<31, half>>10&0x1f, half&0x3ff
	switch {
	case exponent == 0x1f: // infinity or NaN, whose payload is kept
		return math.Float32frombits(sign | 0x7f800000 | fraction<<13)
	case exponent != 0: // the bias grows from 15 to 127
		return math.Float32frombits(sign | (exponent+112)<<23 | fraction<<13)
	case fraction == 0:
		return math.Float32frombits(sign)
	}
	// A subnormal half is a normal float32: shift its leading one out.
	shift := uint32(bits.LeadingZeros32(fraction)) - 21
	return math.Float32frombits(sign | (113-shift)<<23 | (fraction<<shift&0x3ff)<<13)
}

// PutHalf narrows to the nearest IEEE half, ties to even; what is too large becomes infinite.
func PutHalf(dst []byte, v float32) {
	bits := math.Float32bits(v)
	sign, magnitude := uint16(bits>>16&0x8000), bits&0x7fffffff
	var half uint32
	switch {
	case magnitude >= 0x47800000: // 65536 and above; NaN does not come here
		half = 0x7c00
	case magnitude >= 0x38800000: // a normal half: the bias shrinks from 127 to 15, and a carry may reach the exponent
		half = (magnitude - 112<<23 + 0xfff + magnitude>>13&1) >> 13
	default: // a subnormal half is a multiple of 2^-24; adding 0.5 makes the processor round to it
		half = math.Float32bits(math.Float32frombits(magnitude)+0.5) - 0x3f000000
	}
	binary.LittleEndian.PutUint16(dst, sign|uint16(half))
}
