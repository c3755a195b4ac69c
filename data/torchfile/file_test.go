package torchfile

import (
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/spec/fault"
)

// golden is what testdata/peer/make.py saw in its own tensors.
type golden struct {
	Tensors []struct {
		Name, DType string
		Shape       []int64
		Bytes       string // row by row, little-endian, in hexadecimal
		Shares      string // the first tensor over the same storage
	}
}

func readGolden(t *testing.T) golden {
	t.Helper()
	text, err := os.ReadFile("testdata/golden.json")
	require.NoError(t, err)
	var g golden
	require.NoError(t, json.Unmarshal(text, &g))
	require.Len(t, g.Tensors, 21)
	return g
}

func open(t *testing.T, path string) *File {
	t.Helper()
	file, err := Open(path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, file.Close()) })
	return file
}

func TestTensorsAreThoseThatTorchSaved(t *testing.T) {
	expected := readGolden(t).Tensors
	for _, name := range []string{"zip.bin", "legacy.bin", "protocol4.bin", "legacy5.bin", "nosums.bin"} {
		t.Run(name, func(t *testing.T) {
			file := open(t, filepath.Join("testdata", name))
			require.Len(t, file.Tensors(), len(expected))
			for i, want := range expected {
				tensor := file.Tensors()[i]
				require.Equal(t, want.Name, tensor.Name)
				require.Equal(t, want.DType, string(tensor.DType), want.Name)
				require.Equal(t, want.Shape, tensor.Shape, want.Name)
				data, err := file.Data(want.Name)
				require.NoError(t, err)
				require.Equal(t, tensor.SizeBytes(), data.Size(), want.Name)
				bytes, err := io.ReadAll(data)
				require.NoError(t, err)
				require.Equal(t, want.Bytes, hex.EncodeToString(bytes), want.Name)
				first, err := file.Tensor(want.Shares)
				require.NoError(t, err)
				require.Equal(t, first.Storage, tensor.Storage, want.Name)
			}
		})
	}
}

func TestTensorsOfOtherStoragesShareNothing(t *testing.T) {
	file := open(t, "testdata/zip.bin")
	byStorage := map[string]int{}
	for _, tensor := range file.Tensors() {
		byStorage[tensor.Storage]++
	}
	base, err := file.Tensor("f32")
	require.NoError(t, err)
	require.Equal(t, 8, byStorage[base.Storage])
	require.Len(t, byStorage, 14)
}

func TestPartOfATensorIsReadWithoutTheRest(t *testing.T) {
	data, err := open(t, "testdata/legacy.bin").Data("i64")
	require.NoError(t, err)
	part := make([]byte, 8)
	_, err = data.ReadAt(part, 16)
	require.NoError(t, err)
	require.Equal(t, []byte{100, 0, 0, 0, 0, 0, 0, 0}, part)
	_, err = data.ReadAt(part, 24)
	require.ErrorIs(t, err, io.EOF)
}

func TestOnlyTensorsOutOfOrderAreLaidOut(t *testing.T) {
	for _, c := range []struct {
		shape, strides []int64
		want           bool
	}{
		{nil, nil, true},
		{[]int64{2, 3}, []int64{3, 1}, true},
		{[]int64{1, 3}, []int64{99, 1}, true}, // a dimension of one number may have any stride
		{[]int64{2, 1, 3}, []int64{3, 77, 1}, true},
		{[]int64{3, 2}, []int64{1, 3}, false},
		{[]int64{2, 3}, []int64{6, 2}, false},
		{[]int64{4}, []int64{0}, false},
		{[]int64{0, 5}, []int64{1, 0}, true},
	} {
		tensor := Tensor{Shape: c.shape, strides: c.strides, elements: 1}
		for _, n := range c.shape {
			tensor.elements *= n
		}
		require.Equal(t, c.want, tensor.contiguous(), "%v %v", c.shape, c.strides)
	}
}

func TestUnknownTensorIsNamed(t *testing.T) {
	_, err := open(t, "testdata/zip.bin").Data("lm_head.weight")
	require.EqualError(t, err, `testdata/zip.bin: tensor "lm_head.weight" is missing, expected it among the file's 21 tensors`)
	require.True(t, fault.Is(err, fault.Invalid))
}
