package hub

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// hidden is what every rendering of a Token shows.
const hidden = "***"

// Token lets its holder read private models. No log, error or file may show it; only the header of a request to the hub
// does.
type Token struct{ value string }

// NewToken wraps a token; white space around it, such as the line feed of a file, is no part of it.
func NewToken(value string) Token { return Token{value: strings.TrimSpace(value)} }

// IsZero reports whether there is none.
func (t Token) IsZero() bool { return t.value == "" }

// Format covers every verb of package fmt, %#v included.
func (t Token) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, hidden) }

// String is for callers that do not go through package fmt.
func (t Token) String() string { return hidden }

// LogValue is for slog.
func (t Token) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalJSON is for encoding/json.
func (t Token) MarshalJSON() ([]byte, error) { return json.Marshal(hidden) }

// MarshalText is for encoders of other formats.
func (t Token) MarshalText() ([]byte, error) { return []byte(hidden), nil }
