package serving

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// Completion is an answer, or a part of one that is streamed, in OpenAI's form.
type Completion struct {
	ID          string   `json:"id"`
	Object      string   `json:"object"`
	Created     int64    `json:"created"`
	Model       string   `json:"model"`
	Fingerprint string   `json:"system_fingerprint"` // the beginning of the weights' digest
	Choices     []Choice `json:"choices"`
	Usage       *Usage   `json:"usage,omitempty"`
	PromptIDs   []int32  `json:"prompt_token_ids,omitempty"` // with return_token_ids
}

// Choice is the one answer.
type Choice struct {
	Index    int           `json:"index"`
	Message  *Part         `json:"message,omitempty"`
	Delta    *Part         `json:"delta,omitempty"` // of what is streamed
	Finish   *FinishReason `json:"finish_reason"`
	TokenIDs []int32       `json:"token_ids,omitempty"` // with return_token_ids
}

// Part is a message of the assistant, or what is added to it.
type Part struct {
	Role    string  `json:"role,omitempty"`
	Content *string `json:"content,omitempty"`
}

// Usage counts tokens.
type Usage struct {
	Prompt     int `json:"prompt_tokens"`
	Completion int `json:"completion_tokens"`
	Total      int `json:"total_tokens"`
}

// reply writes an answer, at once or piece by piece as server-sent events.
type reply struct {
	w          http.ResponseWriter
	connection *http.ResponseController
	request    chatRequest
	frame      Completion
	prompt     []int32
	whole      strings.Builder
	ids        []int32 // all tokens
	sent       int     // of them
	begun      bool    // something is written
}

func newReply(w http.ResponseWriter, connection *http.ResponseController, request chatRequest, m Model, g Generation) *reply {
	return &reply{w: w, connection: connection, request: request, prompt: g.Prompt, frame: Completion{
		ID: newID(), Object: "chat.completion", Created: time.Now().Unix(), Model: m.Name, Fingerprint: "fp_" + m.Digest.Short(),
	}}
}

// token takes a token and the text that is sure with it.
func (a *reply) token(id int32, piece string) error {
	a.ids = append(a.ids, id)
	if !a.request.Stream {
		a.whole.WriteString(piece)
		return nil
	}
	if err := a.begin(); err != nil || piece == "" {
		return err
	}
	return a.part(&Part{Content: &piece}, nil)
}

// end writes the last piece and the reason of the end.
func (a *reply) end(piece string, reason FinishReason) error {
	usage := &Usage{Prompt: len(a.prompt), Completion: len(a.ids), Total: len(a.prompt) + len(a.ids)}
	if !a.request.Stream {
		a.whole.WriteString(piece)
		whole, answer := a.whole.String(), a.frame
		answer.Choices = []Choice{{Message: &Part{Role: "assistant", Content: &whole}, Finish: &reason}}
		answer.Usage = usage
		if a.request.ReturnTokenIDs {
			answer.PromptIDs, answer.Choices[0].TokenIDs = a.prompt, a.ids
		}
		_ = a.connection.SetWriteDeadline(time.Now().Add(writeWithin))
		writeJSON(a.w, http.StatusOK, answer)
		return nil
	}
	if err := a.begin(); err != nil {
		return err
	}
	if piece != "" {
		if err := a.part(&Part{Content: &piece}, nil); err != nil {
			return err
		}
	}
	if err := a.part(&Part{}, &reason); err != nil {
		return err
	}
	if options := a.request.StreamOptions; options != nil && options.IncludeUsage {
		last := a.frame
		last.Choices, last.Usage = []Choice{}, usage
		if err := a.event(last); err != nil {
			return err
		}
	}
	return a.write("[DONE]")
}

// begin writes the head of a stream and the role.
func (a *reply) begin() error {
	if a.begun {
		return nil
	}
	a.begun, a.frame.Object = true, "chat.completion.chunk"
	a.w.Header().Set("Content-Type", "text/event-stream")
	a.w.Header().Set("X-Accel-Buffering", "no") // nginx would hold pieces back
	first, none := a.frame, ""
	if a.request.ReturnTokenIDs {
		first.PromptIDs = a.prompt
	}
	first.Choices = []Choice{{Delta: &Part{Role: "assistant", Content: &none}}}
	return a.event(first)
}

func (a *reply) part(delta *Part, reason *FinishReason) error {
	next := a.frame
	next.Choices = []Choice{{Delta: delta, Finish: reason}}
	if a.request.ReturnTokenIDs {
		next.Choices[0].TokenIDs = a.ids[a.sent:]
	}
	a.sent = len(a.ids)
	return a.event(next)
}

// fail ends a stream by an error; there is no [DONE].
func (a *reply) fail(refused *refusal) {
	refused.sent = true
	_ = a.event(refused.body()) // a client that is gone cannot be told
}

func (a *reply) event(value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return a.write(string(text))
}

// write sends one event, and gives up on a client that does not take it.
func (a *reply) write(data string) error {
	_ = a.connection.SetWriteDeadline(time.Now().Add(writeWithin))
	if _, err := a.w.Write([]byte("data: " + data + "\n\n")); err != nil {
		return err
	}
	err := a.connection.Flush()
	_ = a.connection.SetWriteDeadline(time.Time{}) // under HTTP/2 it would pass while the next piece is waited for
	return err
}
