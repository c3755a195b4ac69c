//go:build torch

package recipes

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"elara/data/tokenizer"
	"elara/engine/model"
	"elara/engine/model/auto"
	"elara/engine/tensor"
	"elara/spec"
	"elara/spec/fault"
)

// studentFile says in a student's folder what it was made of.
const studentFile = "student.json"

// origin is the content of studentFile.
type origin struct {
	Teacher spec.Digest       `json:"teacher"`
	Config  spec.StudentShape `json:"student_config"`
	Layers  []int             `json:"layers"` // of the teacher, from 0
}

// makeStudent writes a smaller model that begins with weights of the teacher's base model, without its adapter, into
// job.StudentModel: the layers that keptLayers picks, and of each weight the first rows and columns. A folder that was made of the
// same is left as it is. digest is the base model's.
func (r *Runner) makeStudent(job spec.DistillJob, digest spec.Digest) error {
	made := origin{Teacher: digest, Config: job.StudentConfig}
	tok, err := tokenizer.Load(job.TeacherModel)
	if err != nil {
		return err
	}
	return r.Engine.Do(func() (err error) {
		teacher, err := auto.Stream(r.Engine, job.TeacherModel, tensor.Float32)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, teacher.Close()) }()
		if made.Layers, err = keptLayers(teacher.Facts().Layers, job.StudentConfig.NumHiddenLayers); err != nil {
			return err
		}
		about, err := encodeJSON(studentFile, made)
		if err != nil {
			return err
		}
		switch there, err := os.ReadFile(filepath.Join(job.StudentModel, studentFile)); {
		case err == nil && bytes.Equal(there, about):
			return nil
		case err == nil:
			return fault.At(job.StudentModel, 0, "the student there was made of another teacher or in another shape, expected this one or a new folder")
		}
		if _, err := os.Lstat(job.StudentModel); !errors.Is(err, fs.ErrNotExist) {
			return errors.Join(fault.At(job.StudentModel, 0, "is there already and was not made of this teacher, expected a new folder, or no student_config"), err)
		}
		r.Engine.Scope(func() { err = writeStudent(job, teacher, made, about, tok) })
		return err
	})
}

// writeStudent writes the folder and sees that it is a model. It runs inside Engine.Do.
func writeStudent(job spec.DistillJob, teacher *model.Streamed, made origin, about []byte, tok *tokenizer.Tokenizer) error {
	small, err := shrink(teacher, made)
	if err != nil {
		return err
	}
	files := map[string][]byte{studentFile: about}
	if err := addDefaults(files, job.TeacherModel); err != nil {
		return err
	}
	return writeFolder(job.StudentModel, files, func(dir string) error {
		if err := errors.Join(tok.Save(dir), model.Save(dir, small, tensor.Float32, model.MaxShardBytes)); err != nil {
			return err
		}
		again, err := auto.Stream(small.Head().Engine(), dir, tensor.Float32)
		if err != nil {
			return fmt.Errorf("student_config makes no model: %w", err)
		}
		windows := teacher.Facts().Windows
		for i, layer := range made.Layers {
			if got := again.Facts().Windows; got != nil && windows != nil && got[i] != windows[layer] {
				err = fault.New(fault.Invalid, "layer %d of the student would see %d tokens, the teacher's layer %d that it is made of sees %d (0: all): expected a num_hidden_layers that keeps them", i, got[i], layer, windows[layer])
				break
			}
		}
		return errors.Join(err, again.Close())
	})
}

// keptLayers picks n of a model's layers, evenly spaced with the first and the last among them; a half is rounded up. n = 0 keeps
// all, and n = 1 the first.
func keptLayers(layers, n int) ([]int, error) {
	if n == 0 {
		n = layers
	}
	if n < 0 || n > layers {
		return nil, fault.New(fault.Invalid, "student_config.num_hidden_layers: %d of a teacher of %d layers, expected 1 to %d", n, layers, layers)
	}
	kept := make([]int, n)
	for i := 1; i < n; i++ {
		kept[i] = (2*i*(layers-1) + n - 1) / (2 * (n - 1))
	}
	return kept, nil
}

// shrunk is a teacher of which only a part is stored.
type shrunk struct {
	model.Model
	stored []model.Stored
	config map[string]json.RawMessage
}

// Stored implements model.Model.
func (s *shrunk) Stored() []model.Stored { return s.stored }

// Config implements model.Model.
func (s *shrunk) Config(tensor.DType) ([]byte, error) {
	return encodeJSON("the student's configuration", s.config)
}

func (s *shrunk) set(key string, value any) error {
	raw, err := json.Marshal(value)
	s.config[key] = raw
	return err
}

// shrink gives the student's part of a teacher. It runs inside Engine.Do.
func shrink(teacher *model.Streamed, made origin) (*shrunk, error) {
	s := &shrunk{Model: teacher.Model}
	data, err := teacher.Config(tensor.Float32)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(data, &s.config); err != nil {
		return nil, fmt.Errorf("decode the teacher's configuration: %w", err)
	}
	if err := s.keepLayers(made.Layers); err != nil {
		return nil, err
	}
	w, err := s.widths(made.Config)
	if err != nil {
		return nil, err
	}
	blocks := map[int][]model.Stored{}
	var before, after []model.Stored
	for _, stored := range teacher.Stored() {
		part := stored
		part.Read = func() (*tensor.Tensor, error) { return teacher.Read(stored) }
		if w != nil {
			if part, err = w.narrowed(part); err != nil {
				return nil, err
			}
		}
		layer, numbered := model.BlockOf(part.Name)
		switch {
		case numbered:
			blocks[layer] = append(blocks[layer], part)
		case len(blocks) == 0:
			before = append(before, part)
		default:
			after = append(after, part)
		}
	}
	s.stored = before
	for to, from := range made.Layers {
		for _, part := range blocks[from] {
			part.Name = model.WithBlock(part.Name, to)
			s.stored = append(s.stored, part)
		}
	}
	s.stored = append(s.stored, after...)
	return s, nil
}

