//go:build torch

package lora

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"elara/spec"
)

// names is a key of PEFT's that holds module names, or one pattern for whole names.
type names struct {
	list    []string
	pattern string
}

// MarshalJSON implements json.Marshaler: PEFT's sets have no order, a file has.
func (n names) MarshalJSON() ([]byte, error) {
	if n.pattern != "" {
		return plain(n.pattern)
	}
	return json.Marshal(slices.Sorted(slices.Values(n.list)))
}

// UnmarshalJSON implements json.Unmarshaler.
func (n *names) UnmarshalJSON(data []byte) error {
	*n = names{}
	if json.Unmarshal(data, &n.pattern) == nil {
		return nil
	}
	if err := json.Unmarshal(data, &n.list); err != nil {
		return fmt.Errorf("%.60s, expected module names or a pattern", data)
	}
	slices.Sort(n.list)
	return nil
}

// listOf is a key of PEFT's that holds a list, or one element of it.
type listOf[T any] []T

// UnmarshalJSON implements json.Unmarshaler.
func (l *listOf[T]) UnmarshalJSON(data []byte) error {
	var one T
	if string(data) != "null" && json.Unmarshal(data, &one) == nil {
		*l = listOf[T]{one}
		return nil
	}
	return json.Unmarshal(data, (*[]T)(l))
}

// rules is an object of PEFT's whose order counts.
type rules[T any] []ruleOf[T]

type ruleOf[T any] struct {
	modules string
	value   T
}

// MarshalJSON implements json.Marshaler.
func (r rules[T]) MarshalJSON() ([]byte, error) {
	out := []byte{'{'}
	for i, rule := range r {
		key, err := plain(rule.modules)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(rule.value)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			out = append(out, ',')
		}
		out = append(append(append(out, key...), ':'), value...)
	}
	return append(out, '}'), nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (r *rules[T]) UnmarshalJSON(data []byte) error {
	*r = nil
	decoder := json.NewDecoder(bytes.NewReader(data))
	if open, err := decoder.Token(); err != nil || open == nil {
		return err
	} else if open != json.Delim('{') {
		return fmt.Errorf("%.60s, expected an object of patterns", data)
	}
	for decoder.More() {
		key, err := decoder.Token()
		if err != nil {
			return err
		}
		rule := ruleOf[T]{modules: fmt.Sprint(key)}
		if err := decoder.Decode(&rule.value); err != nil {
			return fmt.Errorf("pattern %q: %w", rule.modules, err)
		}
		*r = append(*r, rule)
	}
	return nil
}

// initial is init_lora_weights. What is saved does not depend on it, unless it is a way to begin that changes the base.
type initial spec.LoRAInit

// MarshalJSON implements json.Marshaler.
func (i initial) MarshalJSON() ([]byte, error) {
	switch spec.LoRAInit(i) {
	case spec.InitGaussian:
		return json.Marshal(string(i))
	case spec.InitRandom:
		return []byte("false"), nil
	}
	return []byte("true"), nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (i *initial) UnmarshalJSON(data []byte) error {
	switch string(data) {
	case "null", "true", `"eva"`, `"orthogonal"`: // the last two only say how the matrices began
		*i = initial(spec.InitDefault)
	case "false":
		*i = initial(spec.InitRandom)
	case `"gaussian"`:
		*i = initial(spec.InitGaussian)
	default:
		return fmt.Errorf("init_lora_weights is %s, which is not supported, expected true, false or gaussian", data)
	}
	return nil
}

// plain is a JSON text whose <, > and & stay readable.
func plain(text string) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(text)
	return bytes.TrimRight(out.Bytes(), "\n"), err
}
