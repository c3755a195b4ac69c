//go:build torch

package recipes

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"

	"elara/engine/loss"
	"elara/engine/model"
	"elara/engine/nn"
	"elara/engine/tensor"
	"elara/spec"
	"elara/spec/fault"
)

// recordedFile lists in a folder of log-probabilities what it holds and of what. The parts beside it hold, for each prediction of
// each row in order, k token ids as uint32 and k+1 log-probabilities as float32, the last being that of all other tokens together:
// 8k+4 bytes, little-endian.
const recordedFile = "teacher_logprobs.json"

// rowsPerPart is how many rows one file holds: what a cut costs at most.
const rowsPerPart = 256

// recorded are a teacher's log-probabilities of some rows.
type recorded struct {
	Teacher     spec.Digest    `json:"teacher"` // of the base model's files and of the adapter's
	Tokenizer   spec.Digest    `json:"tokenizer"`
	Rows        spec.Digest    `json:"rows"` // of their tokens, and which are supervised
	Count       int            `json:"count"`
	TopK        int            `json:"top_k"`
	Temperature float64        `json:"temperature"`
	Parts       []recordedPart `json:"parts"`

	dir   string
	first []int64 // first prediction of each row, over all of them; one more than there are rows
}

type recordedPart struct {
	File   string      `json:"file"`
	Digest spec.Digest `json:"digest"`
}

// allParts makes record compute all that is missing.
const allParts = math.MaxInt

// RecordTeacher computes the teacher's log-probabilities of the job's rows into its folder, going on behind what is there, so many more
// parts of rowsPerPart rows at most. It gives how many parts there are, of how many.
func (r *Runner) RecordTeacher(ctx context.Context, job spec.DistillJob, most int, progress func(spec.Progress)) (parts, all int, err error) {
	d, err := r.beginDistillation(ctx, job)
	if err != nil {
		return 0, 0, err
	}
	made, err := d.record(ctx, most, progress)
	if err != nil {
		return 0, 0, err
	}
	return len(made.Parts), partsOf(len(d.train.list)), nil
}

// partsOf is how many parts so many rows have.
func partsOf(rows int) int { return (rows + rowsPerPart - 1) / rowsPerPart }

// record makes sure that the teacher's log-probabilities of all rows lie in the job's folder, or so many more parts of them. What is there
// of the same teacher, rows and options stays; what is there of others is refused.
func (d *distillation) record(ctx context.Context, most int, progress func(spec.Progress)) (*recorded, error) {
	job, list := d.job, d.train.list
	teacher, err := teacherDigest(d.teacherBase, job.TeacherAdapter)
	if err != nil {
		return nil, err
	}
	want := &recorded{
		Teacher: teacher, Tokenizer: d.tokenizer, Rows: rowsDigest(list), Count: len(list), TopK: job.TopK, Temperature: job.Temperature,
		dir: job.TeacherLogProbs, first: firstPredictions(list),
	}
	if err := want.open(); err != nil {
		return nil, err
	}
	parts := partsOf(len(list))
	until := len(want.Parts) + min(most, parts-len(want.Parts))
	if len(want.Parts) == until {
		return want, nil
	}
	err = d.runner.open(ctx, job.TeacherModel, job.TeacherAdapter, func(b *base, slot int) error {
		for at := len(want.Parts); at < until; at++ {
			rows := list[at*rowsPerPart : min(len(list), (at+1)*rowsPerPart)]
			data, err := d.runner.recordPart(ctx, b.model, slot, rows, job)
			if err != nil {
				return err
			}
			if err := want.add(data); err != nil {
				return err
			}
			progress(spec.Progress{Stage: spec.StageTeacher, Step: int64(at + 1), TotalSteps: int64(parts)})
		}
		return nil
	})
	return want, err
}

// recordPart gives the records of some rows, one after the other.
func (r *Runner) recordPart(ctx context.Context, m model.Model, slot int, list []nn.Row, job spec.DistillJob) ([]byte, error) {
	var out []byte
	k := job.TopK
	if int64(k) >= m.Facts().Vocabulary {
		return nil, fault.New(fault.Invalid, "top_k is %d of a vocabulary of %d, expected less", k, m.Facts().Vocabulary)
	}
	err := forward{engine: r.Engine, adapter: slot, batch: evalBatch}.over(ctx, list, func(_ int, pass *nn.Pass) {
		ids, logProbs := loss.TopLogProbs(m, pass, k, job.Temperature)
		words, values := ids.To(tensor.Int32).Bytes(), logProbs.Bytes()
		for _, places := range placesOf(pass) {
			for _, at := range places {
				out = append(out, words[at*4*k:(at+1)*4*k]...)
				out = append(out, values[at*4*(k+1):(at+1)*4*(k+1)]...)
			}
		}
	})
	return out, err
}

