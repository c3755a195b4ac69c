package export

import (
	"encoding/json"
	"errors"
	"maps"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"elara/data/safetensors"
	"elara/spec/fault"
)

const (
	adapterConfigFile = "adapter_config.json"
	adapterFile       = "adapter_model.safetensors"
	adapterPrefix     = "base_model.model."
)

// adaptedWeights are a base's with a PEFT LoRA adapter added: W + s·B·A (arXiv 2106.09685), for DoRA scaled to the learned
// length of each row (arXiv 2402.09353), in float32, one tensor at a time.
type adaptedWeights struct {
	Weights
	adapter  *safetensors.File
	config   adapterConfig
	branches map[string]string // modules that the adapter changes, by the name of the base's weight
	replaced map[string]string // the adapter's tensors that take a weight's place, by the weight's name
	alphas   []ownAlpha        // of alpha_pattern, in the order of its keys
}

// ownAlpha is an entry of alpha_pattern: it names modules by the end of their name, or by a regular expression for it, as PEFT
// reads it.
type ownAlpha struct {
	key     string
	modules *regexp.Regexp
	alpha   float64
}

type adapterConfig struct {
	Type         string             `json:"peft_type"`
	Alpha        float64            `json:"lora_alpha"`
	RSLoRA       bool               `json:"use_rslora"`
	DoRA         bool               `json:"use_dora"`
	Bias         string             `json:"bias"`
	FanInFanOut  bool               `json:"fan_in_fan_out"`
	AlphaPattern map[string]float64 `json:"alpha_pattern"`
}

// openAdapter lays the adapter of a PEFT folder over a base, which it closes with itself.
func openAdapter(folder string, base Weights) (_ *adaptedWeights, err error) {
	path := filepath.Join(folder, adapterConfigFile)
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fault.At(path, 0, "cannot be read, expected the configuration of a PEFT adapter: %w", err)
	}
	w := &adaptedWeights{Weights: base, branches: map[string]string{}, replaced: map[string]string{}}
	if err := json.Unmarshal(text, &w.config); err != nil {
		return nil, fault.At(path, 0, "not the configuration of an adapter: %w", err)
	}
	if w.config.Type != "LORA" || w.config.Bias != "" && w.config.Bias != "none" {
		return nil, fault.At(path, 0, "peft_type %q with bias %q cannot be added to a base, expected LORA and none", w.config.Type, w.config.Bias)
	}
	for _, key := range slices.Sorted(maps.Keys(w.config.AlphaPattern)) {
		modules, err := regexp.Compile(`^(.*\.)?(` + key + `)$`)
		if err != nil {
			return nil, fault.At(path, 0, "alpha_pattern %q is no regular expression: %w", key, err)
		}
		w.alphas = append(w.alphas, ownAlpha{key, modules, w.config.AlphaPattern[key]})
	}
	if w.adapter, err = safetensors.Open(filepath.Join(folder, adapterFile)); err != nil {
		return nil, err
	}
	if err := w.match(); err != nil {
		return nil, errors.Join(err, w.adapter.Close())
	}
	return w, nil
}

// match finds the base's weight for each tensor of the adapter.
func (w *adaptedWeights) match() error {
	place := w.adapter.Path()
	for _, name := range w.adapter.Names() {
		module, found := strings.CutPrefix(name, adapterPrefix)
		if !found {
			return fault.At(place, 0, "tensor %q, expected names that begin with %s", name, adapterPrefix)
		}
		branch, isLora := strings.CutSuffix(module, ".lora_A.weight")
		switch {
		case isLora:
			weight, err := w.baseName(branch + ".weight")
			if err != nil {
				return err
			}
			w.branches[weight] = branch
			if err := w.checkShapes(weight, branch); err != nil {
				return err
			}
		case strings.HasSuffix(module, ".lora_B.weight"), w.config.DoRA && strings.HasSuffix(module, ".lora_magnitude_vector"):
			part := module[:strings.LastIndex(strings.TrimSuffix(module, ".weight"), ".")]
			if _, found := w.adapter.Shape(adapterPrefix + part + ".lora_A.weight"); !found {
				return fault.At(place, 0, "tensor %q has no lora_A beside it", name)
			}
		case strings.Contains(module, ".lora_"):
			return fault.At(place, 0, "tensor %q is of a kind that cannot be added to a base, expected LoRA or DoRA of linear layers", name)
		default: // an embedding or a module that was trained whole
			weight, err := w.baseName(module)
			if err != nil && module != "lm_head.weight" { // a tied base has no head of its own, and PEFT saves one
				return err
			} else if err != nil {
				weight = module
			}
			w.replaced[weight] = name
		}
	}
	return nil
}

// baseName is the name of a weight in the base: GPT-2's first releases lack the prefix that the model has in memory.
func (w *adaptedWeights) baseName(name string) (string, error) {
	for _, candidate := range []string{name, strings.TrimPrefix(name, "transformer.")} {
		if _, found := w.Weights.Shape(candidate); found {
			return candidate, nil
		}
	}
	return "", fault.At(w.adapter.Path(), 0, "the base has no weight %q, is the adapter of another base?", name)
}

