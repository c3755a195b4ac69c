package preference

import (
	"bytes"
	"encoding/json"
	"strings"

	"elara/spec/fault"
)

// Roles of chat messages.
const (
	RoleSystem    = "system"
	RoleUser      = "user"
	RoleAssistant = "assistant"
)

// Message is one message of a chat, as chat templates take it.
type Message struct {
	Content string `json:"content"`
	Role    string `json:"role"`
}

// Prompt is what was asked: a plain text, or the messages of a chat up to a user's turn. One of both is set. In JSON it is
// a string or a list.
type Prompt struct {
	Text     string
	Messages []Message
}

// MarshalJSON writes a string or a list of messages.
func (p Prompt) MarshalJSON() ([]byte, error) {
	if p.Messages != nil {
		return json.Marshal(p.Messages)
	}
	return json.Marshal(p.Text)
}

// UnmarshalJSON reads both forms.
func (p *Prompt) UnmarshalJSON(text []byte) error {
	*p = Prompt{}
	if bytes.HasPrefix(bytes.TrimSpace(text), []byte("[")) {
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.DisallowUnknownFields()
		return decoder.Decode(&p.Messages)
	}
	return json.Unmarshal(text, &p.Text)
}

// Check refuses a prompt that asks nothing, or whose messages are not in the order that chat templates want: a system
// message or none, then user and assistant in turns, with the user's turn last.
func (p Prompt) Check() error {
	if p.Messages == nil {
		if strings.TrimSpace(p.Text) == "" {
			return fault.New(fault.Invalid, "prompt is empty")
		}
		return nil
	}
	turns := p.Messages
	if len(turns) > 0 && turns[0].Role == RoleSystem {
		turns = turns[1:]
	}
	for i, message := range turns {
		want := RoleUser
		if i%2 == 1 {
			want = RoleAssistant
		}
		if message.Role != want {
			return fault.New(fault.Invalid, "prompt: message %d has role %s, expected %s: a system message or none, then user and assistant in turns",
				len(p.Messages)-len(turns)+i+1, quotedRole(message.Role), want)
		}
		if strings.TrimSpace(message.Content) == "" {
			return fault.New(fault.Invalid, "prompt: message %d is empty", len(p.Messages)-len(turns)+i+1)
		}
	}
	if len(turns)%2 == 0 {
		return fault.New(fault.Invalid, "prompt: expected messages that end with role user, found %d of which the last is not", len(p.Messages))
	}
	return nil
}

// quotedRole shows a role that is one of the known words; what else stands there may be text of a patient.
func quotedRole(role string) string {
	switch role {
	case RoleSystem, RoleUser, RoleAssistant:
		return role
	}
	return "unknown to chat templates"
}

// Plain is the prompt as one text. A chat of more than one message has none: its text depends on a template.
func (p Prompt) Plain() (string, bool) {
	if p.Messages == nil {
		return p.Text, true
	}
	if len(p.Messages) == 1 {
		return p.Messages[0].Content, true
	}
	return "", false
}

// Chat is the prompt as messages; a plain text is one message of the user.
func (p Prompt) Chat() []Message {
	if p.Messages == nil {
		return []Message{{Role: RoleUser, Content: p.Text}}
	}
	return p.Messages
}
