package export

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"elara/data/instruct"
	"elara/spec"
	"elara/spec/fault"
)

// Form is what an export consists of, as a pipeline has it.
type Form = spec.ExportForm

// The forms.
const (
	FormGGUF = spec.FormGGUF
	FormPEFT = spec.FormPEFT
	FormHF   = spec.FormHF
)

// FactsFile is in every export: what it is, where it comes from, and the digest of each of its files.
const FactsFile = "elara.json"

const (
	jinjaFile     = "chat_template.jinja"
	modelfileFile = "Modelfile"
)

// Order says what is written.
type Order struct {
	Form         Form
	Base         string // Hugging Face folder or GGUF file; not needed for FormPEFT
	Adapter      string // PEFT folder laid over the base, or ""
	Name         string // of the model, for people and for the GGUF file's name
	Quantisation string // of FormGGUF
	Audience     spec.Audience
	Template     instruct.Template
	Facts        map[string]string // where it comes from; written into elara.json, and into a GGUF file as elara.KEY
}

// Check refuses an order that contradicts itself, before anything is fetched for it.
func (o Order) Check() error {
	switch o.Form {
	case FormGGUF:
		if err := CheckQuantisation(o.Quantisation); err != nil {
			return err
		}
	case FormPEFT, FormHF:
		if o.Quantisation != "" {
			return fault.New(fault.Invalid, "form %s is written as it is, expected no quantisation, found %s", o.Form, o.Quantisation)
		}
	default:
		return fault.New(fault.Invalid, "form %q: expected gguf, peft or hf", o.Form)
	}
	if o.Audience == "" {
		return nil
	}
	return o.Audience.Check()
}

// Suit refuses a model that was taught by another template, hashes in templates, and settles whose chat template is written: that of
// the audience it was taught for, where the order names none. What it comes to is recorded in the facts.
func (o *Order) Suit(templates, audiences []string) error {
	for _, taught := range templates {
		if err := o.Template.CheckHash(spec.Digest(taught)); err != nil {
			return err
		}
	}
	switch {
	case o.Audience != "" && len(audiences) > 0 && !slices.Contains(audiences, string(o.Audience)):
		return fault.New(fault.Invalid, "audience %s: the artifact was trained for %s", o.Audience, strings.Join(audiences, " and "))
	case o.Audience == "" && len(audiences) > 1:
		return fault.New(fault.Invalid, "the artifact was trained for %s, and has one chat template: expected one of them as audience", strings.Join(audiences, " and "))
	case o.Audience == "" && len(audiences) == 1:
		o.Audience = spec.Audience(audiences[0])
	}
	if o.Audience == "" {
		return nil
	}
	hash, err := o.Template.Hash()
	o.Facts["audience"], o.Facts["template"] = string(o.Audience), string(hash)
	return err
}

// Written is elara.json, and what a caller is told.
type Written struct {
	Form  Form              `json:"form"`
	Facts map[string]string `json:"facts"`
	GGUF  *Report           `json:"gguf,omitempty"`
	Files []WrittenFile     `json:"files"`
}

// WrittenFile is one file of an export.
type WrittenFile struct {
	Name      string      `json:"name"`
	SizeBytes int64       `json:"size_bytes"`
	SHA256    spec.Digest `json:"sha256"`
}

// Write writes an export into a folder, as IntoFolder does.
func (o Order) Write(ctx context.Context, dir string, told func(done, total int64)) (Written, error) {
	if err := o.Check(); err != nil {
		return Written{}, err
	}
	var written Written
	err := IntoFolder(dir, func(draft string) (err error) {
		written, err = o.fill(ctx, draft, told)
		return err
	})
	return written, err
}

// IntoFolder makes a folder that does not exist yet, or is empty. It gets its name when fill has come to its end, and is
// gone where fill fails.
func IntoFolder(dir string, fill func(draft string) error) (err error) {
	if dir, err = filepath.Abs(dir); err != nil {
		return fault.New(fault.Invalid, "%s: %w", dir, err)
	}
	if err := CheckEmpty(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return fault.New(fault.Invalid, "make the folder above %s: %w", dir, err)
	}
	draft, err := os.MkdirTemp(filepath.Dir(dir), ".export-*")
	if err != nil {
		return fault.New(fault.Invalid, "make a folder beside %s: %w", dir, err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(draft)) }() // it is gone when all went well
	if err := fill(draft); err != nil {
		return err
	}
	if err := os.Chmod(draft, 0o755); err != nil {
		return err
	}
	return os.Rename(draft, dir) // onto an empty folder it replaces that
}

// CheckEmpty refuses a target that holds something.
func CheckEmpty(dir string) error {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fault.At(dir, 0, "cannot be written to, expected a folder that does not exist yet: %w", errors.Unwrap(err))
	case len(entries) > 0:
		return fault.At(dir, 0, "is not empty, expected a folder that does not exist yet")
	}
	return nil
}

