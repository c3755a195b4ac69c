package export

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"elara/data/gguf"
	"elara/spec/fault"
)

const (
	architectureKey = "general.architecture"
	ropeFreqs       = "rope_freqs.weight"
)

// Report tells what was written.
type Report struct {
	Path         string         `json:"path"`
	SizeBytes    int64          `json:"size_bytes"`
	Quantisation string         `json:"quantisation"`
	Tensors      map[string]int `json:"tensors"`             // how many are of which type
	Fallbacks    []string       `json:"fallbacks,omitempty"` // types that others were taken for, with the reason
	Notes        []string       `json:"notes,omitempty"`
}

// GGUF writes the model as one file, which appears when it is whole. Told, if not nil, is called after each tensor with the
// bytes so far and in all.
func (m *Model) GGUF(ctx context.Context, path, quant string, told func(done, total int64)) (Report, error) {
	q, err := parseQuantisation(quant)
	if err != nil {
		return Report{}, err
	}
	metadata, err := m.metadata(q)
	if err != nil {
		return Report{}, err
	}
	report := Report{Path: path, Quantisation: quant, Tensors: map[string]int{}, Notes: m.Notes()}
	tensors := m.plan(q, &report)
	if err := gguf.Write(ctx, path, metadata, tensors, told); err != nil {
		return Report{}, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return Report{}, fmt.Errorf("look at what was written: %w", err)
	}
	report.SizeBytes = info.Size()
	return report, nil
}

func (m *Model) metadata(q quantisation) ([]gguf.Entry, error) {
	rows := 0
	for _, p := range m.tensors {
		if p.to == "token_embd.weight" {
			rows = p.shape[0]
		}
	}
	words, err := m.tokenizer.GGUF(m.place, rows)
	if err != nil {
		return nil, err
	}
	entries := append(m.config.metadata(), gguf.Entry{Key: "general.type", Value: "model"}, gguf.Entry{Key: "general.name", Value: m.Name},
		gguf.Entry{Key: "general.file_type", Value: q.fileType}, gguf.Entry{Key: "general.quantization_version", Value: uint32(2)})
	entries = append(entries, words...)
	if m.ChatTemplate != "" {
		entries = append(entries, gguf.Entry{Key: "tokenizer.chat_template", Value: m.ChatTemplate})
	}
	for _, key := range slices.Sorted(maps.Keys(m.Facts)) {
		if strings.TrimSpace(m.Facts[key]) == "" {
			return nil, fault.New(fault.Invalid, "fact %q about %s is empty", key, m.place)
		}
		entries = append(entries, gguf.Entry{Key: "elara." + key, Value: m.Facts[key]})
	}
	return entries, nil
}

// plan chooses each tensor's type, and reports where it is not the one that was wanted.
func (m *Model) plan(q quantisation, report *Report) []gguf.Planned {
	hasOutput := slices.ContainsFunc(m.tensors, func(p placed) bool { return p.to == "output.weight" })
	var tensors []gguf.Planned
	if divisors := m.config.ropeDivisors(); divisors != nil {
		tensors = append(tensors, gguf.Planned{Name: ropeFreqs, Shape: []int{len(divisors)}, Type: gguf.F32,
			Read: func() ([]float32, error) { return divisors, nil }})
	}
	instead := map[string]int{}
	for _, p := range m.tensors {
		t := m.planned(p, gguf.F32)
		layer := 0
		if strings.HasPrefix(p.to, "blk.") {
			_, _ = fmt.Sscanf(p.to, "blk.%d.", &layer) // names of place's own making
		}
		row := t.Shape[len(t.Shape)-1]
		wanted := q.wanted(p.to, len(p.shape), layer, m.config.layers(), hasOutput)
		if t.Type = fallback(wanted, row); t.Type != wanted {
			instead[fmt.Sprintf("%s instead of %s for rows of %d values, no multiple of %d", t.Type, wanted, row, wanted.BlockValues())]++
		}
		tensors = append(tensors, t)
	}
	for _, t := range tensors {
		report.Tensors[t.Type.String()]++
	}
	for _, what := range slices.Sorted(maps.Keys(instead)) {
		report.Fallbacks = append(report.Fallbacks, fmt.Sprintf("%s (%d tensors)", what, instead[what]))
	}
	return tensors
}
