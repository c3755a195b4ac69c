//go:build torch

package tensor

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/internal/testdevice"
	"elara/spec/fault"
)

// started gives an engine on the device under test, in the form that is asked for.
func started(t testing.TB, portable bool) *Engine {
	t.Helper()
	e, err := Start(Options{Device: testdevice.Name(), Portable: portable})
	require.NoError(t, err)
	t.Cleanup(e.Close)
	return e
}

// on runs a test's body on an engine of its own.
func on(t testing.TB, body func(e *Engine)) {
	t.Helper()
	e := started(t, false)
	require.NoError(t, e.Do(func() error { body(e); return nil }))
}

func TestScopeFreesAllButKeptAndPinned(t *testing.T) {
	on(t, func(e *Engine) {
		var kept, pinned *Tensor
		e.Scope(func() {
			e.Scope(func() {
				x := e.Zeros(Float32, 3)
				for range 10 {
					x = x.Add(x)
				}
				kept = x.Keep()
				pinned = x.Add(x).Pin()
			})
			require.Equal(t, 2, e.Live())
			require.Equal(t, []float32{0, 0, 0}, kept.Float32s())
		})
		require.Equal(t, 1, e.Live(), "a kept tensor passes to the enclosing scope only")
		pinned.Free()
		require.Zero(t, e.Live())
	})
}

func TestShapeErrorNamesOpShapesAndPlace(t *testing.T) {
	e := started(t, false)
	err := e.Do(func() error {
		e.Zeros(Float32, 2, 3).MatMul(e.Zeros(Float32, 4, 5))
		return nil
	})
	require.Equal(t, fault.Invalid, fault.KindOf(err))
	require.ErrorContains(t, err, "matmul(float32[2 3], float32[4 5]) at tensor/engine_test.go:")
	require.NotContains(t, err.Error(), "\n")
	err = e.Do(func() error {
		Linear(e.Zeros(Float32, 2, 3), e.Zeros(BFloat16, 5, 3), nil)
		return nil
	})
	require.ErrorContains(t, err, "linear(float32[2 3], bfloat16[5 3])")
	require.NoError(t, e.Do(func() error { require.Zero(t, e.Live()); return nil }), "the engine goes on, and nothing leaked")
}

func TestAnyPanicInsideDoBecomesAnError(t *testing.T) {
	e := started(t, false)
	err := e.Do(func() error { var m map[string]int; m["x"] = 1; return nil }) //nolint:govet,staticcheck // the panic is what is tested
	require.ErrorContains(t, err, "assignment to entry in nil map")
}

func TestOutOfMemoryHasItsKind(t *testing.T) {
	e := started(t, false)
	err := e.Do(func() error { e.Zeros(Float32, 1<<44); return nil })
	require.Equal(t, fault.OutOfMemory, fault.KindOf(err), "%v", err)
}

// The words are libtorch's, c10/cuda/CUDAException.cpp and ATen/cuda/Exceptions.h.
func TestErrorsOfAGPUHaveTheirKind(t *testing.T) {
	for message, want := range map[string]fault.Kind{
		"CUDA out of memory. Tried to allocate 2.00 GiB.":                                          fault.OutOfMemory,
		"CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`":               fault.OutOfMemory,
		"CUDA error: uncorrectable ECC error encountered":                                          fault.Transient,
		"CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasSgemm( handle, opa, opb)`": fault.Transient,
		"cuDNN error: CUDNN_STATUS_EXECUTION_FAILED":                                               fault.Transient,
		"mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)":                                  fault.Invalid,
	} {
		require.Equal(t, want, kindOf(message), message)
	}
}

func TestNoGradIsRestoredAfterAPanic(t *testing.T) {
	e := started(t, false)
	require.Error(t, e.Do(func() error {
		e.NoGrad(func() { e.Zeros(Float32, 2).View(3) })
		return nil
	}))
	require.NoError(t, e.Do(func() error {
		x := e.FromFloat32([]float32{3}, 1).RequireGrad()
		x.Mul(x).Backward()
		require.Equal(t, []float32{6}, x.Grad().Float32s())
		return nil
	}))
}

func TestRandomDependsOnKeyAndElementOnly(t *testing.T) {
	on(t, func(e *Engine) {
		key := Key(7).Named("dropout").Derive(3)
		long := e.Zeros(Float32, 1000).Uniform(0, 1, key).Float32s()
		short := e.Zeros(Float32, 70).Uniform(0, 1, key).Float32s()
		require.Equal(t, long[:70], short)
		other := e.Zeros(Float32, 70).Uniform(0, 1, key.Derive(1)).Float32s()
		require.NotEqual(t, short, other)
	})
}

// The moments of a million draws lie within five standard errors of the distribution's.
func TestUniformAndNormalMoments(t *testing.T) {
	const n = 1 << 20
	moments := func(values []float32) (mean, variance float64) {
		for _, v := range values {
			mean += float64(v) / n
		}
		for _, v := range values {
			variance += (float64(v) - mean) * (float64(v) - mean) / n
		}
		return mean, variance
	}
	on(t, func(e *Engine) {
		mean, variance := moments(e.Zeros(Float32, n).Uniform(-1, 1, 11).Float32s())
		require.InDelta(t, 0, mean, 5*math.Sqrt(1.0/3/n))
		require.InDelta(t, 1.0/3, variance, 0.002)
		mean, variance = moments(e.Zeros(Float32, n).Normal(2, 3, 11).Float32s())
		require.InDelta(t, 2, mean, 5*3/math.Sqrt(n))
		require.InDelta(t, 9, variance, 0.1)
	})
}

// Philox4x32-10 of counter 0 and key 0 is 6627e8d5 e169c58d bc57ac4c 9b00dbd8 (known answer of Random123). A uniform draw keeps
// the value in its upper bits; lane 0 of block 0 is element 0, lane 1 element 16.
func TestPhiloxKnownAnswer(t *testing.T) {
	on(t, func(e *Engine) {
		draws := e.Zeros(Float32, 64).Uniform(0, 1, 0).Float32s()
		for lane, word := range []uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8} {
			require.InDelta(t, float64(word)/(1<<32), float64(draws[16*lane]), 1e-7)
		}
	})
}

func TestDropoutKeepsItsShareAndScale(t *testing.T) {
	on(t, func(e *Engine) {
		ones := make([]float32, 1<<16)
		for i := range ones {
			ones[i] = 1
		}
		x := e.FromFloat32(ones, 1<<16).RequireGrad()
		y := x.Dropout(0.25, 5)
		kept := 0
		for _, v := range y.Float32s() {
			if v != 0 {
				require.InDelta(t, 1/0.75, float64(v), 1e-6)
				kept++
			}
		}
		require.InDelta(t, 0.75, float64(kept)/(1<<16), 0.01)
		y.Mul(e.FromFloat32(ones, 1<<16)).View(1, 1<<16).Mean(1).View(1).Scale(1 << 16).Backward()
		require.Equal(t, y.Float32s(), x.Grad().Float32s(), "the backward pass drops the same elements")
	})
}

func TestErrorTextIsOneLine(t *testing.T) {
	err := &Error{Op: "add", Shapes: []string{"float32[2]"}, Place: "x.go:1", Message: "no"}
	require.False(t, strings.Contains(err.Error(), "\n"))
}
