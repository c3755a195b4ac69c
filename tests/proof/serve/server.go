package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"

	"elara/serving"
	"elara/tests/ground"
)

const token = "a-token-of-the-proof"

// server is elara serve in a process of its own.
type server struct {
	url     string
	command *exec.Cmd
}

func start(ctx context.Context, base string, adapters []model) (*server, error) {
	args := []string{"serve", "--model", base, "--listen", "127.0.0.1:0"}
	for _, m := range adapters {
		args = append(args, "--adapter", m.name+"="+m.folder)
	}
	command := exec.CommandContext(ctx, ground.Elara, args...)
	command.Env = append(os.Environ(), serving.TokenVariable+"="+token)
	command.Stderr = os.Stderr
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	out, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	address, found := strings.CutPrefix(line, serving.AddressLine)
	if err != nil || !found {
		return nil, errors.Join(fmt.Errorf("the server said %q, expected its address", line), command.Wait())
	}
	return &server{url: strings.TrimSpace(address), command: command}, nil
}

// stop asks the server to end; it must do so without an error.
func (s *server) stop() error {
	return errors.Join(s.command.Process.Signal(syscall.SIGTERM), s.command.Wait())
}

// askAll lets all clients ask at once, half of them for streams, and counts what is equal.
func (s *server) askAll(ctx context.Context, models []model, expected map[string][]asked) (answers, prompts int, problems []error) {
	var mu sync.Mutex
	var all sync.WaitGroup
	for i := range clients {
		all.Go(func() {
			for round := range rounds {
				m := models[(i+round)%len(models)]
				want := expected[m.name][(i+2*round)%questions]
				got, err := s.ask(ctx, m.name, want.question, i%2 == 0)
				mu.Lock()
				if err != nil {
					problems = append(problems, err)
				}
				if slices.Equal(got.ids, want.ids) && got.text == want.text {
					answers++
				}
				if slices.Equal(got.prompt, want.prompt) {
					prompts++
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return answers, prompts, problems
}

// ask gives the tokens and the text of one greedy answer.
func (s *server) ask(ctx context.Context, model, question string, stream bool) (got asked, err error) {
	body, err := json.Marshal(map[string]any{
		"model": model, "messages": []map[string]string{{"role": "user", "content": question}}, "temperature": 0,
		"max_completion_tokens": newTokens, "stream": stream, "return_token_ids": true,
	})
	if err != nil {
		return got, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/chat/completions", strings.NewReader(string(body)))
	if err != nil {
		return got, err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return got, err
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		return got, errors.Join(err, fmt.Errorf("%s: %s", response.Status, text))
	}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimPrefix(strings.TrimSpace(line), "data: ")
		if line == "" || line == "[DONE]" {
			continue
		}
		var part serving.Completion
		if err := json.Unmarshal([]byte(line), &part); err != nil || len(part.Choices) != 1 {
			return got, errors.Join(err, fmt.Errorf("not one choice: %s", line))
		}
		choice := part.Choices[0]
		got.ids, got.prompt = append(got.ids, choice.TokenIDs...), append(got.prompt, part.PromptIDs...)
		for _, piece := range []*serving.Part{choice.Message, choice.Delta} {
			if piece != nil && piece.Content != nil {
				got.text += *piece.Content
			}
		}
	}
	return got, nil
}

// python lets OpenAI's own client ask.
func (s *server) python(ctx context.Context) (string, error) {
	peer, err := ground.Peer(ctx, "tests/peer/serving/venv")
	if err != nil {
		return "Python's openai is missing", nil //nolint:nilerr // that part is left out, and the figure says so
	}
	if err := ground.Run(ctx, peer, "tests/peer/serving/client.py", s.url, token); err != nil {
		return "Python's openai is not content", err
	}
	return "Python's openai is content", nil
}
