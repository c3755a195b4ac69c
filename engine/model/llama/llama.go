//go:build torch

package llama

import (
	"math"
	"slices"

	"elara/data/modelconfig"
	"elara/engine/model"
	"elara/engine/nn"
	"elara/engine/tensor"
)

// Model is a loaded model of one of the families.
type Model struct {
	config   modelconfig.LlamaConfig
	facts    model.Facts
	embed    *model.Embedding
	head     *model.Embedding // nil where the input embedding serves
	layers   []block
	norm     *tensor.Tensor
	cos, sin *tensor.Tensor // float32 [positions so far, head width / 2]
	tables   []*tensor.Tensor
	private  nn.Private
}

type block struct {
	inputNorm, postNorm        *tensor.Tensor
	q, k, v, o, gate, up, down *nn.Linear
	qNorm, kNorm               *tensor.Tensor // [head width], nil where the family has none
	window                     int64          // tokens that one token sees, itself included; 0: all
}

// Load reads all weights.
func Load(c modelconfig.LlamaConfig, r *model.Reader) (*Model, error) {
	m := &Model{config: c}
	d, heads, keyHeads := c.HiddenSize, c.NumAttentionHeads*c.HeadDim, c.NumKeyValueHeads*c.HeadDim
	projections, output := c.Biases()
	m.embed = &model.Embedding{Name: "model.embed_tokens", Weight: r.Weight("model.embed_tokens.weight", c.VocabSize, d)}
	for i := range c.NumHiddenLayers {
		at := model.Layer("model.layers.%d.", i)
		b := block{
			inputNorm: r.Weight(at+"input_layernorm.weight", d),
			q:         r.Linear(at+"self_attn.q_proj", d, heads, projections),
			k:         r.Linear(at+"self_attn.k_proj", d, keyHeads, projections),
			v:         r.Linear(at+"self_attn.v_proj", d, keyHeads, projections),
			o:         r.Linear(at+"self_attn.o_proj", heads, d, output),
			postNorm:  r.Weight(at+"post_attention_layernorm.weight", d),
			gate:      r.Linear(at+"mlp.gate_proj", d, c.IntermediateSize, c.MLPBias),
			up:        r.Linear(at+"mlp.up_proj", d, c.IntermediateSize, c.MLPBias),
			down:      r.Linear(at+"mlp.down_proj", c.IntermediateSize, d, c.MLPBias),
			window:    c.Window(i),
		}
		if c.HeadNorms() {
			b.qNorm, b.kNorm = r.Weight(at+"self_attn.q_norm.weight", c.HeadDim), r.Weight(at+"self_attn.k_norm.weight", c.HeadDim)
		}
		m.layers = append(m.layers, b)
	}
	m.norm = r.Weight("model.norm.weight", d)
	m.head = r.Head(c.TieWordEmbeddings, m.embed, c.VocabSize, d)
	if r.Err() != nil {
		return nil, r.Err()
	}
	m.rotary(min(c.MaxPositionEmbeddings, firstPositions))
	m.facts = model.Facts{
		Architecture: c.Family(), Vocabulary: c.VocabSize, Width: d, Layers: c.NumHiddenLayers, MaxPositions: c.MaxPositionEmbeddings,
		DType: r.DType, TiedHead: m.head == nil, EOS: c.EOS, Pad: c.Pad,
		AttentionWidth: heads,
	}
	for _, b := range m.layers {
		m.facts.Windows = append(m.facts.Windows, b.window)
	}
	return m, nil
}

// firstPositions is how long the rotary tables begin: those of Llama 3's 131,072 positions would take 67 MB and half a
// second, and few texts go beyond 2,048.
const firstPositions = 2048

// rotary tabulates the angles of as many positions. The tables before it stay: a pass that was begun with them may need them
// again on its way back. They double in size, so all of them together are less than twice the last.
func (m *Model) rotary(positions int64) {
	e, half := m.norm.Engine(), m.config.HeadDim/2
	frequencies, factor := m.config.Rope.Frequencies(m.config.RopeTheta, m.config.HeadDim)
	cos, sin := make([]float32, positions*half), make([]float32, positions*half)
	for at := range positions {
		for i, f := range frequencies {
			s, c := math.Sincos(float64(float32(at) * f))
			cos[at*half+int64(i)], sin[at*half+int64(i)] = float32(c)*factor, float32(s)*factor
		}
	}
	m.cos, m.sin = e.FromFloat32(cos, positions, half).Pin(), e.FromFloat32(sin, positions, half).Pin()
	m.tables = append(m.tables, m.cos, m.sin)
}

