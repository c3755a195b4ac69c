package gguf

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/data/floats"
	"elara/spec/fault"
)

// golden is what testdata/peer/make.py wrote.
type golden struct {
	Tensors []struct {
		Name, Type string
		Shape      []int
		Bits       []string // of each float32, in hexadecimal
	}
	AllHalves string `json:"all_halves_sha256"` // of every float16 but NaN, widened
}

func readGolden(t *testing.T) golden {
	t.Helper()
	text, err := os.ReadFile("testdata/golden.json")
	require.NoError(t, err)
	var g golden
	require.NoError(t, json.Unmarshal(text, &g))
	return g
}

func open(t *testing.T, path string) *File {
	t.Helper()
	file, err := Open(path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, file.Close()) })
	return file
}

func TestTensorsAreThoseOfThePythonPackage(t *testing.T) {
	file := open(t, "testdata/every.gguf")
	expected := readGolden(t).Tensors
	require.Len(t, expected, 6)
	require.Len(t, file.Tensors(), len(expected))
	for i, want := range expected {
		t.Run(want.Type, func(t *testing.T) {
			tensor := file.Tensors()[i]
			require.Equal(t, want.Name, tensor.Name)
			require.Equal(t, want.Type, tensor.Type.String())
			require.Equal(t, want.Shape, tensor.Shape)
			values := make([]float32, tensor.Elements())
			require.NoError(t, file.ReadF32(want.Name, values))
			require.Len(t, want.Bits, len(values))
			for k, v := range values {
				got := fmt.Sprintf("%08x", math.Float32bits(v))
				if v != v && (want.Bits[k] == "ffc00000" || want.Bits[k] == "7fc00000") {
					continue // infinity times zero: the sign of that NaN is the processor's
				}
				require.Equal(t, want.Bits[k], got, "value %d", k)
			}
		})
	}
}

func TestEveryHalfWidensAsInNumpy(t *testing.T) {
	sum := sha256.New()
	for half := range 0x10000 {
		if half&0x7fff > 0x7c00 {
			continue // NaN
		}
		wide := floats.Half(binary.LittleEndian.AppendUint16(nil, uint16(half)))
		sum.Write(binary.LittleEndian.AppendUint32(nil, math.Float32bits(wide)))
	}
	require.Equal(t, readGolden(t).AllHalves, hex.EncodeToString(sum.Sum(nil)))
	require.True(t, math.IsNaN(float64(floats.Half([]byte{0x01, 0x7e}))))
}

func TestRealModelDequantisesAsInPython(t *testing.T) {
	path := os.Getenv("ELARA_SMOLLM2")
	if path == "" {
		t.Skip("ELARA_SMOLLM2 does not name the SmolLM2 GGUF file")
	}
	file := open(t, path)
	require.Len(t, file.Tensors(), 272)
	sum := sha256.New()
	for _, tensor := range file.Tensors() {
		values := make([]float32, tensor.Elements())
		require.NoError(t, file.ReadF32(tensor.Name, values))
		raw := make([]byte, 0, 4*len(values))
		for _, v := range values {
			raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
		}
		sum.Write(raw)
	}
	// Printed by testdata/peer/make.py for this file.
	require.Equal(t, "1034100613c22abd3cc047d99b02ed7a8d419bc245f4cf54a4736c5f699ba569", hex.EncodeToString(sum.Sum(nil)))
	embedding, err := file.Tensor("token_embd.weight")
	require.NoError(t, err)
	require.Equal(t, []int{49152, 576}, embedding.Shape)
	require.Equal(t, Q8_0, embedding.Type)
}

