//go:build torch

package merge

import (
	"fmt"
	"strings"

	"elara/spec"
)

// Card is the README.md of a merge, in the form of a model card.
func (c *Certificate) Card() []byte {
	var b strings.Builder
	library := "peft"
	if c.Into == spec.IntoBase {
		library = "transformers"
	}
	fmt.Fprintf(&b, "---\nbase_model: %s\nlibrary_name: %s\npipeline_tag: text-generation\ntags: [merge, lora]\n---\n\n", c.Base, library)
	fmt.Fprintf(&b, "# %s\n\nMerged by `%s` into %s, over %s.\n\n", c.Method.Name, c.Method.CombinationType, into(c.Into), c.Base)
	fmt.Fprintf(&b, "| adapter | weight | adapter_model.safetensors |\n|---|---|---|\n")
	for _, a := range c.Adapters {
		fmt.Fprintf(&b, "| %s | %g | sha256 %s |\n", a.Name, a.Weight, a.Digest.Short())
	}
	if c.Method.Density > 0 {
		fmt.Fprintf(&b, "\nDensity %g.\n", c.Method.Density)
	}
	fmt.Fprintf(&b, "\n## Certificate\n\nChecked after writing, with what was read again from the files (certificate.json has all of it).\n\n")
	fmt.Fprintf(&b, "| what | found | bound |\n|---|---|---|\n")
	for _, law := range []struct {
		name string
		Law
	}{{"identity: one adapter with weight 1 is itself", c.Laws.Identity}, {"scale: twice the weights, twice the delta", c.Laws.Scale}, {"symmetry: the order does not matter", c.Laws.Symmetry}} {
		fmt.Fprintf(&b, "| %s | %.2g | %.2g |\n", law.name, law.Difference, law.Bound)
	}
	r := c.Reloaded
	fmt.Fprintf(&b, "| largest difference of a logit to %s (%d tokens, largest logit %.3g) | %.2g | %.2g |\n", c.Against, r.Tokens, r.Largest, r.MaxDifference, c.Bound)
	fmt.Fprintf(&b, "| the same most probable token | %.1f %% | |\n| KL, mean, nats | %.2g | |\n", 100*r.Top1Agreement, r.KL)
	if c.Against != AgainstLive {
		fmt.Fprintf(&b, "\n`%s` does not give the sum of the adapters, so its logits are compared with the merged adapter itself. From %s they are %.2g away (the same most probable token after %.1f %% of tokens, KL %.2g nats).\n",
			c.Method.CombinationType, AgainstLive, c.Live.MaxDifference, 100*c.Live.Top1Agreement, c.Live.KL)
	}
	return []byte(b.String())
}

func into(i spec.MergeInto) string {
	if i == spec.IntoBase {
		return "the base model"
	}
	return "one adapter"
}
