package gguf

import (
	"encoding/binary"
	"math"

	"elara/data/floats"
	"elara/spec/fault"
)

const blockValues = 32 // in a block of Q4_0, Q4_1, Q5_0 and Q8_0

// ReadRaw is the tensor as it is stored: a read-only view, valid until Close. Writing to it faults.
func (f *File) ReadRaw(name string) ([]byte, error) {
	t, err := f.Tensor(name)
	if err != nil {
		return nil, err
	}
	return f.contents[t.offset : t.offset+t.sizeBytes], nil
}

// ReadF32 writes the tensor, dequantised, into dst, which must have exactly its number of elements.
func (f *File) ReadF32(name string, dst []float32) error {
	t, err := f.Tensor(name)
	if err != nil {
		return err
	}
	if len(dst) != t.Elements() {
		return fault.New(fault.Invalid, "read tensor %q of %s: destination has %d elements, expected %d for shape %v",
			name, f.path, len(dst), t.Elements(), t.Shape)
	}
	src := f.contents[t.offset : t.offset+t.sizeBytes]
	switch t.Type {
	case F32:
		for i := range dst {
			dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(src[4*i:]))
		}
	case F16:
		for i := range dst {
			dst[i] = floats.Half(src[2*i:])
		}
	case BF16:
		for i := range dst {
			dst[i] = floats.Brain(src[2*i:])
		}
	case Q8_0:
		dequantizeQ8_0(dst, src)
	case Q5_0:
		dequantizeQ5_0(dst, src)
	case Q4_K:
		fourBits().dequantize(dst, src)
	case Q5_K:
		fiveBits().dequantize(dst, src)
	case Q6_K:
		dequantizeQ6_K(dst, src)
	case Q4_0:
		dequantizeQ4_0(dst, src)
	case Q4_1:
		dequantizeQ4_1(dst, src)
	default: // sizeTensor refused it at Open
		return fault.At(f.path, 0, "tensor %q has type %s, expected %s", name, t.Type, readableTypes)
	}
	return nil
}

func dequantizeQ8_0(dst []float32, src []byte) {
	const blockBytes = 2 + blockValues
	for len(dst) > 0 {
		scale := floats.Half(src)
		for i, q := range src[2:blockBytes] {
			dst[i] = float32(int8(q)) * scale
		}
		dst, src = dst[blockValues:], src[blockBytes:]
	}
}

// In blocks of four bits the low halves of the bytes hold the first 16 values, the high halves the last 16.

func dequantizeQ4_0(dst []float32, src []byte) {
	const blockBytes = 2 + blockValues/2
	for len(dst) > 0 {
		scale := floats.Half(src)
		for i, q := range src[2:blockBytes] {
			dst[i] = scale * float32(int8(q&15)-8)
			dst[i+blockValues/2] = scale * float32(int8(q>>4)-8)
		}
		dst, src = dst[blockValues:], src[blockBytes:]
	}
}

// The fifth bits of Q5_0 lie apart, in the order of the values.
func dequantizeQ5_0(dst []float32, src []byte) {
	const blockBytes = 2 + 4 + blockValues/2
	for len(dst) > 0 {
		scale, fifths := floats.Half(src), binary.LittleEndian.Uint32(src[2:])
		for i, q := range src[6:blockBytes] {
			low, high := fifths>>i&1<<4, fifths>>(i+blockValues/2)&1<<4
			dst[i] = scale * float32(int8(q&15|byte(low))-16)
			dst[i+blockValues/2] = scale * float32(int8(q>>4|byte(high))-16)
		}
		dst, src = dst[blockValues:], src[blockBytes:]
	}
}

func dequantizeQ4_1(dst []float32, src []byte) {
	const blockBytes = 2 + 2 + blockValues/2
	for len(dst) > 0 {
		scale, minimum := floats.Half(src), floats.Half(src[2:])
		for i, q := range src[4:blockBytes] {
			// The conversion forbids a fused multiply-add, which would round once instead of twice.
			dst[i] = float32(scale*float32(q&15)) + minimum
			dst[i+blockValues/2] = float32(scale*float32(q>>4)) + minimum
		}
		dst, src = dst[blockValues:], src[blockBytes:]
	}
}
