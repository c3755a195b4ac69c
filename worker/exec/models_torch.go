//go:build torch

package exec

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"time"

	"elara/configs"
	"elara/data/hub"
)

// models brings base models that are given by name onto this machine, each once: trainings over one base must find it under
// one path to share it.
type models struct {
	tell    io.Writer // gets lines for the person who waits
	folders map[hub.Name]string
	made    []string // temporary folders
}

// withModels runs f, and removes afterwards what was laid out for it. What was fetched stays in the hub's cache.
func withModels(tell io.Writer, f func(*models) error) (err error) {
	m := &models{tell: tell, folders: map[hub.Name]string{}}
	defer func() {
		for _, folder := range m.made {
			err = errors.Join(err, os.RemoveAll(folder))
		}
	}()
	return f(m)
}

// find gives the path of a model that a flag names.
func (m *models) find(ctx context.Context, text string) (string, error) {
	name, isName, err := configs.HubName(text, text)
	if err != nil || !isName {
		return text, err
	}
	return m.fetch(ctx, name)
}

// base gives the path of the base model that a configuration names, and its name where it is one on a hub.
func (m *models) base(ctx context.Context, config, text string) (path string, name hub.Name, err error) {
	if filepath.IsAbs(text) {
		return text, name, nil
	}
	if name, err = hub.ParseName(text); err != nil {
		return "", name, placed(config, err)
	}
	if path, err = m.fetch(ctx, name); err != nil {
		return "", name, fmt.Errorf("%s: base_model: %w", config, err)
	}
	return path, name, nil
}

// fetch gives a folder with the files of a model and nothing else that the cache holds of it.
func (m *models) fetch(ctx context.Context, name hub.Name) (string, error) {
	if folder, found := m.folders[name]; found {
		return folder, nil
	}
	settings, err := hub.FromEnvironment(os.Getenv)
	if err != nil {
		return "", err
	}
	client, err := hub.New(settings)
	if err != nil {
		return "", err
	}
	snapshot, err := client.Fetch(ctx, name, m.progress(name))
	if err != nil {
		return "", fmt.Errorf("%q is no path here, and as a name on a hub: %w", name.Repo, err)
	}
	for _, file := range snapshot.Unverified {
		fmt.Fprintf(m.tell, "%s: the hub gave no digest for %s, which is believed on its size\n", name, file)
	}
	if snapshot.Unreachable != nil {
		fmt.Fprintf(m.tell, "%s: the hub does not answer, using commit %s of the cache\n", name, snapshot.Commit)
	}
	made, err := os.MkdirTemp("", "elara-base-*")
	if err != nil {
		return "", fmt.Errorf("make a folder for %s: %w", name, err)
	}
	m.made = append(m.made, made)
	folder := filepath.Join(made, path.Base(name.Repo))
	if err := os.Mkdir(folder, 0o700); err != nil {
		return "", fmt.Errorf("make a folder for %s: %w", name, err)
	}
	m.folders[name] = folder
	return folder, snapshot.LinkInto(folder)
}

// progress tells once a second how far a transfer is; one that takes no time, as from the cache, tells nothing.
func (m *models) progress(name hub.Name) func(hub.Progress) {
	const every = time.Second
	told := time.Now()
	return func(p hub.Progress) {
		if now := time.Now(); now.Sub(told) >= every {
			told = now
			fmt.Fprintf(m.tell, "%s: %s, %.1f of %.1f MB\n", name, p.File, float64(p.Done)/1e6, float64(p.Total)/1e6)
		}
	}
}
