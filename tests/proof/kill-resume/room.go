package main

import (
	"context"
	_ "embed"
	"os"
	"path/filepath"
	"time"

	"elara/data/sample"
	"elara/tests/ground"
)

//go:embed pipeline.yaml
var pipeline []byte

// poll is how often is asked what cannot be waited for otherwise. It is shorter than a training step of the tiny model.
const poll = 10 * time.Millisecond

// room is what the runs share: a folder with the pipeline, its model and its data.
type room struct{ folder string }

func newRoom(ctx context.Context, folder string) (room, error) {
	r := room{folder: folder}
	if err := ground.Run(ctx, ground.Worker, "exec", "tiny-model", "--out", filepath.Join(folder, "model")); err != nil {
		return room{}, err
	}
	if _, err := sample.Write(filepath.Join(folder, "data"), sample.Options{}); err != nil {
		return room{}, err
	}
	return r, os.WriteFile(r.pipeline(), pipeline, 0o600)
}

func (r room) pipeline() string { return filepath.Join(r.folder, "pipeline.yaml") }
