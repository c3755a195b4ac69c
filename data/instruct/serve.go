package instruct

import (
	"strings"

	"elara/spec"
	"elara/spec/fault"
)

// The markers that stand before each part of the text, on a line of their own.
const (
	systemMarker = "<|system|>"
	userMarker   = "<|user|>"
)

// Message is one part of a conversation, as chat interfaces have it.
type Message struct {
	Role    string `json:"role"` // system, user or assistant
	Content string `json:"content"`
}

// CheckHash refuses a template that is not the one a model was taught by: its answers would be those of another model.
func (t Template) CheckHash(taught spec.Digest) error {
	hash, err := t.Hash()
	if err != nil || hash == taught {
		return err
	}
	return fault.New(fault.Invalid, "the model was taught by the template %s, and %q here is %s: expected the same", taught.Short(), t.ID, hash.Short())
}

// Conversation is the text that a model is given to answer the last message: for one question exactly Prompt, the beginning
// of the training text. Earlier turns stand before it in the same form, without an end mark between them. A system message,
// which may only be the first, takes the place of the audience's.
//
// It refuses roles out of turn, and content with a marker on a line of its own: that would be a turn nobody took.
func (t Template) Conversation(messages []Message, audience spec.Audience) (string, error) {
	system, err := t.System(audience)
	if err != nil {
		return "", err
	}
	for i, m := range messages {
		for line := range strings.Lines(m.Content) {
			if line = strings.TrimSpace(line); line == systemMarker || line == userMarker || line+"\n" == AssistantMarker {
				return "", fault.New(fault.Invalid, "message %d holds a line %s, expected none of the template's own markers", i+1, line)
			}
		}
	}
	if len(messages) > 0 && messages[0].Role == "system" {
		system, messages = messages[0].Content, messages[1:]
	}
	if len(messages)%2 == 0 {
		return "", fault.New(fault.Invalid,
			"the conversation has %d messages of user and assistant, expected an odd number: the last one is the user's", len(messages))
	}
	text := systemMarker + "\n" + system
	for i, m := range messages {
		expected, marker := "user", userMarker+"\n"
		if i%2 == 1 {
			expected, marker = "assistant", AssistantMarker
		}
		if m.Role != expected {
			return "", fault.New(fault.Invalid, "message %d after the system's has the role %.20q, expected %s", i+1, m.Role, expected)
		}
		text += "\n" + marker + m.Content
	}
	return text + "\n" + AssistantMarker, nil
}
