package setup

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// The environment is written in two spellings of the same lines.
const (
	shellFile  = "env.sh"  // `. build/env.sh` in a shell; the Makefile and .ci/run do so
	editorFile = "cgo.env" // KEY=VALUE, for an editor's language server
)

// writeEnvironment writes both files into dir. Each is replaced at once, and only when it would change.
func writeEnvironment(dir string, variables []Variable) error {
	var shell, editor bytes.Buffer
	shell.WriteString("# Written by make setup. Source it before go build -tags torch.\n")
	for _, v := range variables {
		if v.Reason != "" {
			fmt.Fprintf(&shell, "# %s\n", v.Reason)
		}
		fmt.Fprintf(&shell, "export %s='%s'\n", v.Name, v.Value) // flagSafe rules out quotes
		fmt.Fprintf(&editor, "%s=%s\n", v.Name, v.Value)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the build folder: %w", err)
	}
	return errors.Join(
		replaceFile(filepath.Join(dir, shellFile), shell.Bytes()),
		replaceFile(filepath.Join(dir, editorFile), editor.Bytes()))
}

func replaceFile(name string, content []byte) error {
	if old, err := os.ReadFile(name); err == nil && bytes.Equal(old, content) {
		return nil
	}
	fresh := name + partial + "new"
	if err := os.WriteFile(fresh, content, 0o644); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if err := os.Rename(fresh, name); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// The user's choices of the last set-up in this clone, so that the targets that run set-up again do not undo them.
const (
	chosenLibtorch = "ELARA_LIBTORCH"
	chosenCUDA     = "ELARA_CUDA"
)

// remembered is one of the choices, or "" when there was none.
func remembered(dir, choice string) (string, error) {
	if dir == "" { // outside of a clone
		return "", nil
	}
	text, err := os.ReadFile(filepath.Join(dir, editorFile))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read the last set-up: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), choice+"="); ok {
			return value, nil
		}
	}
	return "", nil
}
