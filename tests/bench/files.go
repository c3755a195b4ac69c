package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// madeBy names the file beside the figures that holds the digest of the sources they are of.
func madeBy(out string) string { return out + ".sources" }

// write puts the figures into a file, with the digest of the sources they are of.
func write(out, digest string, all []result) error {
	text, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
		return err
	}
	return errors.Join(os.WriteFile(out, append(text, '\n'), 0o644), os.WriteFile(madeBy(out), []byte(digest+"\n"), 0o644))
}

// read gives figures of all systems that were made of the sources as they are now, or nil.
func read(out string) ([]result, error) {
	digest, err := sources()
	if err != nil {
		return nil, err
	}
	made, err := os.ReadFile(madeBy(out))
	if errors.Is(err, fs.ErrNotExist) || err == nil && string(made) != digest+"\n" {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(out)
	if err != nil {
		return nil, err
	}
	var all []result
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, err
	}
	for _, s := range systems {
		if bySystem(all)[s.name].Runs < runsForAProof {
			return nil, nil
		}
	}
	return all, nil
}

// sources is the digest of what the figures depend on.
func sources() (string, error) {
	all := sha256.New()
	for _, root := range []string{
		"engine", "worker", "go.sum", filepath.Join("data", "tokenizer"), filepath.Join("internal", "setup"),
		filepath.Join("tests", "bench"), filepath.Join("tests", "ground"), filepath.Join("tests", "peer", "venv"),
	} {
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || strings.HasSuffix(path, "_test.go") || filepath.Base(filepath.Dir(path)) == "testdata" {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(all, "%s %d\n%s", filepath.ToSlash(path), len(text), text)
			return err
		})
		if err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(all.Sum(nil)), nil
}
