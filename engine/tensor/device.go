//go:build torch

package tensor

import (
	"strconv"
	"strings"

	"elara/spec/fault"
)

// CPU is the device that every machine has. The first GPU is "cuda:0".
const CPU = "cpu"

// Options say where an engine computes.
type Options struct {
	Device  string // "cpu" or "cuda:N"; empty: the CPU
	Threads int    // CPU cores that libtorch may use; 0: its own choice
	// Portable lets the CPU compute as a GPU would: in the operations and the types that it takes there. It is slower, and for
	// tests of what a machine without a GPU could not test otherwise.
	Portable bool
}

// gpuOf gives the number of the GPU that a device names, or -1 for the CPU.
func gpuOf(device string) (int, error) {
	if device == CPU {
		return -1, nil
	}
	if text, named := strings.CutPrefix(device, "cuda:"); named {
		if n, err := strconv.ParseUint(text, 10, 7); err == nil { // libtorch counts devices in a byte with a sign
			return int(n), nil
		}
	}
	return 0, fault.New(fault.Invalid, "device %q, expected cpu or cuda:N, N being the number of a GPU from 0 on", device)
}

// Device is where the engine's tensors lie: "cpu" or "cuda:N".
func (e *Engine) Device() string { return e.options.Device }

// Half reports whether fp16 is float16 here: a GPU has units for it, a CPU would only be slower.
func (e *Engine) Half() bool { return e.gpu >= 0 || e.options.Portable }
