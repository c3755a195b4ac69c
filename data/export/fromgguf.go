package export

import (
	"errors"
	"slices"
	"strings"

	"elara/data/gguf"
	"elara/data/modelconfig"
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
	given, err := modelconfig.LlamaFromGGUF(file)
	if err != nil {
		return llama{}, err
	}
	c := llamaOf(given)
	if divisors, err := file.Tensor(ropeFreqs); err == nil {
		c.divisors = make([]float32, divisors.Elements())
		if err := file.ReadF32(ropeFreqs, c.divisors); err != nil {
			return c, err
		}
	}
	return c, nil
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