func TestMetadataOfEveryType(t *testing.T) {
	file := open(t, "testdata/every.gguf")
	require.Equal(t, 3, file.Version())
	require.Equal(t, "general.architecture", file.Keys()[0])
	for key, want := range map[string]uint64{"a.uint8": 200, "a.uint16": 60000, "a.uint32": 4000000000, "a.uint64": 1<<63 + 5} {
		got, err := file.Uint(key)
		require.NoError(t, err)
		require.Equal(t, want, got, key)
	}
	for key, want := range map[string]int64{"a.int8": -100, "a.int16": -30000, "a.int32": -2000000000, "a.int64": -1 << 62, "a.uint8": 200} {
		got, err := file.Int(key)
		require.NoError(t, err)
		require.Equal(t, want, got, key)
	}
	for key, want := range map[string]float64{"a.float32": float64(float32(0.1)), "a.float64": 0.1} {
		got, err := file.Float(key)
		require.NoError(t, err)
		require.Equal(t, want, got, key)
	}
	yes, err := file.Bool("a.bool")
	require.NoError(t, err)
	require.True(t, yes)
	text, err := file.String("a.string")
	require.NoError(t, err)
	require.Equal(t, "µg · 维生素", text)
	strings, err := file.Strings("a.strings")
	require.NoError(t, err)
	require.Equal(t, []string{"", "Ġdose", "x\n"}, strings)
	ints, err := file.Ints("a.ints")
	require.NoError(t, err)
	require.Equal(t, []int64{-1, 2, 3}, ints)
	floats, err := file.Floats("a.floats")
	require.NoError(t, err)
	require.Equal(t, []float64{0.5, -0.25}, floats)
	bools, err := file.Bools("a.bools")
	require.NoError(t, err)
	require.Equal(t, []bool{true, false}, bools)
	require.True(t, file.Has("a.string"))
	require.False(t, file.Has("a.b"))
}

func TestWrongQuestionsAreRefusedByName(t *testing.T) {
	file := open(t, "testdata/every.gguf")
	for name, ask := range map[string]func() error{
		`metadata key "a.b" is missing, expected a string`:                                     func() error { _, err := file.String("a.b"); return err },
		`metadata key "a.int8" is -100, expected a non-negative integer`:                       func() error { _, err := file.Uint("a.int8"); return err },
		`metadata key "a.string" is of type string, expected an integer`:                       func() error { _, err := file.Int("a.string"); return err },
		`metadata key "a.uint64" is 9223372036854775813, expected at most 9223372036854775807`: func() error { _, err := file.Int("a.uint64"); return err },
		`metadata key "a.ints" is of type array of int32, expected an array of strings`:        func() error { _, err := file.Strings("a.ints"); return err },
		`tensor "g" is missing, expected it among the file's 6 tensors`:                        func() error { return file.ReadF32("g", nil) },
		`destination has 14 elements, expected 15 for shape [3 5]`:                             func() error { return file.ReadF32("f32", make([]float32, 14)) },
	} {
		err := ask()
		require.ErrorContains(t, err, name)
		require.ErrorContains(t, err, "testdata/every.gguf")
		require.True(t, fault.Is(err, fault.Invalid), err)
	}
}

func TestReadRawIsTheStoredTensor(t *testing.T) {
	file := open(t, "testdata/every.gguf")
	raw, err := file.ReadRaw("q4_1")
	require.NoError(t, err)
	require.Len(t, raw, 12*20)
	require.Equal(t, []byte{0x00, 0x00, 0x00, 0x00}, raw[:4]) // scale and minimum of the first block are zero
}

func TestFilesThatAreNoGGUFAreRefused(t *testing.T) {
	folder := t.TempDir()
	short := filepath.Join(folder, "short.gguf")
	require.NoError(t, os.WriteFile(short, []byte("GGUF"), 0o600))
	_, err := Open(short)
	require.ErrorContains(t, err, "short.gguf: file has 4 bytes, expected a GGUF header of at least 24")
	require.True(t, fault.Is(err, fault.Corrupt))
	_, err = Open(filepath.Join(folder, "absent.gguf"))
	require.ErrorContains(t, err, "absent.gguf: no such file, expected a GGUF file")
	require.True(t, fault.Is(err, fault.Invalid))
	_, err = Open(folder)
	require.ErrorContains(t, err, "not a regular file, expected a GGUF file")
}

func TestCloseTwice(t *testing.T) {
	file, err := Open("testdata/every.gguf")
	require.NoError(t, err)
	require.NoError(t, file.Close())
	require.NoError(t, file.Close())
}
