package gguf

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/data/floats"
	"elara/spec"
	"elara/spec/fault"
)

// quantsGolden is what tests/peer/gguf/quants.py wrote: rows of 256 values, and what ggml makes of them.
type quantsGolden struct {
	Values []byte
	Types  map[string]struct {
		Bytes []byte
		Read  spec.Digest `json:"read_sha256"` // of the values that they are read as
	}
}

func readQuants(t *testing.T) (values []float32, golden quantsGolden) {
	t.Helper()
	text, err := os.ReadFile("testdata/quants.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &golden))
	return floatsOf(t, golden.Values), golden
}

func floatsOf(t *testing.T, data []byte) []float32 {
	t.Helper()
	values := make([]float32, len(data)/4)
	require.NoError(t, floats.Decode(values, "F32", data))
	return values
}

// kindOf finds a type by its name.
func kindOf(t *testing.T, name string) Type {
	t.Helper()
	for kind := range BF16 + 1 {
		if kind.String() == name {
			return kind
		}
	}
	t.Fatalf("no type is named %s", name)
	return 0
}

func TestQuantisedBytesAreThoseOfGGML(t *testing.T) {
	values, golden := readQuants(t)
	require.Len(t, golden.Types, 9)
	for name, want := range golden.Types {
		t.Run(name, func(t *testing.T) {
			kind := kindOf(t, name)
			got := make([]byte, len(want.Bytes))
			require.NoError(t, quantize(kind, got, values))
			rowBytes := len(got) / (len(values) / 256)
			for row := range len(values) / 256 {
				require.Equal(t, want.Bytes[row*rowBytes:][:rowBytes], got[row*rowBytes:][:rowBytes], "row %d", row)
			}
		})
	}
}

// writeValues writes one tensor of rows of 256 for each type.
func writeValues(t *testing.T, path string, values []float32, kinds ...Type) error {
	t.Helper()
	var tensors []Planned
	for _, kind := range kinds {
		tensors = append(tensors, Planned{Name: "t." + kind.String(), Shape: []int{len(values) / 256, 256}, Type: kind,
			Read: func() ([]float32, error) { return values, nil }})
	}
	return Write(context.Background(), path, []Entry{{"general.architecture", "test"}}, tensors, nil)
}

func TestWrittenTensorsAreReadAsThePythonPackageReadsThem(t *testing.T) {
	values, golden := readQuants(t)
	path := filepath.Join(t.TempDir(), "all.gguf")
	var kinds []Type
	for name := range golden.Types {
		kinds = append(kinds, kindOf(t, name))
	}
	require.NoError(t, writeValues(t, path, values, kinds...))
	file := open(t, path)
	for name, want := range golden.Types {
		got := make([]float32, len(values))
		require.NoError(t, file.ReadF32("t."+name, got))
		var data []byte
		for _, v := range got {
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v+0)) // a zero's sign is ggml's here, and not numpy's
		}
		require.Equal(t, want.Read, spec.DigestOf(sha256.Sum256(data)), name)
	}
}

func TestMetadataComesBackAsItWasWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "meta.gguf")
	require.NoError(t, Write(context.Background(), path, []Entry{
		{"s", "text"}, {"b", true}, {"n", false}, {"u", uint32(7)}, {"i", int32(-7)}, {"l", uint64(1 << 40)}, {"f", float32(0.5)},
		{"ss", []string{"a", "", "ü"}}, {"ii", []int32{-1, 2}}, {"ff", []float32{1.5}},
	}, nil, nil))
	file := open(t, path)
	require.Equal(t, []string{"s", "b", "n", "u", "i", "l", "f", "ss", "ii", "ff"}, file.Keys())
	got := map[string]any{}
	for key, v := range file.values {
		got[key] = v.content
	}
	require.Equal(t, map[string]any{"s": "text", "b": true, "n": false, "u": uint64(7), "i": int64(-7), "l": uint64(1 << 40), "f": 0.5,
		"ss": []string{"a", "", "ü"}, "ii": []int64{-1, 2}, "ff": []float64{1.5}}, got)
}

func TestWhatCannotBeWrittenLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "model.gguf")
	plan := func(change func(*Planned)) []Planned {
		p := Planned{Name: "w", Shape: []int{1, 32}, Type: Q8_0, Read: func() ([]float32, error) { return make([]float32, 32), nil }}
		change(&p)
		return []Planned{p}
	}
	with := func(at int, v float32) func() ([]float32, error) {
		return func() ([]float32, error) {
			values := make([]float32, 32)
			values[at] = v
			return values, nil
		}
	}
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, c := range []struct {
		name    string
		tensors []Planned
		want    string
	}{
		{"NaN", plan(func(p *Planned) { p.Read = with(3, nan) }), `tensor "w": value 3 is NaN, expected a finite number`},
		{"infinity", plan(func(p *Planned) { p.Type, p.Read = F32, with(31, -inf) }), `tensor "w": value 31 is -Inf, expected a finite number`},
		{"too large", plan(func(p *Planned) { p.Type, p.Read = F16, with(0, 70000) }), "value 0 is 70000, expected a finite number of at most 65504 for type F16"},
		{"too few values", plan(func(p *Planned) { p.Shape = []int{2, 32} }), "32 values, expected 64 for shape [2 32]"},
		{"read fails", plan(func(p *Planned) { p.Read = func() ([]float32, error) { return nil, errors.New("cut off") } }), `tensor "w": cut off`},
		{"row no multiple", plan(func(p *Planned) { p.Shape = []int{2, 16} }), "has rows of 16 values, expected a multiple of 32 for type Q8_0"},
		{"no type", plan(func(p *Planned) { p.Type = 10 }), "is to have type Q2_K, expected F32"},
		{"read-only type", plan(func(p *Planned) { p.Type = Q4_1 }), "type Q4_1 is read only, expected F32"},
		{"no shape", plan(func(p *Planned) { p.Shape = nil }), "has shape [], expected 1 to 4 sizes above 0"},
		{"twice", append(plan(func(*Planned) {}), plan(func(*Planned) {})...), `tensor name "w": expected each name once`},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := Write(context.Background(), path, nil, c.tensors, nil)
			require.ErrorContains(t, err, c.want)
			left, err := os.ReadDir(dir)
			require.NoError(t, err)
			require.Empty(t, left)
		})
	}
	require.ErrorContains(t, Write(context.Background(), path, []Entry{{"k", 1}}, nil, nil), `metadata key "k": a value of Go's type int`)
	require.ErrorContains(t, Write(context.Background(), path, []Entry{{"k", "a"}, {"k", "b"}}, nil, nil), `metadata key "k": expected each key once`)
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	require.ErrorIs(t, Write(cancelled, path, nil, plan(func(*Planned) {}), nil), context.Canceled)
	require.True(t, fault.Is(Write(context.Background(), path, nil, plan(func(p *Planned) { p.Read = with(3, nan) }), nil), fault.Invalid))
}

func TestProgressEndsAtTheSizeOfTheData(t *testing.T) {
	values, _ := readQuants(t)
	var seen [][2]int64
	read := func() ([]float32, error) { return values, nil }
	tensors := []Planned{{Name: "a", Shape: []int{len(values)}, Type: F32, Read: read}, {Name: "b", Shape: []int{len(values)}, Type: Q4_0, Read: read}}
	require.NoError(t, Write(context.Background(), filepath.Join(t.TempDir(), "a.gguf"), nil, tensors, func(done, total int64) {
		seen = append(seen, [2]int64{done, total})
	}))
	n := int64(len(values))
	require.Equal(t, [][2]int64{{4 * n, 4*n + n/32*18}, {4*n + n/32*18, 4*n + n/32*18}}, seen)
}
