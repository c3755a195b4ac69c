//go:build torch

package merge

import (
	"math"
	"slices"
	"strings"

	"elara/engine/lora"
	"elara/engine/model"
	"elara/engine/nn"
	"elara/engine/tensor"
	"elara/spec"
	"elara/spec/fault"
)

// Source is an adapter that is merged. It sits on the base.
type Source struct {
	Name    string
	Adapter *lora.Adapter
	copies  map[string]*tensor.Tensor // of weights of the base, by their names
}

// NewSource looks an adapter over, once for all merges of it, and refuses what training had lost already. It must run inside
// Engine.Do.
func NewSource(name string, a *lora.Adapter) (Source, error) {
	for _, p := range a.Params {
		if i := slices.IndexFunc(p.Tensor.Float32s(), func(v float32) bool { return math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) }); i >= 0 {
			return Source{}, fault.New(fault.Invalid, "adapter %s: element %d of tensor %q is no finite number, expected an adapter whose training did not diverge", name, i, p.Name)
		}
	}
	copies, err := a.Copies()
	return Source{Name: name, Adapter: a, copies: copies}, err
}

// Merge is a merge of some adapters over one base. Its methods must run inside Engine.Do.
type Merge struct {
	Method  spec.MergeMethod
	Sources []Source
	base    *model.Streamed
	key     tensor.Key
	rank    int64 // of what is made
	stored  map[*tensor.Tensor]model.Stored
}

// New checks that the adapters can be merged in this way. One adapter alone is merged by linear, as in PEFT, which for one is
// exact.
func New(base *model.Streamed, method spec.MergeMethod, sources []Source, key tensor.Key) (*Merge, error) {
	if len(sources) == 1 {
		method = spec.MergeMethod{Name: method.Name, CombinationType: spec.CombineLinear, Weights: method.Weights}
	}
	if key, err := method.Check(len(sources)); err != nil {
		return nil, fault.New(fault.Invalid, "%s: %w", key, err)
	}
	m := &Merge{Method: method, Sources: sources, base: base, key: key, stored: map[*tensor.Tensor]model.Stored{}}
	for _, w := range base.Stored() {
		m.stored[w.Tensor] = w
	}
	if err := m.fit(); err != nil {
		return nil, err
	}
	return m, m.refuse()
}

// Exact reports whether the result is the weighted sum of what the adapters do, up to rounding.
func (m *Merge) Exact() bool {
	return len(m.Sources) == 1 || m.Method.CombinationType == spec.CombineCat
}

// Live is the weighted sum of the adapters as a pass runs through it.
func (m *Merge) Live() []nn.Blended {
	all := make([]nn.Blended, len(m.Sources))
	for i, s := range m.Sources {
		all[i] = nn.Blended{Adapter: s.Adapter.Slot(), Weight: m.Method.Weights[i]}
	}
	return all
}

// configured is the rank by which PEFT allocates: the largest that a configuration names.
func configured(config spec.LoRAConfig) int {
	rank := config.R
	for _, rule := range config.RankPattern {
		rank = max(rank, rule.R)
	}
	return rank
}

// fit sets the rank of what is made, by PEFT's rules, and refuses ranks that the method cannot bring together.
func (m *Merge) fit() error {
	c := m.Method.CombinationType
	ranks := make([]int, len(m.Sources))
	for i, s := range m.Sources {
		ranks[i] = configured(s.Adapter.Config)
	}
	switch {
	case c == spec.CombineCat:
		for _, r := range ranks {
			m.rank += int64(r)
		}
		return nil
	case c.IsSVD():
		if m.rank = int64(m.Method.SVDRank); m.rank == 0 {
			m.rank = int64(slices.Max(ranks))
		}
		for _, l := range m.base.Linears() {
			if room := min(l.In(), l.Out()); len(m.on(l)) > 0 && m.rank > room {
				return fault.New(fault.Invalid, "svd_rank: %s [%d, %d] has no rank %d, expected at most %d", l.Name, l.Out(), l.In(), m.rank, room)
			}
		}
		return nil
	}
	m.rank = int64(ranks[0])
	for i, s := range m.Sources {
		if ranks[i] != ranks[0] {
			return fault.New(fault.Invalid, "%s adds up factors of one rank, and adapter %s has rank %d where %s has %d: expected equal ranks, or cat or a method with _svd, which take any",
				c, s.Name, ranks[i], m.Sources[0].Name, ranks[0])
		}
	}
	return nil
}

// refuse names what a method cannot do with these adapters.
func (m *Merge) refuse() error {
	c := m.Method.CombinationType
	elementwise := c != spec.CombineCat && c != spec.CombineSVD && len(m.Sources) > 1
	for _, s := range m.Sources {
		if elementwise && len(s.copies) > 0 {
			return fault.New(fault.Invalid, "adapter %s trains weights of the base (%s), which %s has no meaning for: expected cat or svd, which add up what it changed of them",
				s.Name, firstName(m.base, s.copies), c)
		}
		for _, w := range m.base.Stored() {
			if own := s.copies[w.Name]; own != nil && own.Size(0) != w.Tensor.Size(0) {
				return fault.New(fault.Invalid, "adapter %s trains %s with %d rows where the base has %d, expected adapters that train no added tokens",
					s.Name, w.Name, own.Size(0), w.Tensor.Size(0))
			}
		}
	}
	for _, l := range m.base.Linears() {
		on := m.on(l)
		if len(on) > 0 && len(on) < len(m.Sources) && elementwise {
			return fault.New(fault.Invalid, "adapters %s adapt %s and others do not, which %s has no meaning for: expected equal target_modules, or cat or svd, which take any",
				names(on), l.Name, c)
		}
		if len(on) == 0 || c == spec.CombineCat || c.IsSVD() {
			continue
		}
		for _, s := range on {
			if first, own := on[0].branch(l).A.Size(0), s.branch(l).A.Size(0); own != first {
				return fault.New(fault.Invalid, "%s adds up factors of one rank, and at %s adapter %s has rank %d where %s has %d: expected equal ranks, or cat or a method with _svd, which take any",
					c, l.Name, s.Name, own, on[0].Name, first)
			}
		}
	}
	return nil
}

func firstName(base model.Model, copies map[string]*tensor.Tensor) string {
	for _, w := range base.Stored() {
		if copies[w.Name] != nil {
			return w.Name
		}
	}
	return ""
}

func names(sources []Source) string {
	list := make([]string, len(sources))
	for i, s := range sources {
		list[i] = s.Name
	}
	return strings.Join(list, " and ")
}

func (s Source) branch(l *nn.Linear) *nn.Branch { return l.Branch(s.Adapter.Slot()) }

// on gives the adapters that a layer has.
func (m *Merge) on(l *nn.Linear) []Source {
	return slices.DeleteFunc(slices.Clone(m.Sources), func(s Source) bool { return s.branch(l) == nil })
}

// weight is what an adapter counts.
func (m *Merge) weight(s Source) float64 {
	return m.Method.Weights[slices.IndexFunc(m.Sources, func(other Source) bool { return other.Adapter == s.Adapter })]
}

// drawing is the stream of what is pruned of an adapter's tensor at random. It goes by names, so that the order of the adapters
// does not matter.
func (m *Merge) drawing(s Source, part string) tensor.Key {
	return m.key.Named("dare").Named(s.Name).Named(part)
}