// open reads what the folder has of the same, and sees that its parts are whole.
func (t *recorded) open() error {
	path := filepath.Join(t.dir, recordedFile)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	var there recorded
	if err := json.Unmarshal(data, &there); err != nil {
		return fault.New(fault.Corrupt, "%s: %w", path, err)
	}
	for _, fact := range []struct {
		name      string
		have, own any
	}{
		{"teacher", there.Teacher, t.Teacher}, {"tokenizer", there.Tokenizer, t.Tokenizer}, {"rows", there.Rows, t.Rows},
		{"top_k", there.TopK, t.TopK}, {"temperature", there.Temperature, t.Temperature},
	} {
		if fact.have != fact.own {
			return fault.New(fault.Conflict, "%s: made with %s %v, this job has %v: expected the same, or a new folder in teacher_logprobs", path, fact.name, fact.have, fact.own)
		}
	}
	for i, part := range there.Parts {
		digest, err := digestOf(filepath.Join(t.dir, filepath.Base(part.File)))
		if err != nil {
			return err
		}
		if digest != part.Digest {
			return fault.New(fault.Corrupt, "%s: part %d has the digest %s, expected %s: remove the folder", path, i, digest, part.Digest)
		}
	}
	t.Parts = there.Parts
	return nil
}

// add writes the next part, and then that it is there.
func (t *recorded) add(data []byte) error {
	part := recordedPart{File: fmt.Sprintf("teacher-%05d.bin", len(t.Parts)), Digest: spec.DigestOf(sha256.Sum256(data))}
	t.Parts = append(t.Parts, part)
	list, err := encodeJSON(recordedFile, t)
	if err != nil {
		return err
	}
	if err := writeFolder(t.dir, map[string][]byte{part.File: data}, nil); err != nil {
		return err
	}
	return writeFolder(t.dir, map[string][]byte{recordedFile: list}, nil)
}

// of gives the teacher of a pass: rows[n] is the number of its row n. It runs inside Engine.Do.
func (t *recorded) of(e *tensor.Engine, p *nn.Pass, rows []int) (tensor.Teacher, error) {
	k := t.TopK
	ids, values := make([]int64, len(p.Of)*k), make([]float32, len(p.Of)*(k+1))
	for n, places := range placesOf(p) {
		data, err := t.row(rows[n])
		if err != nil {
			return tensor.Teacher{}, err
		}
		for j, at := range places {
			record := data[j*t.size() : (j+1)*t.size()]
			for i := range k {
				ids[at*k+i] = int64(binary.LittleEndian.Uint32(record[4*i:]))
			}
			for i := range k + 1 {
				values[at*(k+1)+i] = math.Float32frombits(binary.LittleEndian.Uint32(record[4*(k+i):]))
			}
		}
	}
	n := int64(len(p.Of))
	return tensor.Teacher{IDs: e.FromInt64(ids).View(n, int64(k)), LogProbs: e.FromFloat32(values, n, int64(k+1))}, nil
}

// size is the bytes of a record.
func (t *recorded) size() int { return 8*t.TopK + 4 }

// row reads the records of one row.
func (t *recorded) row(n int) (_ []byte, err error) {
	part := n / rowsPerPart
	path := filepath.Join(t.dir, filepath.Base(t.Parts[part].File))
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	size := int64(t.size())
	data := make([]byte, (t.first[n+1]-t.first[n])*size)
	if _, err := file.ReadAt(data, (t.first[n]-t.first[part*rowsPerPart])*size); err != nil {
		return nil, fault.New(fault.Corrupt, "read row %d in %s: %w", n, path, err)
	}
	return data, nil
}

// firstPredictions counts what the rows before each predict.
func firstPredictions(list []nn.Row) []int64 {
	first := make([]int64, len(list)+1)
	for n, row := range list {
		first[n+1] = first[n] + int64(row.Predictions())
	}
	return first
}

// rowsDigest identifies rows by their tokens and by which of these are supervised.
func rowsDigest(list []nn.Row) spec.Digest {
	var text bytes.Buffer
	hash := sha256.New()
	for _, row := range list {
		text.Reset()
		fmt.Fprintln(&text, row.Tokens, row.Supervised)
		hash.Write(text.Bytes())
	}
	return spec.DigestOf([sha256.Size]byte(hash.Sum(nil)))
}

// teacherDigest identifies a teacher by the files of its base model and of its adapter.
func teacherDigest(base spec.Digest, adapter string) (spec.Digest, error) {
	if adapter == "" {
		return base, nil
	}
	hash := sha256.New()
	fmt.Fprintln(hash, base)
	for _, name := range []string{"adapter_config.json", "adapter_model.safetensors"} {
		if err := addFile(hash, filepath.Join(adapter, name)); err != nil {
			return "", err
		}
	}
	return spec.DigestOf([sha256.Size]byte(hash.Sum(nil))), nil
}
