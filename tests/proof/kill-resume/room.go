package main

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"elara/data/sample"
)

//go:embed pipeline.yaml
var pipeline []byte

// poll is how often is asked what cannot be waited for otherwise. It is shorter than a training step of the tiny model.
const poll = 10 * time.Millisecond

// room is what the runs share: the program, and a folder with the pipeline, its model and its data.
type room struct {
	program string // build/elara
	folder  string
}

func newRoom(ctx context.Context, folder string) (room, error) {
	build, err := filepath.Abs("build")
	if err != nil {
		return room{}, err
	}
	r := room{program: filepath.Join(build, "elara"), folder: folder}
	maker := filepath.Join(build, "elara-worker")
	for _, program := range []string{r.program, maker} {
		if _, err := os.Stat(program); err != nil {
			return room{}, fmt.Errorf("build/%s is missing: run make build, and the proof from the repository's root", filepath.Base(program))
		}
	}
	if _, err := run(exec.CommandContext(ctx, maker, "exec", "tiny-model", "--out", filepath.Join(folder, "model"))); err != nil {
		return room{}, err
	}
	if _, err := sample.Write(filepath.Join(folder, "data"), sample.Options{}); err != nil {
		return room{}, err
	}
	return r, os.WriteFile(r.pipeline(), pipeline, 0o600)
}

func (r room) pipeline() string { return filepath.Join(r.folder, "pipeline.yaml") }

// run runs a command to its end and gives its standard output.
func run(command *exec.Cmd) (string, error) {
	var out, problems bytes.Buffer
	command.Stdout, command.Stderr = &out, &problems
	if err := command.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", filepath.Base(command.Path), command.Args[1], err, bytes.TrimSpace(append(out.Bytes(), problems.Bytes()...)))
	}
	return out.String(), nil
}
