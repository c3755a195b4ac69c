//go:build torch

package merge

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/engine/lora"
	"elara/engine/model"
	"elara/engine/model/auto"
	"elara/engine/nn"
	"elara/engine/tensor"
	"elara/internal/testdevice"
	"elara/spec"
)

// golden is testdata/golden.json, which tests/peer/merge/golden.py makes with PEFT.
type golden struct {
	Seed     uint64                   `json:"seed"`
	Config   json.RawMessage          `json:"config"`
	Base     map[string]numbers       `json:"base"`
	Adapters map[string]goldenAdapter `json:"adapters"`
	Cases    []goldenCase             `json:"cases"`
}

type numbers struct {
	Shape []int64   `json:"shape"`
	Data  []float32 `json:"data"`
}

type goldenAdapter struct {
	Config  json.RawMessage    `json:"config"`
	Tensors map[string]numbers `json:"tensors"`
}

type goldenCase struct {
	spec.MergeMethod
	Adapters []string              `json:"adapters"`
	Factors  map[string][2]numbers `json:"factors"`
	Products map[string]numbers    `json:"products"`
}

func (c goldenCase) String() string {
	return strings.TrimSpace(fmt.Sprintf("%s of %s %s", c.CombinationType, strings.Join(c.Adapters, " "), c.MajoritySignMethod))
}

// scene is the golden file's model with adapters on it.
type scene struct {
	golden
	engine *tensor.Engine
	folder string
}

func newScene(t *testing.T) *scene {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "golden.json"))
	require.NoError(t, err)
	s := &scene{folder: t.TempDir()}
	require.NoError(t, json.Unmarshal(data, &s.golden))
	require.NotEmpty(t, s.Cases)
	s.engine, err = tensor.Start(tensor.Options{Device: testdevice.Name(), Threads: 1})
	require.NoError(t, err)
	t.Cleanup(s.engine.Close)
	s.write(t, "base", "config.json", s.Config, "model.safetensors", s.Base)
	for name, a := range s.Adapters {
		s.write(t, name, "adapter_config.json", a.Config, "adapter_model.safetensors", a.Tensors)
	}
	return s
}

func (s *scene) write(t *testing.T, folder, configName string, config []byte, name string, tensors map[string]numbers) {
	t.Helper()
	dir := filepath.Join(s.folder, folder)
	require.NoError(t, os.MkdirAll(dir, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, configName), config, 0o644))
	require.NoError(t, s.engine.Do(func() (err error) {
		s.engine.Scope(func() {
			made := map[string]*tensor.Tensor{}
			for name, n := range tensors {
				made[name] = s.engine.FromFloat32(n.Data, n.Shape...)
			}
			var data []byte
			if data, err = tensor.EncodeSafetensors(made, nil); err == nil {
				err = os.WriteFile(filepath.Join(dir, name), data, 0o644)
			}
		})
		return err
	}))
}

// over runs f with some adapters on the base.
func (s *scene) over(t *testing.T, adapters []string, f func(base *model.Streamed, sources []Source) error) error {
	t.Helper()
	return s.engine.Do(func() (err error) {
		live := s.engine.Live()
		s.engine.Scope(func() {
			base, opened := auto.Stream(s.engine, filepath.Join(s.folder, "base"), tensor.Float32)
			require.NoError(t, opened)
			var sources []Source
			var loaded []*lora.Adapter
			for slot, name := range adapters {
				adapter, failed := lora.Load(base, slot, filepath.Join(s.folder, name))
				require.NoError(t, failed)
				loaded = append(loaded, adapter)
				source, refused := NewSource(name, adapter)
				sources, err = append(sources, source), errors.Join(err, refused)
			}
			if err == nil {
				err = f(base, sources)
			}
			for _, adapter := range loaded {
				adapter.Detach()
			}
			require.NoError(t, base.Close())
		})
		require.Equal(t, live, s.engine.Live(), "tensors that outlive the merge")
		return err
	})
}

func layerOf(base model.Model, name string) *nn.Linear {
	for _, l := range base.Linears() {
		if l.Name == name {
			return l
		}
	}
	return nil
}

func closeTo(t *testing.T, want []float32, got *tensor.Tensor, what string) {
	t.Helper()
	values := got.Float32s()
	require.Len(t, values, len(want), what)
	for i, w := range want {
		require.InDelta(t, w, values[i], 1e-5, "%s, element %d", what, i)
	}
}

func TestEveryMethodGivesPEFTsTensors(t *testing.T) {
	s := newScene(t)
	seen := map[spec.CombinationType]bool{}
	for _, c := range s.Cases {
		seen[c.CombinationType] = true
		t.Run(c.String(), func(t *testing.T) {
			c.Weights = append([]float64{}, c.Weights...)
			require.NoError(t, s.over(t, c.Adapters, func(base *model.Streamed, sources []Source) error {
				m, err := New(base, c.MergeMethod, sources, tensor.Key(s.Seed))
				require.NoError(t, err)
				for name, want := range c.Factors {
					f, err := m.factors(layerOf(base, name))
					require.NoError(t, err)
					closeTo(t, want[0].Data, f.down, name+" A")
					closeTo(t, want[1].Data, f.up, name+" B")
				}
				for name, want := range c.Products {
					l := layerOf(base, name)
					if m.isDecomposed(l) {
						sum, err := m.whole(l)
						require.NoError(t, err)
						closeTo(t, want.Data, sum, name)
						continue
					}
					f, err := m.factors(l)
					require.NoError(t, err)
					closeTo(t, want.Data, f.product(), name)
				}
				laws, err := m.Laws()
				require.NoError(t, err)
				require.NotEmpty(t, laws.Layers)
				require.True(t, laws.Hold(), "%+v", laws)
				return nil
			}))
		})
	}
	require.Len(t, seen, len(spec.CombinationTypes()))
}

