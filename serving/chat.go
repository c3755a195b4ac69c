package serving

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	mathrand "math/rand/v2"
	"net/http"
	"time"

	"elara/spec/fault"
	"elara/telemetry"
)

// writeWithin is what a client has to take a piece of an answer.
const writeWithin = 30 * time.Second

var (
	errStopped = errors.New("the answer has one of the request's stops")
	errTimeout = errors.New("the request took too long")
)

// chat answers POST /v1/chat/completions.
func (s *Server) chat(w http.ResponseWriter, r *http.Request) {
	observed := telemetry.ServedRequest{Started: time.Now(), Outcome: "ok"}
	connection := http.NewResponseController(w)
	// Waiting takes as long as it takes; each writing has a deadline of its own.
	_ = connection.SetWriteDeadline(time.Time{})
	refused := s.answer(w, r, connection, &observed)
	_ = connection.SetWriteDeadline(time.Now().Add(writeWithin)) // of a refusal, and of what is written when this returns
	if refused != nil {
		observed.Outcome = cmp.Or(deref(refused.Code), refused.Type)
		if !refused.sent {
			refused.write(w)
		}
	}
	observed.Ended = time.Now()
	s.Instruments.Request(context.WithoutCancel(r.Context()), observed)
}

func deref(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

// answer reads a request and answers it. A refusal after the beginning of an answer has been sent already.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, connection *http.ResponseController, observed *telemetry.ServedRequest) *refusal {
	request, refused := readRequest(w, r)
	if refused != nil {
		return refused
	}
	m, found := s.models[request.Model]
	if !found {
		return s.unknown(request.Model)
	}
	observed.Model = m.Name
	g, refused := s.generation(request, m)
	if refused != nil {
		return refused
	}
	if !s.take(r.Context()) {
		refused := wrong("", "%d requests are answered or wait, try again later", s.Requests).as(http.StatusTooManyRequests, "rate_limit_error")
		return refused.coded("server_busy")
	}
	defer s.leave(context.WithoutCancel(r.Context()))
	ctx, cancel := context.WithTimeoutCause(r.Context(), s.Timeout, errTimeout)
	defer cancel()

	observed.PromptTokens = len(g.Prompt)
	a := newReply(w, connection, request, m, g)
	pieces := text{tokenizer: s.Tokenizer, stops: request.Stop}
	reason, err := s.Generator.Generate(ctx, g, func(id int32) error {
		if observed.AnswerTokens++; observed.AnswerTokens == 1 {
			observed.FirstToken = time.Now()
		}
		if err := a.token(id, pieces.add(id)); err != nil {
			return err
		}
		if pieces.stopped {
			return errStopped
		}
		return nil
	})
	if errors.Is(err, errStopped) {
		reason, err = FinishStop, nil
	}
	if err == nil {
		err = a.end(pieces.end(), reason)
	}
	if err == nil {
		return nil
	}
	refused = s.failure(ctx, r, m, err)
	if a.begun {
		a.fail(refused)
	}
	return refused
}

// generation makes of a request what the model is given: the tokens of the conversation in the template by which it was taught.
func (s *Server) generation(request chatRequest, m Model) (Generation, *refusal) {
	audience, err := m.audienceOf(request.Audience)
	if err != nil {
		return Generation{}, wrong("audience", "audience: %s", err)
	}
	asked, err := s.Template.Conversation(request.turns(), audience)
	if err != nil {
		return Generation{}, wrong("messages", "messages: %s", err)
	}
	g := Generation{Model: m.Name, Prompt: s.Tokenizer.EncodeWithSpecial(asked), Temperature: 1, TopP: 1, Seed: mathrand.Uint64()}
	most := cmp.Or(request.MaxCompletionTokens, request.MaxTokens)
	room := s.Window - len(g.Prompt)
	switch {
	case most == nil && room >= 1:
		g.MaxNewTokens = min(room, s.MaxNewTokens)
	case most != nil && room >= *most:
		g.MaxNewTokens = *most
	default:
		wanted := 1
		if most != nil {
			wanted = *most
		}
		return g, wrong("messages", "the model's window is %d tokens, and the messages have %d with %d asked for",
			s.Window, len(g.Prompt), wanted).coded("context_length_exceeded")
	}
	if request.Temperature != nil {
		g.Temperature = *request.Temperature
	}
	if request.TopP != nil {
		g.TopP = *request.TopP
	}
	if request.Seed != nil {
		g.Seed = uint64(*request.Seed)
	}
	return g, nil
}

// failure tells an answer that broke off from one whose client went away. What went wrong inside stands in the log.
func (s *Server) failure(ctx context.Context, r *http.Request, m Model, err error) *refusal {
	switch {
	case r.Context().Err() != nil:
		return wrong("", "the client is gone").as(499, "client_gone") // as proxies count it; nobody reads it
	case errors.Is(context.Cause(ctx), errTimeout):
		return wrong("", "no answer within %s", s.Timeout).as(http.StatusGatewayTimeout, "timeout_error")
	case fault.Is(err, fault.Invalid):
		return wrong("", "%s", err).as(http.StatusBadRequest, "invalid_request_error")
	}
	s.Logger.Error("a request failed", "model", m.Name, "error", err)
	return wrong("", "the server failed to answer").as(http.StatusInternalServerError, "server_error")
}

// newID names an answer.
func newID() string {
	var random [12]byte
	_, _ = rand.Read(random[:]) // never fails
	return "chatcmpl-" + hex.EncodeToString(random[:])
}
