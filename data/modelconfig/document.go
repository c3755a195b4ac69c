package modelconfig

import (
	"bytes"
	"encoding/json"
	"fmt"

	"elara/spec/fault"
)

// document is a config.json as it was read, every key of it: a base that is written back keeps what nothing here has a use
// for.
type document map[string]json.RawMessage

// parseDocument reads a config.json; file stands for it in errors. One whose weights are packed in a way that no reader
// here undoes is refused.
func parseDocument(file string, data []byte) (document, error) {
	var d document
	if err := json.Unmarshal(data, &d); err != nil {
		return nil, fault.At(file, 0, "not a model configuration: %w", err)
	}
	if packed := d["quantization_config"]; len(packed) > 0 && string(packed) != "null" {
		return nil, fault.At(file, 0, "quantization_config is not supported, expected weights in float32, float16 or bfloat16")
	}
	return d, nil
}

// encode writes the document for a model of this vocabulary, and of this type by torch's name: its keys sorted, as transformers
// writes them.
func (d document) encode(vocabulary int64, dtype string) ([]byte, error) {
	changed := map[string]any{}
	for key, value := range d {
		changed[key] = value
	}
	changed["vocab_size"] = vocabulary
	key := "dtype"
	if _, old := d["torch_dtype"]; old { // its name until transformers 4.56, where the new one may not be known
		key = "torch_dtype"
	}
	changed[key] = dtype
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(changed); err != nil {
		return nil, fmt.Errorf("encode configuration: %w", err)
	}
	return out.Bytes(), nil
}

// tokens reads a key that holds one token id, a list of them, or null; file stands for the document in errors.
func (d document) tokens(file, key string) ([]int32, error) {
	raw := d[key]
	if len(raw) == 0 || string(raw) == "null" {
		return nil, nil
	}
	var one int32
	if json.Unmarshal(raw, &one) == nil {
		return []int32{one}, nil
	}
	var many []int32
	if json.Unmarshal(raw, &many) != nil {
		return nil, fault.At(file, 0, "%s is %.40s, expected a token id or a list of them", key, raw)
	}
	return many, nil
}
