//go:build torch

package recipes

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"elara/data/tokenizer"
	"elara/spec"
	"elara/spec/fault"
)

// knownTokens refuses an adapter whose embeddings have rows for tokens that a base does not know, by the tokenizer beside it. It can
// run without the one of its padding token. An empty dir is none.
func knownTokens(dir, base string, hash spec.Digest) error {
	replaces, err := alone(dir)
	if err != nil || !replaces {
		return err
	}
	return sameTokenizer(dir, base, hash)
}

// sameTokenizer compares an adapter's tokenizer, where it has one, with the tokenizer of a base, whose hash is given: they may
// differ by the adapter's padding token, which no text becomes.
func sameTokenizer(dir, base string, hash spec.Digest) error {
	switch _, err := os.Stat(filepath.Join(dir, "tokenizer.json")); {
	case errors.Is(err, fs.ErrNotExist):
		return nil // PEFT writes none of its own
	case err != nil:
		return fmt.Errorf("look for a tokenizer: %w", err)
	}
	own, err := tokenizer.Load(dir)
	if err != nil {
		return err
	}
	if own.Hash() == hash {
		return nil
	}
	padded, err := tokenizer.Load(base)
	if err != nil {
		return err
	}
	if _, pad, ok := own.PAD(); ok {
		if _, err := padded.SetPAD(pad); err != nil {
			return err
		}
	}
	if own.Hash() != padded.Hash() {
		return fault.At(dir, 0, "the adapter's tokenizer is %s, expected the base's, %s", own.Hash().Short(), hash.Short())
	}
	return nil
}
