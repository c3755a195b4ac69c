package gguf

import (
	"encoding/binary"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/spec/fault"
)

// image composes a GGUF file byte by byte.
type image []byte

func header(version uint32, tensors, keys uint64) image {
	return image("GGUF").u32(version).u64(tensors).u64(keys)
}

func (b image) u8(n uint8) image   { return append(b, n) }
func (b image) u32(n uint32) image { return binary.LittleEndian.AppendUint32(b, n) }
func (b image) u64(n uint64) image { return binary.LittleEndian.AppendUint64(b, n) }
func (b image) text(s string) image {
	return append(b.u64(uint64(len(s))), s...)
}

// tensor appends a tensor's description.
func (b image) tensor(name string, kind Type, offset uint64, dims ...uint64) image {
	b = b.text(name).u32(uint32(len(dims)))
	for _, n := range dims {
		b = b.u64(n)
	}
	return b.u32(uint32(kind)).u64(offset)
}

// data pads to the alignment and appends n bytes of tensor data.
func (b image) data(n int) image {
	for len(b)%defaultAlignment != 0 {
		b = append(b, 0)
	}
	return append(b, make([]byte, n)...)
}

func TestCorruptHeadersAreRefusedWithTheirPlace(t *testing.T) {
	const huge = uint64(1) << 62
	for _, c := range []struct {
		name     string
		bytes    image
		expected string
		kind     fault.Kind
	}{
		{"bad magic", append(image("GGML"), make([]byte, 30)...), `file begins with "GGML", expected "GGUF"`, fault.Corrupt},
		{"version 1", header(1, 0, 0), "GGUF version is 1, expected 2 or 3", fault.Corrupt},
		{"version 4", header(4, 0, 0), "GGUF version is 4, expected 2 or 3", fault.Corrupt},
		{"big-endian", header(3<<24, 0, 0), "file is big-endian, expected a little-endian", fault.Corrupt},
		{"more tensors than fit", header(3, huge, 0), "the number of tensors at byte 8 says 4611686018427387904, expected at most 0", fault.Corrupt},
		{"tensors that fit only without their descriptions", append(header(3, 2, 0), make([]byte, 41)...), "the number of tensors at byte 8 says 2, expected at most 1 in the 49 bytes", fault.Corrupt},
		{"more keys than fit", header(3, 0, huge), "the number of metadata keys at byte 16 says 4611686018427387904, expected at most 0", fault.Corrupt},
		{"key longer than the file", header(3, 0, 1).u64(huge).u64(0), "a metadata key at byte 32 needs 4611686018427387904 bytes, expected at most the 8 left", fault.Corrupt},
		{"key length near 2^64", header(3, 0, 1).u64(^uint64(0)).u64(0), "needs 18446744073709551615 bytes", fault.Corrupt},
		{"empty key", header(3, 0, 1).text("").u64(0), `a metadata key at byte 24 is "", expected non-empty UTF-8`, fault.Corrupt},
		{"key not UTF-8", header(3, 0, 1).text("\xff").u64(0), `a metadata key at byte 24 is "\xff", expected non-empty UTF-8`, fault.Corrupt},
		{"key twice", header(3, 0, 2).text("k").u32(0).u8(1).text("k").u32(0).u8(1), `metadata key "k" appears twice`, fault.Corrupt},
		{"unknown value type", header(3, 0, 1).text("k").u32(13).u8(1), `metadata key "k" has type number 13, expected 0 to 12`, fault.Corrupt},
		{"bool 2", header(3, 0, 1).text("k").u32(7).u8(2), `metadata key "k" at byte 37 holds the bool 2, expected 0 or 1`, fault.Corrupt},
		{"value cut off", header(3, 0, 1).text("k").u32(10).u32(1), `the value of metadata key "k" at byte 37 needs 8 bytes, expected at most the 4 left`, fault.Corrupt},
		{"array longer than the file", header(3, 0, 1).text("k").u32(9).u32(4).u64(huge).u32(1), `the length of the array "k" at byte 41 says 4611686018427387904, expected at most 1`, fault.Corrupt},
		{"array of arrays", header(3, 0, 1).text("k").u32(9).u32(9).u64(0), `metadata key "k" is an array of arrays`, fault.Invalid},
		{"alignment not a power of two", header(3, 0, 1).text(alignmentKey).u32(4).u32(24), `metadata key "general.alignment" is 24 of type uint32, expected a power of two`, fault.Corrupt},
		{"alignment zero", header(3, 0, 1).text(alignmentKey).u32(4).u32(0), `metadata key "general.alignment" is 0`, fault.Corrupt},
		{"alignment of another type", header(3, 0, 1).text(alignmentKey).u32(10).u64(32), `is 32 of type uint64, expected a power of two of type uint32`, fault.Corrupt},
		{"five dimensions", header(3, 1, 0).tensor("t", F32, 0, 1, 1, 1, 1, 1), `tensor "t" has 5 dimensions, expected at most 4`, fault.Corrupt},
		{"dimension zero", header(3, 1, 0).tensor("t", F32, 0, 4, 0), `tensor "t" has size 0 in dimension 1`, fault.Corrupt},
		{"product overflows", header(3, 1, 0).tensor("t", F32, 0, huge, 4), `tensor "t" has size 4 in dimension 1, expected at least 1 and a product below 2^63`, fault.Corrupt},
		{"size overflows", header(3, 1, 0).tensor("t", F32, 0, huge), `expected a size below 2^63 bytes`, fault.Corrupt},
		{"type not read", header(3, 1, 0).tensor("t", 10, 0, 256), `tensor "t" has type Q2_K, expected F32, F16, BF16, Q8_0, Q6_K, Q5_K, Q5_0, Q4_K, Q4_1 or Q4_0`, fault.Invalid},
		{"type unknown", header(3, 1, 0).tensor("t", 99, 0, 256), `tensor "t" has type number 99, expected F32`, fault.Invalid},
		{"row not whole blocks", header(3, 1, 0).tensor("t", Q4_0, 0, 16, 2).data(64), `tensor "t" of type Q4_0 has rows of 16 values, expected a multiple of 32`, fault.Corrupt},
		{"unaligned", header(3, 1, 0).tensor("t", F32, 4, 8).data(64), `tensor "t" lies at offset 4, expected a multiple of 32`, fault.Corrupt},
		{"beyond the end", header(3, 1, 0).tensor("t", F32, 32, 9).data(64), `tensor "t" needs 36 bytes at offset 32 of the tensor data, expected it to end within the file's 128 bytes`, fault.Corrupt},
		{"offset near 2^64", header(3, 1, 0).tensor("t", F32, ^uint64(31), 8).data(64), `needs 32 bytes at offset 18446744073709551584`, fault.Corrupt},
		{"no tensor data", header(3, 1, 0).tensor("t", F32, 0, 8), `needs 32 bytes at offset 0`, fault.Corrupt},
		{"tensor twice", header(3, 2, 0).tensor("t", F32, 0, 8).tensor("t", F32, 32, 8).data(64), `tensor "t" appears twice`, fault.Corrupt},
		{"overlap", header(3, 2, 0).tensor("late", F32, 32, 8).tensor("early", F32, 0, 9).data(64), `tensor "late" at byte 160 overlaps tensor "early" of 36 bytes at byte 128`, fault.Corrupt},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := parse("model.gguf", c.bytes)
			require.ErrorContains(t, err, "model.gguf: ")
			require.ErrorContains(t, err, c.expected)
			require.Equal(t, c.kind, fault.KindOf(err))
			require.NotContains(t, err.Error(), "\n")
		})
	}
}

