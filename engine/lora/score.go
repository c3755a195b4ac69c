//go:build torch

package lora

import (
	"elara/engine/nn"
	"elara/spec"
)

const (
	causal      spec.TaskType = "CAUSAL_LM"
	scoreModule               = "score" // as PEFT names it in modules_to_save; it adds "classifier" of its own accord
	scoreName                 = prefix + scoreModule + ".weight"
)

// score pins a head, makes it a leaf, and gives it to the adapter.
func (a *Adapter) score(head *nn.Score) {
	head.Weight.Pin().RequireGrad()
	a.Score = head
	a.Params = append(a.Params, Param{Name: scoreName, Tensor: head.Weight})
}
