//go:build torch

package recipes

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"elara/spec"
	"elara/spec/fault"
)

// baseDigest is the identity of a base model: the SHA-256 over the names, sizes and contents of its configuration and of the files
// that hold its weights. The tokenizer has an identity of its own.
func baseDigest(path string) (spec.Digest, error) {
	files := []string{path}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		files = nil
		for _, pattern := range []string{"config.json", "model*.safetensors", "pytorch_model*.bin"} {
			found, err := filepath.Glob(filepath.Join(path, pattern))
			if err != nil {
				return "", fault.At(path, 0, "cannot be listed: %w", err)
			}
			files = append(files, found...)
		}
		slices.Sort(files)
	}
	sum := sha256.New()
	for _, file := range files {
		if err := addFile(sum, file); err != nil {
			return "", err
		}
	}
	return spec.DigestOf([sha256.Size]byte(sum.Sum(nil))), nil
}

// addFile adds a file's name, size and content.
func addFile(to io.Writer, path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return fault.At(path, 0, "cannot be read: %w", err)
	}
	if _, err := fmt.Fprintf(to, "%s %d\n", filepath.Base(path), info.Size()); err != nil {
		return err
	}
	return addContent(to, path)
}

func addContent(to io.Writer, path string) (err error) {
	file, err := os.Open(path)
	if err != nil {
		return fault.At(path, 0, "cannot be read: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if _, err = io.Copy(to, file); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return nil
}

// digestOf is the SHA-256 of a file's content.
func digestOf(path string) (spec.Digest, error) {
	sum := sha256.New()
	err := addContent(sum, path)
	return spec.DigestOf([sha256.Size]byte(sum.Sum(nil))), err
}
