package safetensors_test

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/data/safetensors"
	"elara/spec/fault"
)

// write writes a file by hand: length of the header, header, data.
func write(t *testing.T, header string, data ...byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "model.safetensors")
	require.NoError(t, os.WriteFile(path, append(append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header...), data...), 0o600))
	return path
}

func TestTensorsAreReadAsFloat32(t *testing.T) {
	path := write(t, `{"b":{"dtype":"BF16","shape":[2,1],"data_offsets":[0,4]},"a":{"dtype":"F16","shape":[1],"data_offsets":[4,6]},`+
		`"n":{"dtype":"I64","shape":[1],"data_offsets":[6,14]}}`, 0xc0, 0x3f, 0, 0xc0, 0, 0x3e, 1, 0, 0, 0, 0, 0, 0, 0)
	file, err := safetensors.Open(path)
	require.NoError(t, err)
	defer func() { require.NoError(t, file.Close()) }()
	require.Equal(t, []string{"a", "b", "n"}, file.Names())
	shape, found := file.Shape("b")
	require.True(t, found)
	require.Equal(t, []int{2, 1}, shape)
	values := make([]float32, 2)
	require.NoError(t, file.ReadF32("b", values))
	require.Equal(t, []float32{1.5, -2}, values)
	require.NoError(t, file.ReadF32("a", values[:1]))
	require.Equal(t, float32(1.5), values[0])
	require.EqualError(t, file.ReadF32("a", values), path+`: tensor "a": 2 bytes, expected 4 for 2 numbers of type F16`)
	require.EqualError(t, file.ReadF32("n", values[:1]), path+`: tensor "n": type I64, expected F64, F32, F16 or BF16`)
	require.EqualError(t, file.ReadF32("none", nil), path+`: tensor "none" is missing`)
	_, found = file.Shape("none")
	require.False(t, found)
}

func TestBrokenFilesAreRefused(t *testing.T) {
	for _, path := range []string{
		write(t, `{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, 0, 0, 0, 0), // cut off
		write(t, `{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}`, 0, 0, 0, 0), // shape of another size
		write(t, `{"a":`), // no JSON
		write(t, `{"a":{"dtype":"F16","shape":[2],"data_offsets":[0,4]},"b":{"dtype":"F16","shape":[1],"data_offsets":[2,4]}}`, 0, 0, 0, 0), // overlap
	} {
		_, err := safetensors.Open(path)
		require.True(t, fault.Is(err, fault.Invalid), "%v", err)
		require.ErrorContains(t, err, path)
	}
	_, err := safetensors.Open(filepath.Join(t.TempDir(), "none"))
	require.ErrorContains(t, err, "no such file, expected a safetensors file")
	_, err = safetensors.Open(t.TempDir())
	require.True(t, fault.Is(err, fault.Invalid))
}
