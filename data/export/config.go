package export

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"

	"elara/data/gguf"
	"elara/data/modelconfig"
	"elara/spec/fault"
)

// config is a model's shape, as one of the architectures has it.
type config interface {
	// metadata gives the keys of the architecture, general.architecture first.
	metadata() []gguf.Entry
	// place lists the tensors of a file, in its order.
	place(l *listing)
	// layers is their number.
	layers() int
	// ropeDivisors are what the rotary frequencies are divided by, for rope_freqs.weight; nil where there is no such tensor.
	ropeDivisors() []float32
	// withRows is the shape after an adapter has replaced the embedding by one of so many rows.
	withRows(n int) config
	// notes are what a user of the file should know.
	notes() []string
}

// readConfig reads config.json of a Hugging Face folder.
func readConfig(folder string) (config, error) {
	path := filepath.Join(folder, configFile)
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fault.At(path, 0, "cannot be read, expected the model's configuration: %w", err)
	}
	var kind struct {
		ModelType string `json:"model_type"`
	}
	if err := json.Unmarshal(text, &kind); err != nil {
		return nil, fault.At(path, 0, "not a model configuration: %w", err)
	}
	switch kind.ModelType {
	case modelconfig.Llama, modelconfig.Qwen2, modelconfig.Qwen3, modelconfig.Mistral:
		return parseLlama(path, text)
	case modelconfig.GPT2:
		return parseGPT2(path, text)
	}
	return nil, fault.At(path, 0, "model_type %q is not supported, expected gpt2, llama, mistral, qwen2 or qwen3", kind.ModelType)
}

// layout is what becomes of a tensor's numbers on their way into a GGUF file.
type layout struct {
	transposed bool // stored as [in, out], written as [out, in]
	heads      int  // above 0: the rows of each head are interleaved, (half, pair) becomes (pair, half)
}

// placed is a tensor of the file.
type placed struct {
	from, to string
	shape    []int // as in transformers
	layout
}

// listing collects the tensors that an architecture places, and remembers the first failure.
type listing struct {
	weights Weights
	all     []placed
	taken   map[string]bool
	err     error
}

// need places a tensor that must be there in this shape.
func (l *listing) need(from, to string, how layout, shape ...int) {
	if l.err == nil && !l.may(from, to, how, shape...) && l.err == nil {
		l.err = fault.New(fault.Invalid, "weight %q is missing", from)
	}
}

// may places a tensor if it is there, and reports whether it is.
func (l *listing) may(from, to string, how layout, shape ...int) bool {
	got, found := l.weights.Shape(from)
	if !found || l.err != nil {
		return false
	}
	if !slices.Equal(got, shape) {
		l.err = fault.New(fault.Invalid, "weight %q has shape %v, the configuration makes it %v", from, got, shape)
		return false
	}
	l.taken[from] = true
	l.all = append(l.all, placed{from: from, to: to, shape: shape, layout: how})
	return true
}

// rows is the number of rows of an embedding, 0 where it is missing.
func (l *listing) rows(name string) int {
	if shape, found := l.weights.Shape(name); found && len(shape) == 2 {
		return shape[0]
	}
	return 0
}

// head places the output embedding, unless it is tied to the input's and not different from it: transformers ties them
// where they are equal, and takes a stored one where they are not.
func (l *listing) head(tied bool, embedding string, rows, width int) {
	const name = "lm_head.weight"
	if tied && l.err == nil {
		shape, found := l.weights.Shape(name)
		isLike := slices.Equal(shape, []int{rows, width})
		if !found || isLike && l.equal(name, embedding, rows*width) {
			l.taken[name] = true
			return
		}
	}
	l.need(name, "output.weight", layout{}, rows, width)
}

func (l *listing) equal(a, b string, n int) bool {
	left, right := make([]float32, n), make([]float32, n)
	if l.err = l.weights.ReadF32(a, left); l.err != nil {
		return false
	}
	if l.err = l.weights.ReadF32(b, right); l.err != nil {
		return false
	}
	for i := range left {
		if left[i] != right[i] {
			return false
		}
	}
	return true
}
