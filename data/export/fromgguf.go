package export

import (
	"errors"
	"slices"
	"strings"

	"elara/data/gguf"
	"elara/spec/fault"
)

// openGGUF opens a GGUF file of the Llama kind as a model of transformers: a base that came as one file.
func openGGUF(path string) (_ config, _ Weights, err error) {
	file, err := gguf.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, file.Close())
		}
	}()
	c, err := llamaFromGGUF(file)
	if err != nil {
		return nil, nil, err
	}
	return c, newGGUFWeights(file, c), nil
}

func llamaFromGGUF(file *gguf.File) (llama, error) {
	var c llama
	arch, err := file.String(architectureKey)
	if err != nil {
		return c, err
	}
	if !slices.Contains([]string{"llama", "qwen2", "qwen3"}, arch) {
		return c, fault.At(file.Path(), 0, "architecture %q is not supported as a base, expected llama, qwen2 or qwen3", arch)
	}
	c.family = arch
	number := func(key string, into *int, absent int) {
		if *into = absent; err != nil || absent > 0 && !file.Has(arch+"."+key) {
			return
		}
		var n uint64
		if n, err = file.Uint(arch + "." + key); err == nil && n > 1<<24 {
			err = fault.At(file.Path(), 0, "metadata key %q is %d, expected less", arch+"."+key, n)
		}
		*into = int(n)
	}
	number("embedding_length", &c.hidden, 0)
	number("feed_forward_length", &c.inner, 0)
	number("block_count", &c.blocks, 0)
	number("attention.head_count", &c.heads, 0)
	number("attention.head_count_kv", &c.keyHeads, c.heads)
	number("attention.key_length", &c.headDim, c.hidden/max(c.heads, 1))
	number("context_length", &c.positions, 0)
	if err != nil {
		return c, err
	}
	for _, key := range []string{"rope.scaling.type", "expert_count", "attention.sliding_window"} {
		if file.Has(arch + "." + key) {
			return c, fault.At(file.Path(), 0, "metadata key %q is not supported in a base, expected it to be absent", arch+"."+key)
		}
	}
	if c.eps, err = file.Float(arch + ".attention.layer_norm_rms_epsilon"); err != nil {
		return c, err
	}
	if c.theta = 10000; file.Has(arch + ".rope.freq_base") {
		if c.theta, err = file.Float(arch + ".rope.freq_base"); err != nil {
			return c, err
		}
	}
	embedding, err := file.Tensor("token_embd.weight")
	if err != nil {
		return c, err
	}
	c.vocabulary = embedding.Shape[0]
	_, err = file.Tensor("output.weight")
	c.tied = err != nil
	if divisors, err := file.Tensor(ropeFreqs); err == nil {
		c.divisors = make([]float32, divisors.Elements())
		if err := file.ReadF32(ropeFreqs, c.divisors); err != nil {
			return c, err
		}
	}
	return c, c.check(file.Path())
}

// check refuses sizes that no model has.
func (c llama) check(path string) error {
	for name, n := range map[string]int{"vocab_size": c.vocabulary, "hidden_size": c.hidden, "intermediate_size": c.inner,
		"num_hidden_layers": c.blocks, "num_attention_heads": c.heads, "num_key_value_heads": c.keyHeads, "head_dim": c.headDim,
		"max_position_embeddings": c.positions} {
		if n <= 0 || n > 1<<24 {
			return fault.At(path, 0, "%s is %d, expected a positive number", name, n)
		}
	}
	if c.heads%c.keyHeads != 0 || c.headDim%2 != 0 || !(c.eps > 0) || !(c.theta > 0) {
		return fault.At(path, 0, "%d heads over %d key heads of width %d, rms_norm_eps %v and rope_theta %v: "+
			"expected a multiple, an even width and positive numbers", c.heads, c.keyHeads, c.headDim, c.eps, c.theta)
	}
	return nil
}

// ggufWeights gives the tensors of a file under their names in transformers, in the order of rows that they have there.
type ggufWeights struct {
	file  *gguf.File
	place map[string]placed // by name in transformers
}

// newGGUFWeights gives each of the file's tensors its name in transformers, and to queries and keys their heads.
func newGGUFWeights(file *gguf.File, c llama) *ggufWeights {
	w, names := &ggufWeights{file: file, place: map[string]placed{}}, hfNames()
	for _, t := range file.Tensors() {
		if t.Name == ropeFreqs {
			continue
		}
		from := names.Replace(t.Name)
		p := placed{from: from, to: t.Name, shape: t.Shape}
		if c.arch() == "llama" && strings.Contains(t.Name, ".attn_q.") {
			p.heads = c.heads
		}
		if c.arch() == "llama" && strings.Contains(t.Name, ".attn_k.") {
			p.heads = c.keyHeads
		}
		w.place[from] = p
	}
	return w
}

// hfNames makes of a tensor's name that in transformers. An unknown name stays, and has no place in the model then.
func hfNames() *strings.Replacer {
	return strings.NewReplacer(
		"token_embd.", "model.embed_tokens.", "output_norm.", "model.norm.", "attn_output.", "self_attn.o_proj.", "output.", "lm_head.",
		"blk.", "model.layers.", "attn_q_norm.", "self_attn.q_norm.", "attn_k_norm.", "self_attn.k_norm.", "attn_q.", "self_attn.q_proj.",
		"attn_k.", "self_attn.k_proj.", "attn_v.", "self_attn.v_proj.", "ffn_gate.", "mlp.gate_proj.", "ffn_up.", "mlp.up_proj.",
		"ffn_down.", "mlp.down_proj.", "attn_norm.", "input_layernorm.", "ffn_norm.", "post_attention_layernorm.",
	)
}

func (w *ggufWeights) Names() []string {
	var names []string
	for name := range w.place {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (w *ggufWeights) Shape(name string) ([]int, bool) {
	p, found := w.place[name]
	return p.shape, found
}

func (w *ggufWeights) ReadF32(name string, dst []float32) error {
	p, found := w.place[name]
	if !found {
		return fault.At(w.file.Path(), 0, "weight %q is missing", name)
	}
	if err := w.file.ReadF32(p.to, dst); err != nil {
		return err
	}
	if p.heads > 0 {
		copy(dst, separate(dst, p.heads, p.shape[0]))
	}
	return nil
}

func (w *ggufWeights) Close() error { return w.file.Close() }