// keepLayers writes the number of layers, and the kinds of those that are kept.
func (s *shrunk) keepLayers(layers []int) error {
	key := "num_hidden_layers"
	if s.Facts().Architecture == "gpt2" {
		key = "n_layer"
	}
	if raw, found := s.config["layer_types"]; found && string(raw) != "null" {
		var kinds, kept []string
		if err := json.Unmarshal(raw, &kinds); err != nil {
			return fmt.Errorf("decode layer_types of the teacher: %w", err)
		}
		for _, layer := range layers {
			kept = append(kept, kinds[layer])
		}
		if err := s.set("layer_types", kept); err != nil {
			return err
		}
	}
	return s.set(key, len(layers))
}

// widths are the sizes of a student's tensors; attention's are of all heads together.
type widths struct {
	e                              *tensor.Engine
	hidden, inner, queries, keys   int64
	hiddenOf, innerOf, ofQ, ofKeys int64 // the teacher's
}

// widths writes the student's widths into its configuration. nil: all are the teacher's.
func (s *shrunk) widths(c spec.StudentShape) (*widths, error) {
	c.NumHiddenLayers = 0
	if c == (spec.StudentShape{}) {
		return nil, nil
	}
	if s.Facts().Architecture == "gpt2" {
		return nil, fault.New(fault.Invalid, "student_config: a GPT-2 is made smaller by num_hidden_layers alone, whose queries, keys and values lie in one matrix")
	}
	size := map[string]int64{}
	for _, stored := range s.Model.Stored() {
		if !strings.HasSuffix(stored.Name, ".weight") {
			continue
		}
		name := strings.TrimSuffix(stored.Name, ".weight")
		size[name[strings.LastIndex(name, ".")+1:]] = stored.Tensor.Size(0)
	}
	w := &widths{e: s.Head().Engine(), hiddenOf: s.Facts().Width, innerOf: size["up_proj"], ofQ: size["q_proj"], ofKeys: size["k_proj"]}
	var heads int64
	if err := json.Unmarshal(s.config["num_attention_heads"], &heads); err != nil || heads < 1 {
		return nil, fault.New(fault.Invalid, "num_attention_heads of the teacher is %.40s, expected a number", s.config["num_attention_heads"])
	}
	headDim := w.ofQ / heads
	keyHeads := w.ofKeys / headDim
	sizes := []struct {
		key       string
		less, all int64
		into      *int64
		unit      int64
	}{
		{"hidden_size", c.HiddenSize, w.hiddenOf, &w.hidden, 1}, {"intermediate_size", c.IntermediateSize, w.innerOf, &w.inner, 1},
		{"num_attention_heads", c.NumAttentionHeads, heads, &w.queries, headDim},
		{"num_key_value_heads", c.NumKeyValueHeads, keyHeads, &w.keys, headDim},
	}
	for _, size := range sizes {
		if size.less == 0 {
			size.less = size.all
		}
		if size.less < 0 || size.less > size.all {
			return nil, fault.New(fault.Invalid, "student_config.%s: %d of the teacher's %d, expected 1 to %d", size.key, size.less, size.all, size.all)
		}
		*size.into = size.less * size.unit
		if err := s.set(size.key, size.less); err != nil {
			return nil, err
		}
	}
	if w.queries*w.ofKeys != w.keys*w.ofQ {
		return nil, fault.New(fault.Invalid, "student_config.num_attention_heads: %d heads over %d key heads, the teacher has %d over %d: expected the same ratio, so that queries keep their keys",
			w.queries/headDim, w.keys/headDim, heads, keyHeads)
	}
	return w, s.set("head_dim", headDim)
}

// narrowed takes the first rows and columns of a weight that the student has, by the part of a layer it belongs to.
func (w *widths) narrowed(stored model.Stored) (model.Stored, error) {
	shape := stored.Tensor.Shape()
	parts := strings.Split(stored.Name, ".")
	small := slices.Clone(shape)
	switch part := parts[len(parts)-2]; part {
	case "q_proj":
		small[0] = w.queries
	case "k_proj", "v_proj":
		small[0] = w.keys
	case "gate_proj", "up_proj":
		small[0] = w.inner
	case "o_proj", "down_proj", "input_layernorm", "post_attention_layernorm", "norm":
		small[0] = w.hidden
	case "q_norm", "k_norm", "embed_tokens", "lm_head": // one head, or the vocabulary
	default:
		return stored, fault.New(fault.Invalid, "student_config: nobody knows which part of %s a smaller model has", stored.Name)
	}
	if len(small) == 2 {
		switch parts[len(parts)-2] {
		case "o_proj":
			small[1] = w.queries
		case "down_proj":
			small[1] = w.inner
		default:
			small[1] = w.hidden
		}
	}
	read := stored.Read
	stored.Tensor = w.e.Hollow(tensor.Float32, small...)
	stored.Read = func() (*tensor.Tensor, error) {
		t, err := read()
		if err != nil {
			return nil, err
		}
		for dim, size := range small {
			t = t.Narrow(int64(dim), 0, size)
		}
		return t.Contiguous(), nil
	}
	return stored, nil
}
