//go:build torch

// Package lora puts low-rank adapters (Hu et al., arXiv 2106.09685) on the linear layers of a model, as PEFT does it:
//
//	x ──────────────┬────────────► W (frozen) ──► + ──► y
//	                └► dropout ► A ► B ► scale ──┘
//
// Which layers, with which rank and scale, is decided by their names (targets.go): ends of names, patterns, exclusions, layer
// indices, rules. A is drawn uniformly and B is zero, so that a new adapter changes nothing, unless init_lora_weights says
// otherwise. The scale is alpha/r, or alpha/sqrt(r) (rsLoRA, arXiv 2312.03732); with DoRA (arXiv 2402.09353) a trained magnitude
// gives each row of W + scale * B A its length.
//
// An adapter may also train weights of the base: biases, and modules_to_save, which may be embeddings, the head, norms or linear
// layers. It trains copies of its own (nn.Private), because the base is shared by adapters that train at the same time.
//
// An adapter for TaskSeqCls has a scalar head beside (Adapter.Score): a reward model, or a value model that goes on from one.
//
// Saved folders (adapter_config.json, adapter_model.safetensors) go both ways between PEFT and this package. Embeddings in a folder
// take the place of the base's; over a base that is shared (LoadShared) they are left out where they only add rows. What a
// configuration or a folder asks for and this package does not do is refused by name, such as LoRA on an embedding; so is, in a
// new configuration, what names nothing.
//
//	adapter, err := lora.New(m, slot, config, key)
//	if err != nil {
//		return err
//	}
//	defer adapter.Detach()
package lora
