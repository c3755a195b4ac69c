package modelconfig

import (
	"math"
	"strings"

	"elara/data/gguf"
	"elara/spec/fault"
)

// LlamaFromGGUF reads the same numbers from a GGUF file's metadata. Architectures are llama, under which Mistral's files go
// too, qwen2 and qwen3.
func LlamaFromGGUF(f *gguf.File) (LlamaConfig, error) {
	c := LlamaConfig{HiddenAct: "silu"}
	arch, err := f.String("general.architecture")
	if err != nil {
		return c, err
	}
	switch arch {
	case Llama, Qwen2, Qwen3:
		c.ModelType = arch
	default:
		return c, fault.At(f.Path(), 0, "architecture %q is not supported, expected llama, qwen2 or qwen3", arch)
	}
	r := metadata{file: f, arch: arch + "."}
	c.HiddenSize = r.integer("embedding_length")
	c.IntermediateSize = r.integer("feed_forward_length")
	c.NumHiddenLayers = int(r.integer("block_count"))
	c.NumAttentionHeads = r.integer("attention.head_count")
	c.NumKeyValueHeads = r.integerOr("attention.head_count_kv", c.NumAttentionHeads)
	c.MaxPositionEmbeddings = r.integer("context_length")
	c.HeadDim = r.headDim(c.HiddenSize, c.NumAttentionHeads)
	c.RMSNormEps = r.number("attention.layer_norm_rms_epsilon")
	c.RopeTheta = 10000
	if f.Has(r.arch + "rope.freq_base") {
		c.RopeTheta = r.number("rope.freq_base")
	}
	r.refuse(c.HeadDim)
	if r.err != nil {
		return c, r.err
	}
	if err := c.weights(f); err != nil {
		return c, err
	}
	for _, key := range []string{"tokenizer.ggml.eos_token_id", "tokenizer.ggml.padding_token_id"} {
		if !f.Has(key) {
			continue
		}
		id, err := f.Uint(key)
		if err != nil {
			return c, err
		}
		if id >= uint64(c.VocabSize) {
			return c, fault.At(f.Path(), 0, "metadata key %q is %d, expected a token below %d", key, id, c.VocabSize)
		}
		if strings.HasSuffix(key, "eos_token_id") {
			c.EOS = []int32{int32(id)}
		} else {
			c.Pad = []int32{int32(id)}
		}
	}
	if err := c.check(f.Path()); err != nil {
		return c, err
	}
	c.Rope, err = ropeFromGGUF(f, c)
	return c, err
}

// metadata reads an architecture's keys and remembers the first failure.
type metadata struct {
	file *gguf.File
	arch string
	err  error
}

func (r *metadata) integer(key string) int64 {
	if r.err != nil {
		return 0
	}
	var v uint64
	if v, r.err = r.file.Uint(r.arch + key); r.err == nil && v > math.MaxInt64 {
		r.err = fault.At(r.file.Path(), 0, "metadata key %q is %d, expected less", r.arch+key, v)
	}
	return int64(v)
}

func (r *metadata) integerOr(key string, absent int64) int64 {
	if !r.file.Has(r.arch + key) {
		return absent
	}
	return r.integer(key)
}

func (r *metadata) number(key string) float64 {
	if r.err != nil {
		return 0
	}
	var v float64
	v, r.err = r.file.Float(r.arch + key)
	return v
}

func (r *metadata) headDim(width, heads int64) int64 {
	if r.err != nil || heads <= 0 {
		return 0
	}
	return r.integerOr("attention.key_length", width/heads)
}

// refuse names what a file may ask for and is not done here.
func (r *metadata) refuse(headDim int64) {
	for _, limit := range []struct {
		key      string
		expected int64
	}{
		{"attention.value_length", headDim}, {"rope.dimension_count", headDim}, {"expert_count", 0}, {"attention.sliding_window", 0},
	} {
		if v := r.integerOr(limit.key, limit.expected); r.err == nil && v != limit.expected {
			r.err = fault.At(r.file.Path(), 0, "metadata key %q is %d, which is not supported, expected %d", r.arch+limit.key, v, limit.expected)
		}
	}
	key := r.arch + "rope.scaling.type"
	if r.err != nil || !r.file.Has(key) {
		return
	}
	kind, err := r.file.String(key)
	if err == nil && kind != "none" {
		err = fault.At(r.file.Path(), 0, "rope scaling %q is not supported, expected none", kind)
	}
	r.err = err
}

// weights are what a file says through the tensors that it holds.
func (c *LlamaConfig) weights(f *gguf.File) error {
	embedding, err := f.Tensor("token_embd.weight")
	if err != nil {
		return err
	}
	if len(embedding.Shape) != 2 {
		return fault.At(f.Path(), 0, "token_embd.weight has shape %v, expected [vocabulary, width]", embedding.Shape)
	}
	c.VocabSize = int64(embedding.Shape[0])
	c.TieWordEmbeddings = !holds(f, "output.weight")
	c.AttentionBias = c.ModelType != Qwen2 && holds(f, "blk.0.attn_q.bias")
	c.MLPBias = holds(f, "blk.0.ffn_gate.bias")
	return nil
}

// holds reports whether a file has a tensor of a name.
func holds(f *gguf.File, name string) bool {
	_, err := f.Tensor(name)
	return err == nil
}

// ropeFromGGUF reads rope_freqs.weight, by which Llama 3's files divide the frequencies. The divisors follow from Llama 3's
// four numbers, three of which are the same in all its releases; others are refused, because config.json has no name for them.
func ropeFromGGUF(f *gguf.File, c LlamaConfig) (Rope, error) {
	const name = "rope_freqs.weight"
	if !holds(f, name) { // as an ordinary file
		return Rope{}, nil
	}
	info, err := f.Tensor(name)
	if err != nil {
		return Rope{}, err
	}
	divisors := make([]float32, info.Elements())
	if int64(len(divisors)) != c.HeadDim/2 {
		return Rope{}, fault.At(f.Path(), 0, "%s has %d values, expected %d", name, len(divisors), c.HeadDim/2)
	}
	if err := f.ReadF32(name, divisors); err != nil {
		return Rope{}, err
	}
	r := Rope{Type: "llama3", LowFreqFactor: 1, HighFreqFactor: 4, OriginalPositions: 8192}
	for _, d := range divisors {
		r.Factor = max(r.Factor, float64(d))
	}
	plain, _ := Rope{}.Frequencies(c.RopeTheta, c.HeadDim)
	scaled, _ := r.Frequencies(c.RopeTheta, c.HeadDim)
	for i, d := range divisors {
		if want := float64(plain[i]) / float64(scaled[i]); !(math.Abs(float64(d)-want) <= 1e-4*want) {
			return Rope{}, fault.At(f.Path(), 0, "%s[%d] is %v, expected %v as in Llama 3 with factor %v", name, i, d, want, r.Factor)
		}
	}
	return r, nil
}