// checkShapes compares a branch with the weight that it is added to: A is [rank, in], B is [out, rank].
func (w *adaptedWeights) checkShapes(weight, branch string) error {
	shape, _ := w.Weights.Shape(weight)
	a, _ := w.adapter.Shape(adapterPrefix + branch + ".lora_A.weight")
	b, _ := w.adapter.Shape(adapterPrefix + branch + ".lora_B.weight")
	if len(shape) != 2 || len(a) != 2 || len(b) != 2 || a[0] != b[1] || a[0] < 1 {
		return fault.At(w.adapter.Path(), 0, "module %q has A of shape %v and B of shape %v, expected [rank, in] and [out, rank]", branch, a, b)
	}
	out, in := shape[0], shape[1]
	if w.config.FanInFanOut {
		out, in = in, out
	}
	if b[0] != out || a[1] != in {
		return fault.At(w.adapter.Path(), 0, "module %q changes [%d, %d], the base's weight is [%d, %d]: is the adapter of another base?",
			branch, b[0], a[1], out, in)
	}
	if w.config.DoRA {
		if m, _ := w.adapter.Shape(adapterPrefix + branch + ".lora_magnitude_vector"); len(m) != 1 || m[0] != out {
			return fault.At(w.adapter.Path(), 0, "module %q has a lora_magnitude_vector of shape %v, expected [%d]", branch, m, out)
		}
	}
	return nil
}

// rows is the number of rows of an embedding that the adapter brings, or 0.
func (w *adaptedWeights) rows() int {
	for weight, name := range w.replaced {
		if strings.HasSuffix(weight, "embed_tokens.weight") || strings.HasSuffix(weight, "wte.weight") {
			if shape, _ := w.adapter.Shape(name); len(shape) == 2 {
				return shape[0]
			}
		}
	}
	return 0
}

// Names adds what only the adapter has.
func (w *adaptedWeights) Names() []string {
	names := slices.Concat(w.Weights.Names(), slices.Collect(maps.Keys(w.replaced)))
	slices.Sort(names)
	return slices.Compact(names)
}

// Shape is the adapter's where it takes the weight's place.
func (w *adaptedWeights) Shape(name string) ([]int, bool) {
	if replacement, found := w.replaced[name]; found {
		return w.adapter.Shape(replacement)
	}
	return w.Weights.Shape(name)
}

// Close lets go of the adapter and of the base.
func (w *adaptedWeights) Close() error { return errors.Join(w.adapter.Close(), w.Weights.Close()) }

// ReadF32 adds the branch, if the weight has one.
func (w *adaptedWeights) ReadF32(name string, dst []float32) error {
	if replacement, found := w.replaced[name]; found {
		return w.adapter.ReadF32(replacement, dst)
	}
	if err := w.Weights.ReadF32(name, dst); err != nil {
		return err
	}
	branch, found := w.branches[name]
	if !found {
		return nil
	}
	a, rank, in, err := w.matrix(branch + ".lora_A.weight")
	if err != nil {
		return err
	}
	b, out, _, err := w.matrix(branch + ".lora_B.weight")
	if err != nil {
		return err
	}
	scale, err := w.scale(branch, rank)
	if err != nil {
		return err
	}
	weight := dst
	if w.config.FanInFanOut {
		weight = transpose(dst, in, out)
	}
	for o := range out {
		row := weight[o*in:][:in]
		for r := range rank {
			factor := scale * b[o*rank+r]
			for i, v := range a[r*in:][:in] {
				row[i] += float32(factor * v)
			}
		}
	}
	if w.config.DoRA {
		if err := w.stretch(branch, weight, out); err != nil {
			return err
		}
	}
	if w.config.FanInFanOut {
		copy(dst, transpose(weight, out, in))
	}
	return nil
}

// stretch gives each row of [out, in] the length that DoRA learned for it.
func (w *adaptedWeights) stretch(branch string, weight []float32, out int) error {
	lengths := make([]float32, out)
	if err := w.adapter.ReadF32(adapterPrefix+branch+".lora_magnitude_vector", lengths); err != nil {
		return err
	}
	in := len(weight) / out
	for o, length := range lengths {
		row, squares := weight[o*in:][:in], 0.0
		for _, v := range row {
			squares += float64(v) * float64(v)
		}
		factor := length / float32(math.Sqrt(squares))
		for i := range row {
			row[i] *= factor
		}
	}
	return nil
}

func (w *adaptedWeights) matrix(name string) (values []float32, rows, columns int, err error) {
	shape, _ := w.adapter.Shape(adapterPrefix + name)
	values = make([]float32, shape[0]*shape[1])
	return values, shape[0], shape[1], w.adapter.ReadF32(adapterPrefix+name, values)
}

// scale is alpha / rank, or alpha / √rank for rsLoRA (arXiv 2312.03732).
func (w *adaptedWeights) scale(branch string, rank int) (float32, error) {
	alpha, named := w.config.Alpha, ""
	for _, own := range w.alphas {
		if !own.modules.MatchString(branch) {
			continue
		}
		if named != "" && own.alpha != alpha {
			return 0, fault.At(w.adapter.Path(), 0, "alpha_pattern gives module %q two values, by %q and %q", branch, named, own.key)
		}
		alpha, named = own.alpha, own.key
	}
	if w.config.RSLoRA {
		return float32(alpha / math.Sqrt(float64(rank))), nil
	}
	return float32(alpha / float64(rank)), nil
}
