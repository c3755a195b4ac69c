//go:build torch

package llama

import (
	"math"

	"elara/engine/model"
	"elara/engine/nn"
	"elara/engine/tensor"
)

// Model is a loaded Llama.
type Model struct {
	config   Config
	facts    model.Facts
	embed    *model.Embedding
	head     *model.Embedding // nil where the input embedding serves
	layers   []block
	norm     *tensor.Tensor
	cos, sin *tensor.Tensor // float32 [positions, head width / 2]
}

type block struct {
	inputNorm, postNorm        *tensor.Tensor
	q, k, v, o, gate, up, down *nn.Linear
}

// Load reads all weights.
func Load(c Config, r *model.Reader) (*Model, error) {
	m := &Model{config: c}
	d, heads, keyHeads := c.HiddenSize, c.NumAttentionHeads*c.HeadDim, c.NumKeyValueHeads*c.HeadDim
	m.embed = &model.Embedding{Name: "model.embed_tokens", Weight: r.Weight("model.embed_tokens.weight", c.VocabSize, d)}
	for i := range c.NumHiddenLayers {
		at := model.Layer("model.layers.%d.", i)
		m.layers = append(m.layers, block{
			inputNorm: r.Weight(at+"input_layernorm.weight", d),
			q:         r.Linear(at+"self_attn.q_proj", d, heads, c.AttentionBias),
			k:         r.Linear(at+"self_attn.k_proj", d, keyHeads, c.AttentionBias),
			v:         r.Linear(at+"self_attn.v_proj", d, keyHeads, c.AttentionBias),
			o:         r.Linear(at+"self_attn.o_proj", heads, d, c.AttentionBias),
			postNorm:  r.Weight(at+"post_attention_layernorm.weight", d),
			gate:      r.Linear(at+"mlp.gate_proj", d, c.IntermediateSize, c.MLPBias),
			up:        r.Linear(at+"mlp.up_proj", d, c.IntermediateSize, c.MLPBias),
			down:      r.Linear(at+"mlp.down_proj", c.IntermediateSize, d, c.MLPBias),
		})
	}
	m.norm = r.Weight("model.norm.weight", d)
	if !c.TieWordEmbeddings {
		m.head = &model.Embedding{Name: "lm_head", Weight: r.Weight("lm_head.weight", c.VocabSize, d)}
	}
	if r.Err() != nil {
		return nil, r.Err()
	}
	m.rotary(r.Engine)
	m.facts = model.Facts{
		Dropout:      c.AttentionDropout,
		Architecture: "llama", Vocabulary: c.VocabSize, Width: d, Layers: c.NumHiddenLayers, MaxPositions: c.MaxPositionEmbeddings,
		DType: r.DType, TiedHead: c.TieWordEmbeddings,
	}
	return m, nil
}

// rotary tabulates the angles position * theta^(-2i/width) as transformers does: the frequencies in float32.
func (m *Model) rotary(e *tensor.Engine) {
	half, positions := m.config.HeadDim/2, m.config.MaxPositionEmbeddings
	cos, sin := make([]float32, positions*half), make([]float32, positions*half)
	for i := range half {
		frequency := 1 / float32(math.Pow(m.config.RopeTheta, float64(float32(2*i)/float32(m.config.HeadDim))))
		for at := range positions {
			angle := float64(float32(at) * frequency)
			cos[at*half+i], sin[at*half+i] = float32(math.Cos(angle)), float32(math.Sin(angle))
		}
	}
	m.cos, m.sin = e.FromFloat32(cos, positions, half).Pin(), e.FromFloat32(sin, positions, half).Pin()
}

// Hidden implements model.Model.
func (m *Model) Hidden(p *nn.Pass) *tensor.Tensor {
	e, c := m.norm.Engine(), m.config
	tokens := int64(len(p.Tokens))
	positions := e.FromInt64(p.Positions)
	attention := nn.Attention{Scale: 1 / math.Sqrt(float64(c.HeadDim)), Dropout: c.AttentionDropout}
	x := m.embed.Weight.Rows(e.FromInt64(p.Tokens)) // [tokens, width]
	for i, b := range m.layers {
		h := x.RMSNorm(b.inputNorm, c.RMSNormEps)
		q := b.q.Forward(p, h).View(tokens, c.NumAttentionHeads, c.HeadDim).Rope(m.cos, m.sin, positions)
		k := b.k.Forward(p, h).View(tokens, c.NumKeyValueHeads, c.HeadDim).Rope(m.cos, m.sin, positions)
		v := b.v.Forward(p, h).View(tokens, c.NumKeyValueHeads, c.HeadDim)
		a := attention.Attend(p, i, q, k, v)
		x = x.Add(b.o.Forward(p, a.View(tokens, c.NumAttentionHeads*c.HeadDim)))
		h = x.RMSNorm(b.postNorm, c.RMSNormEps)
		x = x.Add(b.down.Forward(p, tensor.SwiGLU(b.gate.Forward(p, h), b.up.Forward(p, h))))
	}
	return x.RMSNorm(m.norm, c.RMSNormEps)
}

// Head implements model.Model.
func (m *Model) Head() *tensor.Tensor {
	if m.head != nil {
		return m.head.Weight
	}
	return m.embed.Weight
}

// Linears implements model.Model.
func (m *Model) Linears() []*nn.Linear {
	var all []*nn.Linear
	for _, b := range m.layers {
		all = append(all, b.q, b.k, b.v, b.o, b.gate, b.up, b.down)
	}
	return all
}

// Embeddings implements model.Model.
func (m *Model) Embeddings() []*model.Embedding {
	if m.head != nil {
		return []*model.Embedding{m.embed, m.head}
	}
	return []*model.Embedding{m.embed}
}

// Weights implements model.Model.
func (m *Model) Weights() []*tensor.Tensor {
	all := []*tensor.Tensor{m.norm}
	for _, emb := range m.Embeddings() {
		all = append(all, emb.Weight)
	}
	for _, b := range m.layers {
		all = append(all, b.inputNorm, b.postNorm)
	}
	return append(all, nn.Weights(m.Linears())...)
}

// Buffers implements model.Model: the rotary tables.
func (m *Model) Buffers() []*tensor.Tensor { return []*tensor.Tensor{m.cos, m.sin} }

// NewCache implements model.Model.
func (m *Model) NewCache(slots, positions int64) *nn.Cache {
	c := m.config
	return nn.NewCache(m.norm.Engine(), m.facts.DType, c.NumHiddenLayers, slots, positions, c.NumKeyValueHeads, c.HeadDim)
}

// Facts implements model.Model.
func (m *Model) Facts() model.Facts { return m.facts }
