//go:build torch

package recipes

import (
	"sync"

	"elara/engine/tensor"
)

// Runner runs recipes on one engine. Recipes may run at the same time: they share the base model, and the engine takes a step
// of one after a step of another, so that four adapters train at once in the memory of one base.
//
// What each computes does not depend on which others run beside it: an adapter is the same byte for byte whether it was
// trained alone or with three more (docs/adr/0007-joint-training.md).
type Runner struct {
	Engine      *tensor.Engine
	Notice      func(string) // lines for the person who watches; nil: none
	Timings     bool         // write tokens per second into trainer_state.json
	InitAdapter string       // PEFT folder that TrainLoRA and TrainReward begin from instead of a fresh adapter; empty: fresh

	mu    sync.Mutex
	base  *base         // the last one; it is kept when nobody uses it, because the next recipe mostly wants it again
	freed chan struct{} // closed when nobody uses base any more; nil while nobody waits for that

	publishing sync.Mutex // held while an adapter's files are written

	peak map[tensor.DType]float64 // FLOP/s of matrix products, as far as measured; only inside Engine.Do
}

// dtype is the type of the frozen weights and of the stream; what is trained is float32 always. fp16 is float16 where the device
// has units for it, and float32 on a CPU, as configs warns.
func (r *Runner) dtype(bf16, fp16 bool) tensor.DType {
	switch {
	case bf16:
		return tensor.BFloat16
	case fp16 && r.Engine.Half():
		return tensor.Float16
	}
	return tensor.Float32
}

func (r *Runner) notice(line string) {
	if r.Notice != nil {
		r.Notice(line)
	}
}
