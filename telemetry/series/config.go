package series

import (
	"bytes"
	"encoding/json"

	"elara/spec/fault"
)

// Setting is one top-level key of a configuration.
type Setting struct {
	Key   string
	Value json.RawMessage
}

// Config is a configuration in the order in which it was written.
type Config []Setting

// ConfigOf takes a struct or a map apart by its JSON form.
func ConfigOf(v any) (Config, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, fault.New(fault.Invalid, "configuration of a run: %w", err)
	}
	var c Config
	err = json.Unmarshal(data, &c)
	return c, err
}

// MarshalJSON writes one object.
func (c Config) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, setting := range c {
		if i > 0 {
			b.WriteByte(',')
		}
		key, err := json.Marshal(setting.Key)
		if err != nil {
			return nil, fault.New(fault.Invalid, "configuration key: %w", err)
		}
		b.Write(key)
		b.WriteByte(':')
		b.Write(setting.Value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// UnmarshalJSON reads one object and keeps the order of its keys.
func (c *Config) UnmarshalJSON(data []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	if open, err := decoder.Token(); err != nil || open != json.Delim('{') {
		return fault.New(fault.Invalid, "configuration of a run: expected a JSON object")
	}
	*c = nil
	for decoder.More() {
		key, err := decoder.Token()
		if err != nil {
			return fault.New(fault.Corrupt, "configuration of a run: %w", err)
		}
		setting := Setting{Key: key.(string)} // a JSON key is nothing else
		if err := decoder.Decode(&setting.Value); err != nil {
			return fault.New(fault.Corrupt, "configuration of a run, key %q: %w", setting.Key, err)
		}
		*c = append(*c, setting)
	}
	return nil
}
