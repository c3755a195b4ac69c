//go:build torch

package tensor

import (
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/internal/testdevice"
	"elara/spec/fault"
)

func TestDeviceThatIsNotThereIsRefusedAtTheStart(t *testing.T) {
	for device, says := range map[string]string{
		"gpu": "expected cpu or cuda:N", "cuda": "expected cpu or cuda:N", "cuda:x": "expected cpu or cuda:N", "cuda:-1": "expected cpu or cuda:N",
		"cuda:200": "expected cpu or cuda:N", "cuda:99": "device cuda:99: ",
	} {
		_, err := Start(Options{Device: device})
		require.ErrorContains(t, err, says, device)
		require.Equal(t, fault.Invalid, fault.KindOf(err))
		require.NotContains(t, err.Error(), "\n")
		require.Equal(t, strings.HasPrefix(says, "device"), strings.Contains(err.Error(), "(elara doctor says"), "what a machine lacks comes with what to do: %v", err)
	}
}

func TestTensorsLieOnTheDeviceUnderTestAndComeBack(t *testing.T) {
	on(t, func(e *Engine) {
		require.Equal(t, testdevice.Name(), e.Device())
		require.Equal(t, testdevice.Name() != CPU, e.Half())
		x := e.FromFloat32([]float32{1, 2, 3}, 3)
		e.Wait()
		require.Equal(t, []float32{2, 4, 6}, x.Add(x).Float32s())
		if testdevice.Name() == CPU {
			require.Zero(t, e.PeakMemory())
		} else {
			require.NotZero(t, e.PeakMemory())
		}
	})
}

// A goroutine that ends inside Do takes its thread along; the next thread computes in the same form.
func TestFormOutlivesTheThread(t *testing.T) {
	e := started(t, true)
	require.Error(t, e.Do(func() error { runtime.Goexit(); return nil }))
	require.NoError(t, e.Do(func() error {
		e.Zeros(Float16, 2, 3).RMSNorm(e.Zeros(Float16, 3), 1e-5) // the fused kernel does not know the type
		return nil
	}))
}