// The sum of what two adapters do is the same live, as one adapter that was written and read again, and in the base's weights.
func TestCertificateComparesWhatWasWrittenWithTheLiveAdapters(t *testing.T) {
	s := newScene(t)
	sequences := [][]int32{{1, 5, 3, 2}, {7, 7, 0}}
	for _, adapters := range [][]string{{"one", "low"}, {"root", "pattern"}, {"dora", "low"}} {
		t.Run(strings.Join(adapters, " and "), func(t *testing.T) {
			require.NoError(t, s.over(t, adapters, func(base *model.Streamed, sources []Source) error {
				method := spec.MergeMethod{Name: "sum", CombinationType: spec.CombineCat, Weights: []float64{0.7, -0.4}}
				m, err := New(base, method, sources, 1)
				require.NoError(t, err)
				witness, err := m.Observe(sequences, nil)
				require.NoError(t, err)

				folded, err := m.Fold(func(int) error { return nil })
				require.NoError(t, err)
				dir := t.TempDir()
				require.NoError(t, model.Save(dir, folded, tensor.Float32, model.MaxShardBytes))
				again, err := auto.Stream(s.engine, dir, tensor.Float32)
				require.NoError(t, err)
				c := Certificate{DType: "float32"}
				require.NoError(t, witness.Compare(again, nil, &c))
				require.NoError(t, again.Close())
				c.Judge()
				require.True(t, c.Holds, "%+v", c.Reloaded)
				require.Equal(t, 1.0, c.Reloaded.Top1Agreement)
				require.Equal(t, 7, c.Reloaded.Tokens)
				require.Greater(t, c.Reloaded.Largest, 0.0)

				// The base without the adapters is something else, and gets no certificate.
				require.NoError(t, witness.Compare(base, nil, &c))
				c.Judge()
				require.False(t, c.Holds)
				require.ErrorContains(t, c.Refusal(), "has no certificate and is not published")
				return nil
			}))
		})
	}
}

func TestWhatCannotBeMergedIsRefusedByName(t *testing.T) {
	s := newScene(t)
	bad := s.Adapters["two"]
	tensors := map[string]numbers{}
	for name, n := range bad.Tensors {
		tensors[name] = numbers{n.Shape, append([]float32{}, n.Data...)}
	}
	const spoilt = "base_model.model.model.layers.0.mlp.down_proj.lora_B.weight"
	tensors[spoilt].Data[5] = float32(math.NaN())
	s.write(t, "spoilt", "adapter_config.json", bad.Config, "adapter_model.safetensors", tensors)
	for _, c := range []struct {
		adapters []string
		method   spec.MergeMethod
		want     string
	}{
		{[]string{"one", "low"}, spec.MergeMethod{CombinationType: spec.CombineLinear}, "linear adds up factors of one rank, and adapter low has rank 2 where one has 4"},
		{[]string{"one", "pattern"}, spec.MergeMethod{CombinationType: spec.CombineLinear}, "at model.layers.0.self_attn.q_proj adapter pattern has rank 2 where one has 4"},
		{[]string{"one", "spoilt"}, spec.MergeMethod{CombinationType: spec.CombineCat}, `adapter spoilt: element 5 of tensor "` + spoilt + `" is no finite number`},
		{[]string{"low", "elsewhere"}, spec.MergeMethod{CombinationType: spec.CombineTies, Density: 0.5, MajoritySignMethod: spec.SignTotal}, "adapters elsewhere adapt model.layers.0.mlp.up_proj and others do not, which ties has no meaning for"},
		{[]string{"one", "low"}, spec.MergeMethod{CombinationType: spec.CombineSVD, SVDRank: 9}, "svd_rank: model.layers.0.self_attn.q_proj [8, 8] has no rank 9, expected at most 8"},
		{[]string{"one", "low"}, spec.MergeMethod{CombinationType: "slerp"}, `combination_type: is "slerp", expected one of`},
		{[]string{"one", "two"}, spec.MergeMethod{CombinationType: spec.CombineTies, Density: 1.5, MajoritySignMethod: spec.SignTotal}, "density: is 1.5, expected a share above 0 and at most 1 with ties"},
		{[]string{"one", "two"}, spec.MergeMethod{CombinationType: spec.CombineCat, Density: 0.5}, "density: is given with cat, which prunes nothing"},
	} {
		c.method.Weights = []float64{0.5, 0.5}
		err := s.over(t, c.adapters, func(base *model.Streamed, sources []Source) error {
			_, err := New(base, c.method, sources, 1)
			return err
		})
		require.ErrorContains(t, err, c.want)
	}
	require.NoError(t, s.over(t, []string{"dora", "low"}, func(base *model.Streamed, sources []Source) error {
		m, err := New(base, spec.MergeMethod{CombinationType: spec.CombineCat, Weights: []float64{1, 1}}, sources, 1)
		require.NoError(t, err)
		_, _, err = m.Encode(func(int) error { return nil })
		require.ErrorContains(t, err, "adapter dora is weight-decomposed (use_dora)")
		return nil
	}))
}

// Of 0.1, -0.9, 0.5, 0.5 and 0 half of five, rounded down, are two: the largest, and of the two equal ones the first.
func TestPruningKeepsTheLargest(t *testing.T) {
	require.Equal(t, []float32{0, -0.9, 0.5, 0, 0}, pruneSmallest([]float32{0.1, -0.9, 0.5, 0.5, 0}, 0.5))
	require.Equal(t, []float32{0, 0}, pruneSmallest([]float32{1, 2}, 0.4))
}
