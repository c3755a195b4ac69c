package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"elara/tests/otlp"
)

// site is what the proof brings up. Fields are filled by the steps, in their order.
type site struct {
	root, work string
	tools      toolbox

	programs []*program // in the order of their start
	traces   *otlp.Receiver

	lastPort     int // that ports gave
	databasePort int
	temporal     string // address of the frontend
	s3           string // URL
}

// Credentials of what runs for the length of the proof, on the loopback.
const (
	password  = "proof-password"
	accessKey = "proof-access"
	secretKey = "proof-secret"
	namespace = "elara"
)

// program is a running child process.
type program struct {
	name    string
	command *exec.Cmd
	ended   chan struct{} // closed when it has ended
	status  error         // how, once it has
}

// start runs a program with its output in a log of its name. It dies with the proof.
func (s *site) start(name string, command *exec.Cmd) error {
	log, err := os.Create(filepath.Join(s.work, name+".log"))
	if err != nil {
		return err
	}
	command.Stdout, command.Stderr = log, log
	if command.SysProcAttr == nil {
		command.SysProcAttr = &syscall.SysProcAttr{}
	}
	command.SysProcAttr.Pdeathsig = syscall.SIGKILL
	if err := errors.Join(command.Start(), log.Close()); err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	p := &program{name: name, command: command, ended: make(chan struct{})}
	go func() {
		p.status = command.Wait()
		close(p.ended)
	}()
	s.programs = append(s.programs, p)
	return nil
}

// stop ends the programs, last started first, and kills what does not end.
func (s *site) stop() error {
	var problems []error
	for i := len(s.programs) - 1; i >= 0; i-- {
		p := s.programs[i]
		if err := p.command.Process.Signal(os.Interrupt); err != nil {
			if !errors.Is(err, os.ErrProcessDone) {
				problems = append(problems, err)
			}
			continue
		}
		select {
		case <-p.ended: // it ended by our signal: its exit status says nothing
		case <-time.After(time.Minute):
			problems = append(problems, fmt.Errorf("%s did not end within a minute", p.name), p.command.Process.Kill())
		}
	}
	if s.traces != nil {
		_, err := s.traces.Stop()
		problems = append(problems, err)
	}
	return errors.Join(problems...)
}

// await asks until ready passes, the newest program ends, or two minutes are over.
func (s *site) await(ctx context.Context, ready func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	newest := s.programs[len(s.programs)-1]
	again := time.NewTicker(200 * time.Millisecond)
	defer again.Stop()
	for {
		last := ready(ctx)
		if last == nil {
			return nil
		}
		select {
		case <-newest.ended:
			return fmt.Errorf("%s ended: %w: %s", newest.name, newest.status, s.tail(newest.name))
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w", newest.name, last)
		case <-again.C:
		}
	}
}

// tail gives the end of a program's log.
func (s *site) tail(name string) string {
	content, err := os.ReadFile(filepath.Join(s.work, name+".log"))
	if err != nil {
		return err.Error()
	}
	return string(bytes.TrimSpace(content[max(0, len(content)-800):]))
}

// run runs a command to its end and gives its standard output.
func run(command *exec.Cmd) (string, error) {
	var out, problems bytes.Buffer
	command.Stdout, command.Stderr = &out, &problems
	if err := command.Run(); err != nil {
		return "", fmt.Errorf("%s: %w: %s", filepath.Base(command.Path), err, bytes.TrimSpace(append(out.Bytes(), problems.Bytes()...)))
	}
	return out.String(), nil
}

// ports gives ports that were free a moment ago and were given to nobody yet. Temporal keeps membership ports in a
// 16-bit signed column, so they lie below 32,768: not where the kernel chooses from.
func (s *site) ports(ctx context.Context, count int) ([]int, error) {
	var ports []int
	const low, high = 20000, 32000
	if s.lastPort == 0 {
		s.lastPort = low + os.Getpid()%(high-low)
	}
	for len(ports) < count {
		if s.lastPort++; s.lastPort >= high {
			s.lastPort = low
		}
		listener, listenErr := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(s.lastPort)))
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case listenErr != nil:
			continue // taken by others
		}
		if err := listener.Close(); err != nil {
			return nil, err
		}
		ports = append(ports, s.lastPort)
	}
	return ports, nil
}

// answers passes when the URL answers 200 with a page that holds the text.
func answers(url, text string) func(context.Context) error {
	return func(ctx context.Context) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return err
		}
		page, err := io.ReadAll(response.Body)
		if response.StatusCode != http.StatusOK || !bytes.Contains(page, []byte(text)) {
			err = errors.Join(err, fmt.Errorf("%s answers %s without %q", url, response.Status, text))
		}
		return errors.Join(err, response.Body.Close())
	}
}
