package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"elara/data/instruct"
	"elara/serving"
	"elara/spec"
	"elara/spec/fault"
)

// chatServer is a server of OpenAI's form.
type chatServer struct {
	url   string // up to and with /v1
	token string
}

// chatOrder is what is asked of it.
type chatOrder struct {
	Model       string             `json:"model"`
	Messages    []instruct.Message `json:"messages"`
	Stream      bool               `json:"stream"`
	Temperature float64            `json:"temperature"`
	MaxTokens   int                `json:"max_completion_tokens,omitempty"`
	Seed        int64              `json:"seed"`
	Audience    spec.Audience      `json:"audience"`
	Stop        []string           `json:"stop"`
}

// withOwnServer runs f with a server that is started for it, on a free port and with a token that nobody else has.
func (a *app) withOwnServer(ctx context.Context, o serving.Options, f func(context.Context, chatServer) error) (err error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	command, err := a.workerCommand(ctx, append([]string{"serve", "--listen", "127.0.0.1:0"}, o.ModelArguments()...)...)
	if err != nil {
		return err
	}
	s := chatServer{token: rand.Text()}
	command.Env = append(os.Environ(), serving.TokenVariable+"="+s.token)
	out, err := command.StdoutPipe()
	if err != nil {
		return err
	}
	if err := command.Start(); err != nil {
		return fmt.Errorf("start the server: %w", err)
	}
	first, err := bufio.NewReader(out).ReadString('\n')
	address, said := strings.CutPrefix(first, serving.AddressLine)
	if err != nil || !said {
		return stageEnded("serve", errors.Join(command.Wait(), unexpected(ctx, first)))
	}
	s.url = strings.TrimSpace(address)
	err = f(ctx, s)
	stop()
	if ended := command.Wait(); !errors.Is(ended, context.Canceled) {
		err = errors.Join(err, ended)
	}
	return err
}

// unexpected is what is wrong with a server that did not say its address.
func unexpected(ctx context.Context, first string) error {
	if first == "" || ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return fault.New(fault.Corrupt, "it printed %.80q, expected its address", first)
}

// models lists what the server answers with.
func (s chatServer) models(ctx context.Context) ([]serving.ListedModel, error) {
	response, err := s.send(ctx, http.MethodGet, "/models", nil)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close() //nolint:errcheck // it was only read
	var list struct {
		Data []serving.ListedModel `json:"data"`
	}
	if err := json.NewDecoder(response.Body).Decode(&list); err != nil || len(list.Data) == 0 {
		return nil, fault.New(fault.Invalid, "%s lists no models in OpenAI's form", s.url)
	}
	return list.Data, nil
}

// stream asks for an answer, and hands out its pieces.
func (s chatServer) stream(ctx context.Context, order chatOrder, each func(piece string) error) (finish serving.FinishReason, err error) {
	body, err := json.Marshal(order)
	if err != nil {
		return "", err
	}
	response, err := s.send(ctx, http.MethodPost, "/chat/completions", bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	defer response.Body.Close() //nolint:errcheck // it was only read
	reader := bufio.NewReader(response.Body)
	for {
		line, err := reader.ReadString('\n')
		if err != nil {
			return finish, fmt.Errorf("the answer broke off: %w", errors.Join(context.Cause(ctx), err))
		}
		data, isData := strings.CutPrefix(strings.TrimSpace(line), "data: ")
		if !isData {
			continue
		}
		if data == "[DONE]" {
			return finish, nil
		}
		var event struct {
			serving.Completion
			failed
		}
		if err := json.Unmarshal([]byte(data), &event); err != nil {
			return finish, fault.New(fault.Corrupt, "the answer is not in OpenAI's form: %w", err)
		}
		if event.Error.Message != "" {
			return finish, fmt.Errorf("the server: %s", event.Error.Message)
		}
		for _, choice := range event.Choices {
			if choice.Delta != nil && choice.Delta.Content != nil {
				if err := each(*choice.Delta.Content); err != nil {
					return finish, err
				}
			}
			if choice.Finish != nil {
				finish = *choice.Finish
			}
		}
	}
}

// failed is OpenAI's form of an error.
type failed struct {
	Error struct {
		Message string `json:"message"`
	} `json:"error"`
}

// send makes a request, and an error of what the server refuses.
func (s chatServer) send(ctx context.Context, method, path string, body io.Reader) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, s.url+path, body)
	if err != nil {
		return nil, usageError{fmt.Errorf("--url %s: %w", s.url, err)}
	}
	request.Header.Set("Content-Type", "application/json")
	if s.token != "" {
		request.Header.Set("Authorization", "Bearer "+s.token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("ask the server: %w", err)
	}
	if response.StatusCode == http.StatusOK {
		return response, nil
	}
	defer response.Body.Close() //nolint:errcheck // it was only read
	var said failed
	if err := json.NewDecoder(io.LimitReader(response.Body, 1<<20)).Decode(&said); err != nil || said.Error.Message == "" {
		return nil, fmt.Errorf("%s answers %s, expected OpenAI's form", s.url, response.Status)
	}
	err = fmt.Errorf("the server: %s", said.Error.Message)
	if response.StatusCode < http.StatusInternalServerError && response.StatusCode != http.StatusTooManyRequests {
		return nil, refusedError{err}
	}
	return nil, err
}