// angles gives the rotary tables, long enough for the pass. A position beyond the configuration's is left to Rope to refuse.
func (m *Model) angles(p *nn.Pass) (cos, sin *tensor.Tensor) {
	if len(p.Positions) > 0 {
		have, limit := m.cos.Size(0), m.config.MaxPositionEmbeddings
		if need := slices.Max(p.Positions) + 1; need > have && have < limit {
			m.rotary(min(limit, max(need, 2*have)))
		}
	}
	return m.cos, m.sin
}

// Stages implements model.Model.
func (m *Model) Stages(p *nn.Pass) (x *tensor.Tensor, stages []model.Stage) {
	e := m.norm.Engine()
	p.Private = &m.private
	at := places{positions: e.FromInt64(p.Positions)}
	at.cos, at.sin = m.angles(p)
	for i := range m.layers {
		stages = append(stages, func(x *tensor.Tensor) *tensor.Tensor { return m.block(p, i, at, x) })
	}
	stages = append(stages, func(x *tensor.Tensor) *tensor.Tensor { return x.RMSNorm(p.Own(m.norm), m.config.RMSNormEps) })
	return p.Own(m.embed.Weight).Rows(e.FromInt64(p.Tokens)), stages
}

// places are the positions of a pass with the rotary tables that reach them.
type places struct{ positions, cos, sin *tensor.Tensor }

// block runs one layer over the stream. x: [tokens, width].
func (m *Model) block(p *nn.Pass, layer int, at places, x *tensor.Tensor) *tensor.Tensor {
	b, c, tokens := m.layers[layer], m.config, int64(len(p.Tokens))
	h := x.RMSNorm(p.Own(b.inputNorm), c.RMSNormEps)
	q := b.q.Forward(p, h).View(tokens, c.NumAttentionHeads, c.HeadDim)
	k := b.k.Forward(p, h).View(tokens, c.NumKeyValueHeads, c.HeadDim)
	v := b.v.Forward(p, h).View(tokens, c.NumKeyValueHeads, c.HeadDim)
	if b.qNorm != nil {
		q, k = q.RMSNorm(p.Own(b.qNorm), c.RMSNormEps), k.RMSNorm(p.Own(b.kNorm), c.RMSNormEps)
	}
	attention := nn.Attention{Scale: 1 / math.Sqrt(float64(c.HeadDim)), Dropout: c.AttentionDropout, Window: b.window}
	a := attention.Attend(p, layer, q.Rope(at.cos, at.sin, at.positions), k.Rope(at.cos, at.sin, at.positions), v)
	a = a.View(tokens, c.NumAttentionHeads*c.HeadDim)
	if layer == len(m.layers)-1 {
		x, a = p.Thinned(x, a)
	}
	x = x.Add(b.o.Forward(p, a))
	h = x.RMSNorm(p.Own(b.postNorm), c.RMSNormEps)
	return x.Add(b.down.Forward(p, tensor.SwiGLU(b.gate.Forward(p, h), b.up.Forward(p, h))))
}

// Private implements model.Model.
func (m *Model) Private() *nn.Private { return &m.private }

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
		if b.qNorm != nil {
			all = append(all, b.qNorm, b.kNorm)
		}
	}
	return append(all, nn.Weights(m.Linears())...)
}

// Buffers implements model.Model: the rotary tables.
func (m *Model) Buffers() []*tensor.Tensor { return m.tables }

// NewCache implements model.Model.
func (m *Model) NewCache() *nn.Cache {
	c := m.config
	return nn.NewCache(m.norm.Engine(), m.facts.DType, c.NumHiddenLayers, c.NumKeyValueHeads, c.HeadDim)
}

// Facts implements model.Model.
func (m *Model) Facts() model.Facts { return m.facts }
