package setup

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// gathered is one folder with a link to every library of some parts. NVIDIA's libraries look for each other where they lie
// themselves and nowhere else: their RUNPATH is $ORIGIN, which rules out the program's own path.
type gathered struct {
	dir   string
	links map[string]string // by the name inside the folder, where each points to
}

func (c Cache) gathered(parts []Part) gathered {
	hash := sha256.New()
	links := map[string]string{}
	for _, p := range parts {
		fmt.Fprintln(hash, p.Dir())
		for _, k := range p.Keep {
			if inside, isLibrary := strings.CutPrefix(k.To, "lib/"); isLibrary {
				links[inside] = filepath.Join("..", "..", p.Dir(), k.To)
			}
		}
	}
	return gathered{dir: filepath.Join(c.parts(), "cuda-"+hex.EncodeToString(hash.Sum(nil))[:8]), links: links}
}

func (g gathered) lib() string { return filepath.Join(g.dir, "lib") }

// present reports whether every link leads to a file.
func (g gathered) present() bool {
	for name := range g.links {
		if _, err := os.Stat(filepath.Join(g.lib(), name)); err != nil {
			return false
		}
	}
	return true
}

// makeGathered makes the links and publishes the folder whole. The caller holds the lock.
func (c Cache) makeGathered(g gathered) error {
	dir, err := os.MkdirTemp(c.parts(), partial)
	if err != nil {
		return fmt.Errorf("make a folder for links: %w", err)
	}
	if err = os.Mkdir(filepath.Join(dir, "lib"), 0o755); err == nil {
		for name, to := range g.links {
			err = errors.Join(err, os.Symlink(to, filepath.Join(dir, "lib", name)))
		}
	}
	if err == nil {
		err = publish(dir, g.dir)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("make %s: %w", g.dir, err), os.RemoveAll(dir))
	}
	return nil
}
