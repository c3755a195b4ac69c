//go:build torch

package recipes

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"elara/spec/fault"
)

// fits refuses an adapter that was trained over another base, as far as its folder tells: by its tokenizer, and by the base that
// it names where that lies on this machine. Shapes and embeddings are looked at when it is loaded.
func (s *Session) fits(a ServeAdapter) error {
	if err := sameTokenizer(a.Dir, s.base.key.path, s.Tokenizer.Hash()); err != nil {
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