// fill writes the files, elara.json last.
func (o Order) fill(ctx context.Context, dir string, told func(done, total int64)) (Written, error) {
	written := Written{Form: o.Form, Facts: o.Facts}
	var err error
	if o.Form == FormPEFT {
		err = o.copyAdapter(ctx, dir)
	} else {
		written.GGUF, err = o.writeModel(ctx, dir, told)
	}
	if err != nil {
		return written, err
	}
	if written.Files, err = measure(dir); err != nil {
		return written, err
	}
	text, err := json.MarshalIndent(written, "", "  ")
	if err != nil {
		return written, err
	}
	return written, os.WriteFile(filepath.Join(dir, FactsFile), append(text, '\n'), 0o644)
}

// writeModel opens the model, which checks it, and writes it in one of two forms.
func (o Order) writeModel(ctx context.Context, dir string, told func(done, total int64)) (_ *Report, err error) {
	if o.Form == FormHF && o.Adapter != "" {
		return nil, fault.New(fault.Invalid,
			"form hf of an adapter: expected a model; merge the adapter into its base first, or take the form peft or gguf")
	}
	if o.Form == FormHF {
		if info, err := os.Stat(o.Base); err == nil {
			if file, isGGUF := ggufOf(o.Base, info.IsDir()); isGGUF {
				return nil, fault.At(file, 0, "form hf of a GGUF file: expected a Hugging Face folder; take the form gguf")
			}
		}
	}
	m, err := Open(o.Base, o.Adapter)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	if o.Form == FormHF {
		if err := m.checkFinite(ctx, told); err != nil {
			return nil, err
		}
		return nil, o.copyFolder(ctx, o.Base, dir, m.addsBOS())
	}
	m.Name, m.Facts = o.Name, o.Facts
	file := fmt.Sprintf("%s.%s.gguf", o.Name, o.Quantisation)
	if o.Audience != "" {
		if m.ChatTemplate, err = o.Template.Jinja(o.Audience, m.addsBOS()); err != nil {
			return nil, err
		}
	}
	report, err := m.GGUF(ctx, filepath.Join(dir, file), o.Quantisation, told)
	if err != nil {
		return nil, err
	}
	report.Path = file
	text, err := o.modelfile(file)
	if err != nil {
		return nil, err
	}
	return &report, os.WriteFile(filepath.Join(dir, modelfileFile), []byte(text), 0o644)
}

// copyAdapter copies a PEFT folder after a look at its tensors.
func (o Order) copyAdapter(ctx context.Context, dir string) error {
	for _, name := range []string{adapterConfigFile, adapterFile, "tokenizer.json"} {
		if _, err := os.Stat(filepath.Join(o.Adapter, name)); err != nil {
			return fault.At(filepath.Join(o.Adapter, name), 0, "no such file, expected a PEFT adapter's folder with its tokenizer")
		}
	}
	adapter, err := openSafetensors(filepath.Join(o.Adapter, adapterFile))
	if err != nil {
		return err
	}
	bos, err := tokenizerAddsBOS(o.Adapter)
	if err := errors.Join(err, checkFinite(ctx, o.Adapter, adapter, nil), adapter.Close()); err != nil {
		return err
	}
	return o.copyFolder(ctx, o.Adapter, dir, bos)
}

// copyFolder copies the plain files of a folder, with the audience's chat template in place of the one that is there.
func (o Order) copyFolder(ctx context.Context, from, dir string, bos bool) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return fault.At(from, 0, "cannot be read: %w", errors.Unwrap(err))
	}
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), ".") || entry.Name() == FactsFile {
			continue
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := CopyFile(filepath.Join(from, entry.Name()), filepath.Join(dir, entry.Name())); err != nil {
			return err
		}
	}
	if o.Audience == "" {
		return nil
	}
	text, err := o.Template.Jinja(o.Audience, bos)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, jinjaFile), []byte(text), 0o644)
}

// CopyFile copies a regular file, and returns when it is on disk.
func CopyFile(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return fault.At(from, 0, "cannot be read: %w", errors.Unwrap(err))
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	if info, err := in.Stat(); err != nil || !info.Mode().IsRegular() {
		return errors.Join(fault.At(from, 0, "not a regular file, expected a folder of files only"), err)
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return fmt.Errorf("make %s: %w", to, err)
	}
	_, copyErr := io.Copy(out, in)
	if err := errors.Join(copyErr, out.Sync(), out.Close()); err != nil {
		return fmt.Errorf("write %s: %w", to, err)
	}
	return nil
}

// measure lists the files of a folder with their digests, by name.
func measure(dir string) ([]WrittenFile, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var files []WrittenFile
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil {
			return nil, err
		}
		digest, err := FileDigest(filepath.Join(dir, entry.Name()))
		if err != nil {
			return nil, err
		}
		files = append(files, WrittenFile{Name: entry.Name(), SizeBytes: info.Size(), SHA256: digest})
	}
	return files, nil
}

// FileDigest is the SHA-256 of a file.
func FileDigest(path string) (_ spec.Digest, err error) {
	file, err := os.Open(path)
	if err != nil {
		return "", fault.At(path, 0, "cannot be read: %w", errors.Unwrap(err))
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return "", fmt.Errorf("read %s: %w", path, err)
	}
	return spec.DigestOf([sha256.Size]byte(hash.Sum(nil))), nil
}
