package export

import (
	"errors"

	"os"
	"path/filepath"
	"slices"
	"strings"

	"elara/data/gguf"
	"elara/data/tokenizer"
	"elara/spec/fault"
)

// Model is a model that can be written in another form.
type Model struct {
	Name         string            // for people, in the file's metadata
	ChatTemplate string            // Jinja; that of the tokenizer's files unless replaced
	Facts        map[string]string // written as elara.KEY: where the model comes from, and by what template it was taught

	place     string // folder or file, for errors
	config    config
	weights   Weights
	tokenizer *tokenizer.Tokenizer
	tensors   []placed
}

// Open reads a Hugging Face folder, or a GGUF file of the Llama kind, and lays a PEFT adapter over it unless adapter is "".
// The tokenizer is the adapter's where its folder has one. The caller closes the model.
func Open(base, adapter string) (_ *Model, err error) {
	m := &Model{place: base, Name: filepath.Base(filepath.Clean(base)), Facts: map[string]string{}}
	defer func() {
		if err != nil && m.weights != nil {
			err = errors.Join(err, m.weights.Close())
		}
	}()
	tokenizerPlace, err := m.openBase(base)
	if err != nil {
		return nil, err
	}
	if adapter != "" {
		adapted, err := openAdapter(adapter, m.weights)
		if err != nil {
			return nil, err
		}
		m.weights, m.place, m.Name = adapted, adapter, filepath.Base(filepath.Clean(adapter))
		if rows := adapted.rows(); rows > 0 {
			m.config = m.config.withRows(rows)
		}
		if _, err := os.Stat(filepath.Join(adapter, "tokenizer.json")); err == nil {
			tokenizerPlace = adapter
		}
	}
	if m.tokenizer, err = tokenizer.Load(tokenizerPlace); err != nil {
		return nil, err
	}
	m.ChatTemplate = m.tokenizer.ChatTemplate()
	if m.tensors, err = m.list(); err != nil {
		return nil, err
	}
	return m, nil
}

// openBase opens what has the shape and the weights, and says where the tokenizer is.
func (m *Model) openBase(base string) (tokenizerPlace string, err error) {
	info, err := os.Stat(base)
	if err != nil {
		return "", fault.At(base, 0, "no such model, expected a Hugging Face folder or a .gguf file")
	}
	if file, isGGUF := ggufOf(base, info.IsDir()); isGGUF {
		m.config, m.weights, err = openGGUF(file)
		return file, err
	}
	if !info.IsDir() {
		return "", fault.At(base, 0, "not a model, expected a Hugging Face folder or a .gguf file")
	}
	if m.config, err = readConfig(base); err != nil {
		return "", err
	}
	m.weights, err = openWeights(base)
	return base, err
}

// ggufOf finds the file of a path that means one: the file itself, or a folder that holds nothing else, which is how a base
// model that is one file lies in the store.
func ggufOf(path string, isFolder bool) (string, bool) {
	if !isFolder {
		return path, strings.EqualFold(filepath.Ext(path), ".gguf")
	}
	entries, err := os.ReadDir(path)
	if err != nil || len(entries) != 1 || !strings.EqualFold(filepath.Ext(entries[0].Name()), ".gguf") {
		return "", false
	}
	return filepath.Join(path, entries[0].Name()), true
}

// Close lets go of the files.
func (m *Model) Close() error { return m.weights.Close() }

// Notes are what a user of a GGUF file of this model should know.
func (m *Model) Notes() []string { return m.config.notes() }

// list places every tensor, and refuses those that have no place.
func (m *Model) list() ([]placed, error) {
	l := &listing{weights: m.weights, taken: map[string]bool{}}
	m.config.place(l)
	if l.err != nil {
		return nil, fault.At(m.place, 0, "%w", l.err)
	}
	var left []string
	for _, name := range m.weights.Names() {
		if !l.taken[name] && !isBuffer(name) {
			left = append(left, name)
		}
	}
	if len(left) > 0 {
		return nil, fault.At(m.place, 0, "%d weights have no place in llama.cpp's architecture, such as %q", len(left), left[0])
	}
	return l.all, nil
}

// isBuffer knows what old checkpoints hold beside their weights: constants that every reader computes itself.
func isBuffer(name string) bool {
	return slices.ContainsFunc([]string{".attn.bias", ".attn.masked_bias", ".rotary_emb.inv_freq"}, func(end string) bool {
		return strings.HasSuffix(name, end)
	})
}

// planned makes a tensor of the file of a placed one.
func (m *Model) planned(p placed, kind gguf.Type) gguf.Planned {
	shape := slices.Clone(p.shape)
	if p.transposed {
		slices.Reverse(shape)
	}
	return gguf.Planned{Name: p.to, Shape: shape, Type: kind, Read: func() ([]float32, error) {
		values := make([]float32, elements(m.weights, p.from))
		if err := m.weights.ReadF32(p.from, values); err != nil {
			return nil, err
		}
		switch {
		case p.transposed:
			values = transpose(values, p.shape[0], p.shape[1])
		case p.heads > 0:
			values = interleave(values, p.heads, p.shape[0])
		}
		return values, nil
	}}
}

// transpose turns [rows, columns] into [columns, rows].
func transpose(values []float32, rows, columns int) []float32 {
	out := make([]float32, len(values))
	for r := range rows {
		for c, v := range values[r*columns:][:columns] {
			out[c*rows+r] = v
		}
	}
	return out
}

// interleave gives the rows of each head the order of llama.cpp's rotary pairs: (half, pair) becomes (pair, half). Vectors
// are rows of one number.
func interleave(values []float32, heads, rows int) []float32 {
	return permute(values, heads, rows, func(half, pair, pairs int) (from, to int) { return half*pairs + pair, pair*2 + half })
}

// separate undoes interleave.
func separate(values []float32, heads, rows int) []float32 {
	return permute(values, heads, rows, func(half, pair, pairs int) (from, to int) { return pair*2 + half, half*pairs + pair })
}

func permute(values []float32, heads, rows int, move func(half, pair, pairs int) (from, to int)) []float32 {
	width, pairs := len(values)/rows, rows/heads/2
	out := make([]float32, len(values))
	for head := range heads {
		first := head * pairs * 2
		for half := range 2 {
			for pair := range pairs {
				from, to := move(half, pair, pairs)
				copy(out[(first+to)*width:][:width], values[(first+from)*width:])
			}
		}
	}
	return out
}
