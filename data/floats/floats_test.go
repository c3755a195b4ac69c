package floats_test

import (
	"encoding/binary"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/data/floats"
	"elara/spec/fault"
)

func TestEveryHalfAndBrainComesBackFromFloat32(t *testing.T) {
	for bits := range 1 << 16 {
		b, got := binary.LittleEndian.AppendUint16(nil, uint16(bits)), make([]byte, 2)
		if half := floats.Half(b); half == half { // no NaN
			floats.PutHalf(got, half)
			require.Equal(t, b, got)
		}
		if brain := floats.Brain(b); brain == brain {
			floats.PutBrain(got, brain)
			require.Equal(t, b, got)
		}
	}
}

// The expected halves were worked out by hand: the grid is 2^-10 wide above 1, and 2^-24 below 2^-14.
func TestNarrowingGoesToTheNearestTiesToEven(t *testing.T) {
	for v, want := range map[float32]uint16{
		1 + 0x1p-11: 0x3c00, 1 + 3*0x1p-11: 0x3c02, 1 + 0x1p-11 + 0x1p-20: 0x3c01, -1: 0xbc00,
		0x1p-25: 0, 3 * 0x1p-25: 2, 0x1p-24: 1, 0x1p-14 - 0x1p-26: 0x400, 65504: 0x7bff, 65519.9: 0x7bff, 65520: 0x7c00, 1e30: 0x7c00,
	} {
		got := make([]byte, 2)
		floats.PutHalf(got, v)
		require.Equal(t, want, binary.LittleEndian.Uint16(got), "%v", v)
	}
	got := make([]byte, 2)
	floats.PutBrain(got, 1+0x1p-8)
	require.Equal(t, uint16(0x3f80), binary.LittleEndian.Uint16(got))
}

func TestDecodeReadsEachType(t *testing.T) {
	for dtype, data := range map[string][]byte{
		"F64":  binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, math.Float64bits(1.5)), math.Float64bits(-2)),
		"F32":  {0, 0, 0xc0, 0x3f, 0, 0, 0, 0xc0},
		"F16":  {0, 0x3e, 0, 0xc0},
		"BF16": {0xc0, 0x3f, 0, 0xc0},
	} {
		values := make([]float32, 2)
		require.NoError(t, floats.Decode(values, dtype, data))
		require.Equal(t, []float32{1.5, -2}, values)
		require.ErrorContains(t, floats.Decode(values, dtype, data[1:]), "expected")
	}
	err := floats.Decode(nil, "I64", nil)
	require.EqualError(t, err, "type I64, expected F64, F32, F16 or BF16")
	require.True(t, fault.Is(err, fault.Invalid))
}
