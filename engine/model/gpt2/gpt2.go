//go:build torch

package gpt2

import (
	"math"

	"elara/data/modelconfig"
	"elara/engine/model"
	"elara/engine/nn"
	"elara/engine/tensor"
)

// Model is a loaded GPT-2.
type Model struct {
	config       modelconfig.GPT2Config
	facts        model.Facts
	tokens       *model.Embedding
	head         *model.Embedding // nil where the input embedding serves
	positions    *tensor.Tensor   // [positions, width]
	layers       []block
	normW, normB *tensor.Tensor
	private      nn.Private
}

type block struct {
	norm1W, norm1B, norm2W, norm2B *tensor.Tensor
	attn, attnProj, fc, mlpProj    *nn.Linear
}

// root is what every module name begins with in transformers.
const root = "transformer."

// Load reads all weights. Checkpoints with and without the prefix "transformer." exist; module names carry it always, as
// in transformers.
func Load(c modelconfig.GPT2Config, r *model.Reader) (*Model, error) {
	if !r.Source.Has(root + "wte.weight") {
		r.Source = unprefixed{Source: r.Source, prefix: root}
	}
	m := &Model{config: c}
	d := c.NEmbd
	m.tokens = &model.Embedding{Name: root + "wte", Weight: r.Weight(root+"wte.weight", c.VocabSize, d)}
	m.positions = r.Weight(root+"wpe.weight", c.NPositions, d)
	for i := range c.NLayer {
		at := model.Layer(root+"h.%d.", i)
		m.layers = append(m.layers, block{
			norm1W: r.Weight(at+"ln_1.weight", d), norm1B: r.Weight(at+"ln_1.bias", d),
			attn:     r.Conv1D(at+"attn.c_attn", d, 3*d),
			attnProj: r.Conv1D(at+"attn.c_proj", d, d),
			norm2W:   r.Weight(at+"ln_2.weight", d), norm2B: r.Weight(at+"ln_2.bias", d),
			fc:      r.Conv1D(at+"mlp.c_fc", d, c.Inner()),
			mlpProj: r.Conv1D(at+"mlp.c_proj", c.Inner(), d),
		})
	}
	m.normW, m.normB = r.Weight(root+"ln_f.weight", d), r.Weight(root+"ln_f.bias", d)
	m.head = r.Head(c.TieWordEmbeddings, m.tokens, c.VocabSize, d)
	if r.Err() != nil {
		return nil, r.Err()
	}
	m.facts = model.Facts{
		Architecture: "gpt2", Vocabulary: c.VocabSize, Width: d, Layers: c.NLayer, MaxPositions: c.NPositions,
		DType: r.DType, TiedHead: m.head == nil, EOS: c.EOS, Pad: c.Pad, CountsFirstToken: true,
		AttentionWidth: d, Windows: make([]int64, c.NLayer),
	}
	return m, nil
}

// unprefixed finds weights whose stored names lack a prefix.
type unprefixed struct {
	model.Source
	prefix string
}

func (u unprefixed) stored(name string) string {
	if len(name) > len(u.prefix) && name[:len(u.prefix)] == u.prefix {
		return name[len(u.prefix):]
	}
	return name
}

// Has implements model.Source.
func (u unprefixed) Has(name string) bool { return u.Source.Has(u.stored(name)) }

// Load implements model.Source.
func (u unprefixed) Load(e *tensor.Engine, name string) (*tensor.Tensor, error) {
	return u.Source.Load(e, u.stored(name))
}

// Dropout sites outside the linear layers, beside nn.Linear's own streams.
const (
	siteEmbedding = iota
	siteResidual  // two a block follow
)

