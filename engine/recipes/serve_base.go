//go:build torch

package recipes

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"elara/data/tokenizer"
	"elara/spec/fault"
)

// fits refuses an adapter that was trained over another base, as far as its folder tells: by its tokenizer, and by the base that
// it names where that lies on this machine. Shapes are looked at when it is loaded.
func (s *Session) fits(a ServeAdapter) error {
	replaces, err := alone(a.Dir)
	if err != nil {
		return err
	}
	if replaces {
		return fault.WithHint(fault.At(a.Dir, 0, "the adapter replaces the base's embeddings, and others are served over the same ones"),
			"merge it into the base and serve that")
	}
	if err := s.sameTokenizer(a.Dir); err != nil {
		return err
	}
	if filepath.Clean(a.BaseModel) == s.base.key.path {
		return nil
	}
	switch _, err := os.Stat(a.BaseModel); {
	case errors.Is(err, fs.ErrNotExist):
		return nil // a name on a hub, or a folder of another machine
	case err != nil:
		return fmt.Errorf("look for the base of %s: %w", a.Dir, err)
	}
	digest, err := baseDigest(a.BaseModel)
	if err != nil {
		return err
	}
	if digest != s.Base {
		return fault.At(a.Dir, 0, "the adapter was trained over %s, %s, expected the base that is served, %s", a.BaseModel, digest.Short(), s.Base.Short())
	}
	return nil
}

// sameTokenizer compares an adapter's tokenizer, where it has one, with the base's, alone and with the guide's <PAD>.
func (s *Session) sameTokenizer(dir string) error {
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
	if own.Hash() == s.Tokenizer.Hash() {
		return nil
	}
	padded, err := tokenizer.Load(s.base.key.path)
	if err != nil {
		return err
	}
	if _, err := padded.SetPAD("<PAD>"); err != nil {
		return err
	}
	if own.Hash() != padded.Hash() {
		return fault.At(dir, 0, "the adapter's tokenizer is %s, expected the base's, %s", own.Hash().Short(), s.Tokenizer.Hash().Short())
	}
	return nil
}
