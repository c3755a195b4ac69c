package export

import (
	"strings"

	"elara/data/gguf"
	"elara/spec/fault"
)

// quantisation is a form in which whole models are written, as llama-quantize names them.
type quantisation struct {
	name     string
	kind     gguf.Type
	fileType uint32 // general.file_type
}

// quantisations lists those that are written. Q4_K is llama-quantize's Q4_K_M, as there.
func quantisations() []quantisation {
	return []quantisation{{"F32", gguf.F32, 0}, {"F16", gguf.F16, 1}, {"BF16", gguf.BF16, 32}, {"Q8_0", gguf.Q8_0, 7}, {"Q4_0", gguf.Q4_0, 2},
		{"Q4_K", gguf.Q4_K, 15}}
}

// CheckQuantisation refuses a name that GGUF would refuse.
func CheckQuantisation(name string) error {
	_, err := parseQuantisation(name)
	return err
}

func parseQuantisation(name string) (quantisation, error) {
	for _, q := range quantisations() {
		if q.name == name {
			return q, nil
		}
	}
	return quantisation{}, fault.New(fault.Invalid, "quantisation %q: expected F32, F16, BF16, Q8_0, Q4_0 or Q4_K", name)
}

// wanted is the type that llama.cpp gives a tensor: its converter where a model is not quantised or in Q8_0, llama-quantize
// (llama_tensor_get_type) for the others. hasOutput says whether the model has an output embedding of its own.
func (q quantisation) wanted(name string, dims, layer, layers int, hasOutput bool) gguf.Type {
	if dims < 2 || strings.HasSuffix(name, "_norm.weight") || name == "position_embd.weight" {
		return gguf.F32
	}
	if q.kind != gguf.Q4_0 && q.kind != gguf.Q4_K {
		return q.kind
	}
	if name == "output.weight" || name == "token_embd.weight" && !hasOutput {
		return gguf.Q6_K
	}
	if q.kind == gguf.Q4_0 {
		return q.kind
	}
	more := layer < layers/8 || layer >= 7*layers/8 || (layer-layers/8)%3 == 2
	switch part := name[strings.LastIndex(strings.TrimSuffix(name, ".weight"), ".")+1:]; {
	case part == "attn_v.weight" && more, part == "ffn_down.weight" && more:
		return gguf.Q6_K
	case part == "attn_v.weight" && layers == 80: // a 70B, whose heads share few of them
		return gguf.Q5_K
	case part == "attn_qkv.weight":
		return gguf.Q5_K
	}
	return q.kind
}

// fallback is the type for rows that the wanted one's block does not divide: llama-quantize's, but for Q5_K, whose
// fallback there is Q5_1.
func fallback(wanted gguf.Type, row int) gguf.Type {
	for _, kind := range []gguf.Type{wanted, map[gguf.Type]gguf.Type{gguf.Q4_K: gguf.Q5_0, gguf.Q5_K: gguf.Q8_0, gguf.Q6_K: gguf.Q8_0}[wanted]} {
		if kind != gguf.F32 && row%kind.BlockValues() == 0 {
			return kind
		}
	}
	if wanted == gguf.F32 {
		return wanted
	}
	return gguf.F16
}
