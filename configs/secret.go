package configs

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
)

// hidden is what every rendering of a Secret shows.
const hidden = "***"

// Secret holds a value that no log, error, dump or file may show. Reveal is the only way to read it, so a search for
// Reveal finds every place a secret goes to.
type Secret struct{ value string }

// NewSecret wraps a value.
func NewSecret(value string) Secret { return Secret{value: value} }

// Reveal gives the value, for handing to the client that needs it.
func (s Secret) Reveal() string { return s.value }

// IsZero reports whether there is no value.
func (s Secret) IsZero() bool { return s.value == "" }

// Format covers every verb of package fmt, %#v included.
func (s Secret) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, hidden) }

// String is for callers that do not go through package fmt.
func (s Secret) String() string { return hidden }

// LogValue is for slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalJSON is for encoding/json.
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(hidden) }

// MarshalText is for encoders of other formats, and for map keys.
func (s Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// MarshalYAML is for go.yaml.in/yaml.
func (s Secret) MarshalYAML() (any, error) { return hidden, nil }
