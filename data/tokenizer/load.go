package tokenizer

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"elara/spec/fault"
)

// Names of the files in a tokenizer's folder.
const (
	tokenizerFile   = "tokenizer.json"
	configFile      = "tokenizer_config.json"
	specialFile     = "special_tokens_map.json"
	addedFile       = "added_tokens.json"
	vocabularyFile  = "vocab.json"
	mergesFile      = "merges.txt"
	jinjaFile       = "chat_template.jinja"
	defaultEndToken = "<|endoftext|>" // of the GPT-2 and Qwen2 classes when their files name none
)

// Load reads a tokenizer from a tokenizer.json file, a folder of Hugging Face files or a GGUF file. A tokenizer.json
// file on its own names no beginning, end or padding token; a folder does. What is wrong with the files is
// fault.Invalid, one line that names the file and what was expected.
func Load(path string) (*Tokenizer, error) {
	info, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fault.At(path, 0, "no such file or folder, expected tokenizer.json, a folder with it or a GGUF file")
	}
	if err != nil {
		return nil, fmt.Errorf("find tokenizer: %w", err)
	}
	if info.IsDir() {
		return loadFolder(path)
	}
	if strings.HasSuffix(path, ".gguf") {
		return loadGGUF(path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read tokenizer: %w", err)
	}
	if bytes.HasPrefix(text, []byte("GGUF")) {
		return loadGGUF(path)
	}
	s, err := parseDocument(path, text)
	if err != nil {
		return nil, err
	}
	t, err := s.build()
	if err != nil {
		return nil, err
	}
	t.origin.files = map[string][]byte{tokenizerFile: text}
	return t, nil
}

// folder is the files of a tokenizer, by name; those that are absent are missing.
type folder struct {
	path  string
	files map[string][]byte
}

func readFolder(path string) (*folder, error) {
	f := &folder{path: path, files: make(map[string][]byte)}
	for _, name := range []string{tokenizerFile, configFile, specialFile, addedFile, vocabularyFile, mergesFile, jinjaFile} {
		text, err := os.ReadFile(f.place(name))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read tokenizer: %w", err)
		}
		f.files[name] = text
	}
	return f, nil
}

func (f *folder) place(name string) string { return filepath.Join(f.path, name) }

func (f *folder) has(name string) bool {
	_, found := f.files[name]
	return found
}

func loadFolder(path string) (*Tokenizer, error) {
	f, err := readFolder(path)
	if err != nil {
		return nil, err
	}
	c, err := f.readConfig()
	if err != nil {
		return nil, err
	}
	s, err := f.readSource(c)
	if err != nil {
		return nil, err
	}
	t, err := s.build()
	if err != nil {
		return nil, err
	}
	if err := c.apply(t, f); err != nil {
		return nil, err
	}
	t.origin.files = f.files
	return t, nil
}

// readSource reads the vocabulary, from tokenizer.json if there is one.
func (f *folder) readSource(c *config) (*source, error) {
	if f.has(tokenizerFile) {
		s, err := parseDocument(f.place(tokenizerFile), f.files[tokenizerFile])
		if err != nil {
			return nil, err
		}
		if want := c.AddPrefixSpace; want != nil && *want != s.pipeline.prefixesSpace() {
			return nil, fault.At(f.place(configFile), 0, "add_prefix_space is %t, expected %t as in %s", *want, !*want, tokenizerFile)
		}
		return s, nil
	}
	if !f.has(vocabularyFile) && !f.has(mergesFile) {
		return nil, fault.At(f.path, 0, "folder has no tokenizer, expected %s, or %s with %s", tokenizerFile, vocabularyFile, mergesFile)
	}
	for name, partner := range map[string]string{vocabularyFile: mergesFile, mergesFile: vocabularyFile} {
		if !f.has(name) {
			return nil, fault.At(f.place(name), 0, "no such file, expected it beside %s", partner)
		}
	}
	kind, err := c.preset(f.place(configFile))
	if err != nil {
		return nil, err
	}
	return parsePair(f.place(vocabularyFile), f.files[vocabularyFile], f.place(mergesFile), f.files[mergesFile], kind)
}
