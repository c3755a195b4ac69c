//go:build torch

package tensor

import (
	"fmt"
	"runtime"
	"strings"

	"elara/spec/fault"
)

// Error says which operation failed, on what shapes, and where it was called.
type Error struct {
	Op      string
	Shapes  []string // of the operands, such as "float32[2 3]"
	Place   string   // file:line of the first caller outside this package
	Message string   // libtorch's own words, first line
}

func (e *Error) Error() string {
	return fmt.Sprintf("%s(%s) at %s: %s", e.Op, strings.Join(e.Shapes, ", "), e.Place, e.Message)
}

// fault gives the error its kind.
func (e *Error) fault() error { return fault.New(kindOf(e.Message), "%w", e) }

// kindOf tells by libtorch's words whose matter an error is: a lack of memory is an event that a smaller piece may survive; a
// GPU that failed may be well again, or another one is; all else is a mistake in what the operation was given.
func kindOf(message string) fault.Kind {
	for _, known := range []struct {
		kind  fault.Kind
		signs []string
	}{
		{fault.OutOfMemory, []string{"out of memory", "can't allocate memory", "not enough memory", "std::bad_alloc", "CUBLAS_STATUS_ALLOC_FAILED"}},
		{fault.Transient, []string{"CUDA error", "CUBLAS_STATUS_", "CUDNN_STATUS_"}},
	} {
		for _, sign := range known.signs {
			if strings.Contains(message, sign) {
				return known.kind
			}
		}
	}
	return fault.Invalid
}

// fail panics with an Error; Engine.Do recovers it.
func fail(op, message string, operands []*Tensor) {
	shapes := make([]string, 0, len(operands))
	for _, t := range operands {
		if t != nil {
			shapes = append(shapes, t.describe())
		}
	}
	if first, _, found := strings.Cut(message, "\nException raised from"); found {
		message = first
	}
	message = strings.Join(strings.Fields(message), " ")
	panic(&Error{Op: op, Shapes: shapes, Place: caller(), Message: message})
}

// caller finds the first frame outside this package, by its last two path elements.
func caller() string {
	var pcs [32]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs[:])])
	for {
		frame, more := frames.Next()
		if !strings.Contains(frame.Function, "engine/tensor.") || strings.HasSuffix(frame.File, "_test.go") {
			parts := strings.Split(frame.File, "/")
			if len(parts) > 2 {
				parts = parts[len(parts)-2:]
			}
			return fmt.Sprintf("%s:%d", strings.Join(parts, "/"), frame.Line)
		}
		if !more {
			return "unknown"
		}
	}
}