func TestSmallestFilesAreRead(t *testing.T) {
	file, err := parse("v2", header(2, 2, 1).text(alignmentKey).u32(4).u32(32).
		tensor("b", F32, 32, 8).tensor("a", F32, 0).data(64))
	require.NoError(t, err)
	require.Equal(t, 2, file.Version())
	scalar, err := file.Tensor("a")
	require.NoError(t, err)
	require.Equal(t, 1, scalar.Elements())
	require.Empty(t, scalar.Shape)
	require.NoError(t, file.ReadF32("b", make([]float32, 8)))
}

func TestEveryPrefixOfAFileIsRefused(t *testing.T) {
	whole, err := os.ReadFile("testdata/every.gguf")
	require.NoError(t, err)
	// The writer pads the end; the last tensor's own bytes are what must be there.
	end := len(strings.TrimRight(string(whole), "\x00"))
	for n := range end {
		_, err := parse("cut.gguf", whole[:n])
		require.True(t, fault.Is(err, fault.Corrupt), "first %d bytes: %v", n, err)
	}
	_, err = parse("whole.gguf", whole)
	require.NoError(t, err)
}

// A file is refused with a located error, or everything it offers can be read.
func FuzzParse(f *testing.F) {
	whole, err := os.ReadFile("testdata/every.gguf")
	require.NoError(f, err)
	f.Add(whole)
	f.Add([]byte(header(3, 1, 0).tensor("t", Q8_0, 0, 32, 2).data(68)))
	f.Add([]byte(header(3, 0, 1).text("k").u32(9).u32(8).u64(1).text("v")))
	f.Fuzz(func(t *testing.T, bytes []byte) {
		file, err := parse("fuzz.gguf", bytes)
		if err != nil {
			require.Contains(t, err.Error(), "fuzz.gguf: ")
			require.NotEmpty(t, fault.KindOf(err))
			return
		}
		for _, tensor := range file.Tensors() {
			require.NoError(t, file.ReadF32(tensor.Name, make([]float32, tensor.Elements())))
		}
		for _, key := range file.Keys() {
			require.True(t, file.Has(key))
		}
	})
}