// Stages implements model.Model.
func (m *Model) Stages(p *nn.Pass) (x *tensor.Tensor, stages []model.Stage) {
	e, c := m.normW.Engine(), m.config
	p.Private = &m.private
	for i := range m.layers {
		stages = append(stages, func(x *tensor.Tensor) *tensor.Tensor { return m.block(p, i, x) })
	}
	stages = append(stages, func(x *tensor.Tensor) *tensor.Tensor {
		return x.LayerNorm(p.Own(m.normW), p.Own(m.normB), c.LayerNormEpsilon)
	})
	x = p.Own(m.tokens.Weight).Rows(e.FromInt64(p.Tokens)).Add(p.Own(m.positions).Rows(e.FromInt64(p.Positions)))
	return p.Dropout(x, c.EmbdPdrop, siteEmbedding), stages
}

// block runs one layer over the stream. x: [tokens, width].
func (m *Model) block(p *nn.Pass, layer int, x *tensor.Tensor) *tensor.Tensor {
	b, c, tokens := m.layers[layer], m.config, int64(len(p.Tokens))
	width, site := c.NEmbd/c.NHead, siteResidual+2*uint64(layer)
	h := b.attn.Forward(p, x.LayerNorm(p.Own(b.norm1W), p.Own(b.norm1B), c.LayerNormEpsilon))
	part := func(n int64) *tensor.Tensor { return h.Narrow(1, n*c.NEmbd, c.NEmbd).View(tokens, c.NHead, width) }
	a := nn.Attention{Scale: m.scale(layer), Dropout: c.AttnPdrop}.Attend(p, layer, part(0), part(1), part(2)).View(tokens, c.NEmbd)
	if layer == len(m.layers)-1 {
		x, a = p.Thinned(x, a)
	}
	x = x.Add(p.Dropout(b.attnProj.Forward(p, a), c.ResidPdrop, site))
	f := b.mlpProj.Forward(p, b.fc.Forward(p, x.LayerNorm(p.Own(b.norm2W), p.Own(b.norm2B), c.LayerNormEpsilon)).GELU())
	return x.Add(p.Dropout(f, c.ResidPdrop, site+1))
}

// scale is what the scores of a layer are multiplied by.
func (m *Model) scale(layer int) float64 {
	s := 1.0
	if m.config.ScaleAttnWeights {
		s /= math.Sqrt(float64(m.config.NEmbd / m.config.NHead))
	}
	if m.config.ScaleAttnByInverseLayerIdx {
		s /= float64(layer + 1)
	}
	return s
}

// Private implements model.Model.
func (m *Model) Private() *nn.Private { return &m.private }

// Head implements model.Model.
func (m *Model) Head() *tensor.Tensor {
	if m.head != nil {
		return m.head.Weight
	}
	return m.tokens.Weight
}

// Linears implements model.Model.
func (m *Model) Linears() []*nn.Linear {
	var all []*nn.Linear
	for _, b := range m.layers {
		all = append(all, b.attn, b.attnProj, b.fc, b.mlpProj)
	}
	return all
}

// Embeddings implements model.Model.
func (m *Model) Embeddings() []*model.Embedding {
	if m.head != nil {
		return []*model.Embedding{m.tokens, m.head}
	}
	return []*model.Embedding{m.tokens}
}

// Weights implements model.Model.
func (m *Model) Weights() []*tensor.Tensor {
	all := []*tensor.Tensor{m.positions, m.normW, m.normB}
	for _, emb := range m.Embeddings() {
		all = append(all, emb.Weight)
	}
	for _, b := range m.layers {
		all = append(all, b.norm1W, b.norm1B, b.norm2W, b.norm2B)
	}
	return append(all, nn.Weights(m.Linears())...)
}

// Buffers implements model.Model: there are none.
func (m *Model) Buffers() []*tensor.Tensor { return nil }

// NewCache implements model.Model.
func (m *Model) NewCache() *nn.Cache {
	c := m.config
	return nn.NewCache(m.normW.Engine(), m.facts.DType, c.NLayer, c.NHead, c.NEmbd/c.NHead)
}

// Facts implements model.Model.
func (m *Model) Facts() model.Facts { return m.facts }
