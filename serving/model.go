package serving

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"elara/data/export"
	"elara/data/instruct"
	"elara/spec"
	"elara/spec/fault"
)

// Base is the name of the model without an adapter.
const Base = "base"

// Model is what a request may name.
type Model struct {
	Name     string
	Audience spec.Audience // whose instruction it was taught under; empty: it is asked under any
	Template spec.Digest   // by which it was taught, as its record says; empty: it has no record
	Digest   spec.Digest   // of its weights
}

// Adapter is one of --adapter.
type Adapter struct {
	Name     string
	Audience spec.Audience // empty: what the folder's record says
	Dir      string
}

var adapterForm = regexp.MustCompile(`^([A-Za-z0-9][A-Za-z0-9._-]*)(?::([a-z]+))?=(.+)$`)

// ParseAdapter reads NAME=DIR or NAME:AUDIENCE=DIR.
func ParseAdapter(text string) (Adapter, error) {
	parts := adapterForm.FindStringSubmatch(text)
	if parts == nil {
		return Adapter{}, fault.New(fault.Invalid, "--adapter %s: expected NAME=DIR or NAME:AUDIENCE=DIR", text)
	}
	a := Adapter{Name: parts[1], Audience: spec.Audience(parts[2]), Dir: parts[3]}
	if a.Name == Base {
		return a, fault.New(fault.Invalid, "--adapter %s: %s is the name of the model without an adapter, expected another", text, Base)
	}
	if a.Audience == "" {
		return a, nil
	}
	return a, a.Audience.Check()
}

// weightsFile holds an adapter's tensors, under PEFT's name.
const weightsFile = "adapter_model.safetensors"

// Describe reads what an adapter's folder says of itself, and refuses it where that is not the template here, the audience that
// was named, or the files that lie in it. The record is elara.json, as elara export writes it; for a folder without one the
// operator vouches by naming the audience.
func (a Adapter) Describe(template instruct.Template) (Model, error) {
	m := Model{Name: a.Name, Audience: a.Audience}
	path := filepath.Join(a.Dir, export.FactsFile)
	text, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if a.Audience == "" {
			return m, fault.WithHint(fault.At(a.Dir, 0, "has no %s, which says for whom and by which template it was taught", export.FactsFile),
				"name its audience if it was taught by %q: --adapter %s:AUDIENCE=%s", template.ID, a.Name, a.Dir)
		}
		m.Digest, err = export.FileDigest(filepath.Join(a.Dir, weightsFile))
		return m, err
	case err != nil:
		return m, fault.At(path, 0, "cannot be read: %w", err)
	}
	var record export.Written
	if err := json.Unmarshal(text, &record); err != nil {
		return m, fault.At(path, 0, "not the record of an export: %w", err)
	}
	if err := m.follow(record, template); err != nil {
		return m, fault.At(path, 0, "%w", err)
	}
	for _, file := range record.Files {
		digest, err := export.FileDigest(filepath.Join(a.Dir, filepath.Base(file.Name)))
		if err != nil {
			return m, err
		}
		if digest != file.SHA256 {
			return m, fault.At(path, 0, "%s has the digest %s, expected %s", file.Name, digest.Short(), file.SHA256.Short())
		}
		if file.Name == weightsFile {
			m.Digest = digest
		}
	}
	if m.Digest == "" {
		return m, fault.At(path, 0, "names no %s, expected the record of an adapter", weightsFile)
	}
	return m, nil
}

// follow takes over what a record says of an adapter.
func (m *Model) follow(record export.Written, template instruct.Template) error {
	if record.Form != export.FormPEFT {
		return fault.New(fault.Invalid, "an export of the form %.20q, expected %s", record.Form, export.FormPEFT)
	}
	if m.Template = spec.Digest(record.Facts["template"]); m.Template == "" {
		return fault.WithHint(fault.New(fault.Invalid, "no template, expected one"), "export the adapter with --audience")
	}
	if err := template.CheckHash(m.Template); err != nil {
		return err
	}
	audience := spec.Audience(record.Facts["audience"])
	if err := audience.Check(); err != nil {
		return err
	}
	if m.Audience != "" && m.Audience != audience {
		return fault.New(fault.Invalid, "taught for the audience %s, and %s was named", audience, m.Audience)
	}
	m.Audience = audience
	return nil
}

// audienceOf is for whom a request is answered: the adapter's audience, which a request may name but not change.
func (m Model) audienceOf(asked spec.Audience) (spec.Audience, error) {
	if asked != "" {
		if err := asked.Check(); err != nil {
			return "", err
		}
	}
	switch {
	case m.Audience == "" && asked == "":
		return spec.General, nil
	case m.Audience == "":
		return asked, nil
	case asked != "" && asked != m.Audience:
		return "", fault.New(fault.Invalid, "model %s answers for the audience %s, found %s", m.Name, m.Audience, asked)
	}
	return m.Audience, nil
}

// names lists models for an error.
func names(models []Model) string {
	all := make([]string, len(models))
	for i, m := range models {
		all[i] = m.Name
	}
	return strings.Join(all, ", ")
}
