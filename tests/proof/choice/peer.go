package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"

	"elara/spec"
)

// peer is tests/peer/choice/serve.py in a process of its own, which loads the model once.
type peer struct {
	command *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
	said    bytes.Buffer
}

// peerAnswer is a line of it.
type peerAnswer struct {
	Results map[string]float64 `json:"results"`
	Items   [][]float64        `json:"items"`
	Seconds float64            `json:"seconds"`
}

func startPeer(ctx context.Context, python, model string) (*peer, error) {
	p := &peer{command: exec.CommandContext(ctx, python, "tests/peer/choice/serve.py", model)}
	p.command.Env = append(os.Environ(), "HF_HUB_OFFLINE=1", "TRANSFORMERS_VERBOSITY=error")
	p.command.Stderr = &p.said
	var err error
	if p.in, err = p.command.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = bufio.NewReader(out)
	return p, p.command.Start()
}

// score lets the peer score a file.
func (p *peer) score(by string, form spec.ChoiceForm, file string) (answer peerAnswer, err error) {
	question, err := json.Marshal(map[string]string{"by": by, "form": string(form), "file": file})
	if err != nil {
		return answer, err
	}
	if _, err = p.in.Write(append(question, '\n')); err == nil {
		var line []byte
		if line, err = p.out.ReadBytes('\n'); err == nil {
			err = json.Unmarshal(line, &answer)
		}
	}
	if err != nil {
		return answer, errors.Join(fmt.Errorf("%s, form %s: %w", by, form, err), p.close())
	}
	return answer, nil
}

// close ends the peer; where it failed, the error has what it said.
func (p *peer) close() error {
	if p.command.ProcessState != nil {
		return nil
	}
	err := errors.Join(p.in.Close(), p.command.Wait())
	if err != nil {
		err = fmt.Errorf("the Python peer: %w\n%s", err, p.said.String())
	}
	return err
}
