package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"elara/tests/ground"
)

// peer is Python's tokenizers in a process of its own: tests/peer/tokenizer/speed.py.
type peer struct {
	command *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
}

// startPeer fetches the vocabularies and the peers where they are missing. The texts are in dir.
func startPeer(ctx context.Context, dir string) (*peer, error) {
	fetch := exec.CommandContext(ctx, "tests/peer/tokenizer/fetch")
	fetch.Stdout, fetch.Stderr = os.Stderr, os.Stderr
	if err := fetch.Run(); err != nil {
		return nil, fmt.Errorf("fetch the vocabularies: %w", err)
	}
	python, err := ground.Peer(ctx, "tests/peer/venv")
	if err != nil {
		return nil, err
	}
	command := exec.CommandContext(ctx, python, "tests/peer/tokenizer/speed.py", dir)
	command.Env = append(os.Environ(), "TOKENIZERS_PARALLELISM=false")
	command.Stderr = os.Stderr
	in, err := command.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, err
	}
	p := &peer{command, in, bufio.NewReader(out)}
	line, err := p.out.ReadString('\n') // the version, once it is ready
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start Python's tokenizers: %w", err), p.close())
	}
	fmt.Printf("beside %s", line)
	return p, nil
}

// encode lets Python encode a list of texts with a vocabulary.
func (p *peer) encode(vocabulary, text string) (encoding, error) {
	if _, err := fmt.Fprintf(p.in, "%s\t%s\n", vocabulary, text); err != nil {
		return encoding{}, fmt.Errorf("ask Python for %s on %s: %w", vocabulary, text, err)
	}
	line, err := p.out.ReadBytes('\n')
	if err != nil {
		return encoding{}, fmt.Errorf("hear Python on %s, %s: %w", vocabulary, text, err)
	}
	var answer struct {
		Seconds float64
		Digest  string
	}
	if err := json.Unmarshal(line, &answer); err != nil {
		return encoding{}, fmt.Errorf("hear Python on %s, %s: %w", vocabulary, text, err)
	}
	return encoding{cpu: time.Duration(answer.Seconds * float64(time.Second)), digest: answer.Digest}, nil
}

// close lets the process end.
func (p *peer) close() error {
	return errors.Join(p.in.Close(), p.command.Wait())
}
