// Package floats reads and writes the number types that weights are stored in: float16, bfloat16 and wider ones,
// little-endian, to and from float32.
//
// It promises IEEE 754's results: widening is exact, narrowing goes to the nearest, ties to even. It refuses integers.
//
//	values := make([]float32, 2)
//	err := floats.Decode(values, "BF16", []byte{0x80, 0x3f, 0x00, 0xc0}) // 1, -2
package floats
