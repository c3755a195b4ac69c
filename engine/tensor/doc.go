//go:build torch

// Package tensor is the only place that touches libtorch. It is a thin layer over gotch's libtch, with a few C++ files
// for what libtch lacks, and it promises five things that gotch's own high-level package does not:
//
//   - An operation costs about a microsecond: no finaliser, no lock, no ballast.
//   - Lifetimes go by scope: everything made inside Engine.Scope is freed at its end, but for what was kept or pinned.
//   - Errors never end the process: an operation panics with *Error, which names the operation, the shapes and the place
//     of the call, and Engine.Do, the one border, turns it into an error of a fault kind.
//   - An engine has one device, the CPU or a GPU. What a GPU lacks of the fused kernels it computes in portable forms, which
//     give the same up to rounding and drop the same elements (docs/gpu.md).
//   - Randomness is counter-based: a Stream is derived from names and numbers, and nothing has to be saved or restored.
//
// libtorch keeps the gradient mode, its error text and its OpenMP pool per operating system thread. So an Engine owns one
// thread, and all work is handed to it:
//
//	engine, err := tensor.Start(tensor.Options{Device: "cpu"})
//	defer engine.Close()
//	err = engine.Do(func() error {
//		engine.Scope(func() {
//			x := engine.Zeros(tensor.Float32, 2, 3)
//			y = x.Add(x).Keep()
//		})
//		return nil
//	})
//
// Tensors must not be used outside Do.
package tensor
