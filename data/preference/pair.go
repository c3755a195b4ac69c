package preference

import (
	"crypto/sha256"
	"strings"

	"elara/spec"
	"elara/spec/fault"
)

// Pair is a prompt with two answers. ID and Meta are its maker's: which adapter gave which answer, for instance.
type Pair struct {
	ID        string            `json:"id,omitempty"`
	Prompt    Prompt            `json:"prompt"`
	ResponseA string            `json:"response_a"`
	ResponseB string            `json:"response_b"`
	Meta      map[string]string `json:"meta,omitempty"`
}

// Check refuses a pair that gives nothing to choose between.
func (p Pair) Check() error {
	if err := p.Prompt.Check(); err != nil {
		return err
	}
	for _, response := range []struct{ name, text string }{{"response_a", p.ResponseA}, {"response_b", p.ResponseB}} {
		if strings.TrimSpace(response.text) == "" {
			return fault.New(fault.Invalid, "%s is empty", response.name)
		}
	}
	if p.ResponseA == p.ResponseB {
		return fault.New(fault.Invalid, "response_a and response_b are the same text, expected two answers to choose between")
	}
	return nil
}

// Digest is the identity of the texts: the SHA-256 of their canonical JSON (RFC 8785: keys in order, no blanks).
func (p Pair) Digest() spec.Digest { return spec.DigestOf(p.Sum()) }

// Sum is Digest as bytes.
func (p Pair) Sum() [sha256.Size]byte { return sha256.Sum256(p.canonical()) }

// Swapped is the pair with its answers in the other order.
func (p Pair) Swapped() Pair {
	p.ResponseA, p.ResponseB = p.ResponseB, p.ResponseA
	return p
}

func (p Pair) canonical() []byte {
	out := []byte(`{"prompt":`)
	if p.Prompt.Messages == nil {
		out = appendString(out, p.Prompt.Text)
	} else {
		out = append(out, '[')
		for i, message := range p.Prompt.Messages {
			if i > 0 {
				out = append(out, ',')
			}
			out = append(out, `{"content":`...)
			out = appendString(out, message.Content)
			out = append(out, `,"role":`...)
			out = append(appendString(out, message.Role), '}')
		}
		out = append(out, ']')
	}
	out = append(out, `,"response_a":`...)
	out = appendString(out, p.ResponseA)
	out = append(out, `,"response_b":`...)
	return append(appendString(out, p.ResponseB), '}')
}

// appendString writes a string as RFC 8785 wants it. encoding/json escapes more: U+2028, U+2029, <, > and &.
func appendString(out []byte, s string) []byte {
	const hexDigits = "0123456789abcdef"
	out = append(out, '"')
	for i := range len(s) {
		switch c := s[i]; c {
		case '"', '\\':
			out = append(out, '\\', c)
		case '\b':
			out = append(out, '\\', 'b')
		case '\f':
			out = append(out, '\\', 'f')
		case '\n':
			out = append(out, '\\', 'n')
		case '\r':
			out = append(out, '\\', 'r')
		case '\t':
			out = append(out, '\\', 't')
		default:
			if c < ' ' {
				out = append(out, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
			} else {
				out = append(out, c)
			}
		}
	}
	return append(out, '"')
}
