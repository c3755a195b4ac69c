package terminal

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"

	"elara/spec/fault"
)

// Asker asks a person and reads one line per answer.
type Asker struct {
	out   io.Writer
	lines <-chan string
}

// NewAsker asks on out and reads answers from in, as Lines does; Ask returns when its context does.
func NewAsker(in io.Reader, out io.Writer) *Asker { return &Asker{out: out, lines: Lines(in)} }

// Lines gives the lines of an input as they come, and is closed when it has ended. A read that waits for a person cannot be
// called off, so the reader lives on until then.
func Lines(in io.Reader) <-chan string {
	lines := make(chan string)
	go func() {
		defer close(lines)
		reader := bufio.NewReader(in)
		for {
			text, err := reader.ReadString('\n')
			if text != "" {
				lines <- text
			}
			if err != nil {
				return
			}
		}
	}()
	return lines
}

// Ask puts the question and gives the answer without the white space around it.
func (a *Asker) Ask(ctx context.Context, question string) (string, error) {
	if _, err := fmt.Fprintf(a.out, "%s ", question); err != nil {
		return "", err
	}
	select {
	case answer, open := <-a.lines:
		if !open {
			return "", fault.New(fault.Invalid, "%s: expected an answer, the input ended", question)
		}
		return strings.TrimSpace(answer), nil
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

// Confirm asks until the answer is yes or no; an empty answer is no.
func (a *Asker) Confirm(ctx context.Context, question string) (bool, error) {
	for {
		answer, err := a.Ask(ctx, question+" [y/N]")
		if err != nil {
			return false, err
		}
		switch strings.ToLower(answer) {
		case "y", "yes":
			return true, nil
		case "", "n", "no":
			return false, nil
		}
	}
}
