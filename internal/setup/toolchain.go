package setup

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

//go:embed native/compat.h
var compatHeader []byte

//go:embed native/c++
var compilerScript []byte

// stubNames are the CUDA libraries that gotch's link flags name. On a machine without them each is an empty
// shared library; --as-needed then leaves it out of the program.
func stubNames() []string {
	return []string{
		"cuda", "cudart", "cublas", "cudnn", "caffe2_nvrtc", "nvrtc-builtins", "nvrtc", "nvToolsExt",
		"c10_cuda", "torch_cuda",
	}
}

// toolchain is the folder with what the compiler needs beside libtorch. Its name is a digest of what goes
// into it, so that equal clones share one path, and with it Go's build cache.
type toolchain struct{ dir string }

func (t toolchain) header() string   { return filepath.Join(t.dir, "compat.h") }
func (t toolchain) compiler() string { return filepath.Join(t.dir, "c++") }
func (t toolchain) stubs() string    { return filepath.Join(t.dir, "stubs") }

func (c Cache) toolchain() toolchain {
	hash := sha256.New()
	for _, content := range [][]byte{compatHeader, compilerScript, []byte(strings.Join(stubNames(), " "))} {
		fmt.Fprintf(hash, "%d:%s", len(content), content)
	}
	name := "toolchain-" + hex.EncodeToString(hash.Sum(nil))[:8]
	return toolchain{dir: filepath.Join(c.parts(), name)}
}

// present reports whether every file of the folder is there.
func (t toolchain) present() bool {
	files := []string{t.header(), t.compiler()}
	for _, name := range stubNames() {
		files = append(files, t.stub(t.dir, name))
	}
	for _, file := range files {
		if _, err := os.Stat(file); err != nil {
			return false
		}
	}
	return true
}

func (t toolchain) stub(dir, name string) string {
	return filepath.Join(dir, "stubs", "lib"+name+".so")
}

// makeToolchain writes the folder and publishes it whole. The caller holds the lock.
func (c Cache) makeToolchain(ctx context.Context) error {
	t := c.toolchain()
	dir, err := os.MkdirTemp(c.parts(), partial)
	if err != nil {
		return fmt.Errorf("make a folder for the compiler's files: %w", err)
	}
	if err = t.fill(ctx, dir); err == nil {
		err = publish(dir, t.dir)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("make %s: %w", t.dir, err), os.RemoveAll(dir))
	}
	return nil
}

func (t toolchain) fill(ctx context.Context, dir string) error {
	if err := os.WriteFile(filepath.Join(dir, "compat.h"), compatHeader, 0o644); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "c++"), compilerScript, 0o755); err != nil {
		return err
	}
	if err := os.Mkdir(filepath.Join(dir, "stubs"), 0o755); err != nil {
		return err
	}
	for _, name := range stubNames() {
		compile := exec.CommandContext(ctx, "g++", "-shared", "-nostdlib", "-x", "c", os.DevNull, "-o", t.stub(dir, name))
		if output, err := compile.CombinedOutput(); err != nil {
			return fmt.Errorf("compile the empty library %s: %w: %s", name, err, strings.TrimSpace(string(output)))
		}
	}
	return nil
}
