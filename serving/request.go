package serving

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"elara/data/instruct"
	"elara/spec"
)

// chatRequest is the body of POST /v1/chat/completions, as far as it is honoured. Fields that are null are absent.
type chatRequest struct {
	Model               string         `json:"model"`
	Messages            []message      `json:"messages"`
	MaxTokens           *int           `json:"max_tokens"` // the older name of the next
	MaxCompletionTokens *int           `json:"max_completion_tokens"`
	Temperature         *float64       `json:"temperature"`
	TopP                *float64       `json:"top_p"`
	Seed                *int64         `json:"seed"`
	Stop                stops          `json:"stop"`
	Stream              bool           `json:"stream"`
	StreamOptions       *streamOptions `json:"stream_options"`
	Audience            spec.Audience  `json:"audience"`         // our own: for whom the model without an adapter answers
	ReturnTokenIDs      bool           `json:"return_token_ids"` // vLLM's: the answer has its tokens and the prompt's
}

type streamOptions struct {
	IncludeUsage bool `json:"include_usage"`
}

type message struct {
	Role    string  `json:"role"`
	Content content `json:"content"`
}

// content is a text, or a list of parts that are texts.
type content string

// UnmarshalJSON joins the parts.
func (c *content) UnmarshalJSON(data []byte) error {
	var text string
	if json.Unmarshal(data, &text) == nil {
		*c = content(text)
		return nil
	}
	var parts []struct {
		Type string  `json:"type"`
		Text *string `json:"text"`
	}
	if err := json.Unmarshal(data, &parts); err != nil {
		return errors.New("expected a text, or a list of parts of the type text")
	}
	for _, part := range parts {
		if part.Type != "text" || part.Text == nil {
			return errors.New("expected parts of the type text only")
		}
		text += *part.Text
	}
	*c = content(text)
	return nil
}

// stops is a text or a list of them.
type stops []string

// UnmarshalJSON makes a list of one text.
func (s *stops) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*s = stops{one}
		return nil
	}
	var all []string
	if json.Unmarshal(data, &all) != nil {
		return errors.New("expected a text, or a list of texts")
	}
	*s = all
	return nil
}

// unheeded are OpenAI's fields about the caller and the bill: what the model answers does not depend on them.
var unheeded = []string{"user", "metadata", "store", "service_tier", "safety_identifier", "prompt_cache_key"}

// neutral are OpenAI's fields that clients send with the value that changes nothing; any other value is refused.
var neutral = map[string]any{
	"n": 1.0, "frequency_penalty": 0.0, "presence_penalty": 0.0, "logprobs": false, "top_logprobs": 0.0, "logit_bias": map[string]any{},
	"tools": []any{}, "tool_choice": "none", "response_format": map[string]any{"type": "text"}, "modalities": []any{"text"},
}

// Bounds of what a caller may send.
const (
	maxBody  = 4 << 20 // bytes; far beyond any window
	maxStops = 4       // OpenAI's own
)

// readRequest decodes a body strictly: a field that is not honoured is named, never passed over.
func readRequest(w http.ResponseWriter, r *http.Request) (chatRequest, *refusal) {
	var request chatRequest
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return request, wrong("", "the body has more than %d bytes", maxBody).as(http.StatusRequestEntityTooLarge, "invalid_request_error")
	}
	if err != nil {
		return request, wrong("", "the body cannot be read").as(http.StatusBadRequest, "invalid_request_error")
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(body, &fields); err != nil || fields == nil {
		return request, wrong("", "the body is not a JSON object").as(http.StatusBadRequest, "invalid_request_error")
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		value := fields[name]
		switch plain, known := neutral[name]; {
		case bytes.Equal(value, []byte("null")) || slices.Contains(unheeded, name):
			delete(fields, name)
		case known:
			var sent any
			if json.Unmarshal(value, &sent) != nil || !reflect.DeepEqual(sent, plain) {
				return request, wrong(name, "%s: only %s is supported", name, encoded(plain)).coded("unsupported_value")
			}
			delete(fields, name)
		}
	}
	decoder := json.NewDecoder(bytes.NewReader(encoded(fields)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&request); err != nil {
		return request, undecoded(err)
	}
	return request, request.check()
}

// encoded is the JSON of what came out of JSON.
func encoded(value any) []byte {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return text
}

// undecoded names the field that an error of encoding/json is about.
func undecoded(err error) *refusal {
	var mistyped *json.UnmarshalTypeError
	if errors.As(err, &mistyped) {
		expected := mistyped.Type.Kind().String()
		if kind := mistyped.Type.Kind(); kind == reflect.Float64 {
			expected = "number"
		} else if kind == reflect.Slice || kind == reflect.Struct {
			expected = "list or object"
		}
		return wrong(mistyped.Field, "%s: expected a %s, found a %s", mistyped.Field, expected, mistyped.Value).coded("invalid_type")
	}
	if _, name, unknown := strings.Cut(err.Error(), "unknown field "); unknown {
		name = strings.Trim(name, `"`)
		return wrong(name, "%s: unknown or unsupported field", name).coded("unknown_parameter")
	}
	return wrong("", "%s", err).as(http.StatusBadRequest, "invalid_request_error")
}

// check refuses values out of range. What depends on the model is left to the server.
func (r *chatRequest) check() *refusal {
	switch {
	case r.Model == "":
		return wrong("model", "model: expected the name of one").coded("missing_required_parameter")
	case len(r.Messages) == 0:
		return wrong("messages", "messages: expected at least one").coded("missing_required_parameter")
	case r.MaxTokens != nil && r.MaxCompletionTokens != nil && *r.MaxTokens != *r.MaxCompletionTokens:
		return wrong("max_tokens", "max_tokens and max_completion_tokens differ, expected one of them")
	case r.MaxTokens != nil && *r.MaxTokens < 1:
		return wrong("max_tokens", "max_tokens: expected at least 1, found %d", *r.MaxTokens)
	case r.MaxCompletionTokens != nil && *r.MaxCompletionTokens < 1:
		return wrong("max_completion_tokens", "max_completion_tokens: expected at least 1, found %d", *r.MaxCompletionTokens)
	case r.Temperature != nil && (*r.Temperature < 0 || *r.Temperature > 2):
		return wrong("temperature", "temperature: expected 0 to 2, found %v", *r.Temperature)
	case r.TopP != nil && (*r.TopP <= 0 || *r.TopP > 1):
		return wrong("top_p", "top_p: expected above 0 and at most 1, found %v", *r.TopP)
	case len(r.Stop) > maxStops || slices.Contains(r.Stop, ""):
		return wrong("stop", "stop: expected at most %d texts, none of them empty", maxStops)
	case r.StreamOptions != nil && !r.Stream:
		return wrong("stream_options", "stream_options: expected only where stream is true")
	}
	return nil
}

// turns are the messages as instruct has them; OpenAI's newer name of the system is developer.
func (r *chatRequest) turns() []instruct.Message {
	turns := make([]instruct.Message, len(r.Messages))
	for i, m := range r.Messages {
		turns[i] = instruct.Message{Role: m.Role, Content: string(m.Content)}
		if m.Role == "developer" {
			turns[i].Role = "system"
		}
	}
	return turns
}
