//go:build torch

package tensor

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// The matrix [[3, 0], [0, -2], [0, 0]] has the singular values 3 and 2.
func TestDecompositionsGiveBackTheMatrix(t *testing.T) {
	on(t, func(e *Engine) {
		e.Scope(func() {
			m := e.FromFloat32([]float32{3, 0, 0, -2, 0, 0}, 3, 2)
			u, s, vh := m.SVD()
			require.InDeltaSlice(t, []float32{3, 2}, s.Float32s(), 1e-6)
			require.Equal(t, []int64{3, 2}, u.Shape())
			require.InDeltaSlice(t, m.Float32s(), u.Mul(s).MatMul(vh).Float32s(), 1e-6)
			q, r := m.QR()
			require.InDeltaSlice(t, m.Float32s(), q.MatMul(r).Float32s(), 1e-6)
			require.InDeltaSlice(t, []float32{1, 0, 0, 1}, q.T().MatMul(q).Float32s(), 1e-6)
		})
	})
}

func TestHollowTensorIsFilledAndEmptiedInPlace(t *testing.T) {
	on(t, func(e *Engine) {
		e.Scope(func() {
			hollow, held := e.Hollow(Float32, 2, 3), e.Hollow(Float32, 2, 3)
			e.Scope(func() { held.Become(e.FromFloat32([]float32{1, 2, 3, 4, 5, 6}, 2, 3)) })
			require.Equal(t, []float32{1, 2, 3, 4, 5, 6}, held.Float32s())
			held.Become(hollow)
			require.Equal(t, make([]float32, 6), held.Float32s())
			require.Panics(t, func() { held.Become(e.Zeros(Float32, 3, 2)) })
		})
	})
}

// A tensor larger than a piece is read in several; the file may be read again.
func TestLargeTensorIsReadPieceByPiece(t *testing.T) {
	on(t, func(e *Engine) {
		e.Scope(func() {
			rows := int64(loadPiece/4/1000 + 7)
			want := e.Zeros(Float32, rows, 1000).Uniform(-1, 1, 5)
			data, err := EncodeSafetensors(map[string]*Tensor{"large": want, "small": want.Narrow(0, 0, 1).Contiguous()}, nil)
			require.NoError(t, err)
			path := filepath.Join(t.TempDir(), "t.safetensors")
			require.NoError(t, os.WriteFile(path, data, 0o644))
			file, err := OpenSafetensors(path)
			require.NoError(t, err)
			for range 2 {
				got, err := file.Load(e, "large")
				require.NoError(t, err)
				require.Equal(t, want.Bytes(), got.Bytes())
			}
			require.NoError(t, file.Close())
		})
	})
}
