package archtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// List asks the go command for every package of the module under root, as a build with these tags sees it.
// cgo is on for the tag torch only, as in the real builds; nothing is compiled.
func List(root, tags string) ([]Package, error) {
	cgo := "CGO_ENABLED=0"
	if tags != "" {
		cgo = "CGO_ENABLED=1"
	}
	list := exec.Command("go", "list", "-e", "-json=ImportPath,Name,Dir,Imports,Deps", "-tags", tags, "./...")
	list.Dir = root
	list.Env = append(os.Environ(), cgo)
	list.Stderr = os.Stderr
	output, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("list the packages of %s with tags %q: %w", root, tags, err)
	}
	var packages []Package
	decoder := json.NewDecoder(strings.NewReader(string(output)))
	for {
		var p Package
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return packages, nil
		} else if err != nil {
			return nil, fmt.Errorf("read what go list printed: %w", err)
		}
		packages = append(packages, p)
	}
}

// Root finds the folder with go.mod, from the working directory upwards.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("no go.mod above the working directory")
		}
		dir = filepath.Dir(dir)
	}
}
