//go:build torch

package merge

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"

	"elara/engine/lora"
	"elara/engine/model"
	"elara/engine/nn"
	"elara/engine/tensor"
	"elara/spec"
	"elara/spec/fault"
)

// What the logits of a merge are compared with.
const (
	AgainstLive   = "the weighted sum of the live adapters"
	AgainstMerged = "the merged adapter, live over the base" // where the method does not give the sum
)

// Certificate says what was checked of a merge after it was written, before it got its name.
type Certificate struct {
	Method   spec.MergeMethod       `json:"method"`
	Adapters []Ingredient           `json:"adapters"`
	Base     string                 `json:"base"`
	Into     spec.MergeInto         `json:"into"`
	DType    string                 `json:"dtype"`
	Laws     Laws                   `json:"laws"`
	Against  string                 `json:"against"`
	Reloaded Likeness               `json:"reloaded"` // logits of what was read again from the files, beside Against
	Bound    float64                `json:"bound"`    // of Reloaded.MaxDifference
	Live     Likeness               `json:"live"`     // the same logits beside the weighted sum of the live adapters; bounded where the method gives it
	Files    map[string]spec.Digest `json:"files"`    // of the weights that were read again
	Holds    bool                   `json:"holds"`
}

// Ingredient is an adapter of a merge.
type Ingredient struct {
	Name   string      `json:"name"`
	Weight float64     `json:"weight"`
	Digest spec.Digest `json:"digest"` // of its adapter_model.safetensors
}

// Bounds of the largest difference of a logit. In float32 it is what adding up in another order leaves; where logits are large,
// that is a share of them. Rounding weights to bfloat16 moves each by up to 2^-9 of it, and a logit by a share of the largest
// that grows with depth.
const (
	boundFloat32      = 1e-4
	boundFloat32Share = 1e-5     // of the largest logit
	boundBFloat16     = 1.0 / 32 // of the largest logit
)

// Judge sets the verdict.
func (c *Certificate) Judge() {
	c.Bound = max(boundFloat32, boundFloat32Share*c.Reloaded.Largest)
	if c.DType == tensor.BFloat16.String() {
		c.Bound = boundBFloat16 * c.Reloaded.Largest
	}
	d := c.Reloaded.MaxDifference
	c.Holds = c.Laws.Hold() && !math.IsNaN(d) && d <= c.Bound
}

// Refusal is nil where the certificate holds, and says what does not elsewhere.
func (c *Certificate) Refusal() error {
	if c.Holds {
		return nil
	}
	return fault.New(fault.Corrupt, "merge %s has no certificate and is not published: logits differ by %.2g (bound %.2g) from %s, identity by %.2g, scale by %.2g, symmetry by %.2g (bound %.2g)",
		c.Method.Name, c.Reloaded.MaxDifference, c.Bound, c.Against,
		c.Laws.Identity.Difference, c.Laws.Scale.Difference, c.Laws.Symmetry.Difference, lawBound)
}

// Encode is certificate.json.
func (c *Certificate) Encode() ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(c); err != nil {
		return nil, fmt.Errorf("encode certificate: %w", err)
	}
	return out.Bytes(), nil
}

// Witness holds the logits that a merge is held to.
type Witness struct {
	sequences  [][]int32
	live, held *tensor.Tensor
}

// Observe computes the logits of the weighted sum of the live adapters on some sequences, and where the merge is held to an
// adapter that is on the base, those of that. The tensors belong to the current scope.
func (m *Merge) Observe(sequences [][]int32, heldTo *lora.Adapter) (*Witness, error) {
	w := &Witness{sequences: sequences}
	live := w.pass(nil)
	live.Blend = m.Live()
	passes := []*nn.Pass{live}
	if heldTo != nil {
		passes = append(passes, w.pass(heldTo))
	}
	found, err := logits(m.base, passes)
	if err != nil {
		return nil, err
	}
	w.live, w.held = found[0], found[len(found)-1]
	return w, nil
}

// pass goes through an adapter, or through the base alone.
func (w *Witness) pass(adapter *lora.Adapter) *nn.Pass {
	p := nn.NewPass(w.sequences)
	p.Adapter = nn.NoAdapter
	if adapter != nil {
		p.Adapter = adapter.Slot()
	}
	return p
}

// Compare fills in what a model that was read again says: with an adapter on it, or by itself.
func (w *Witness) Compare(m *model.Streamed, adapter *lora.Adapter, c *Certificate) error {
	found, err := logits(m, []*nn.Pass{w.pass(adapter)})
	if err != nil {
		return err
	}
	c.Reloaded = compare(w.held, found[0])
	if c.Live = c.Reloaded; w.held != w.live {
		c.Live = compare(w.live, found[0])
	}
	return nil
}
