package sample

import (
	"embed"
	"fmt"
	"io/fs"
	"slices"

	"elara/spec"
	"elara/spec/fault"
)

//go:embed frames/*/*.yaml
var frameFiles embed.FS

// frameSet is one file of frames: what one audience asks, and how it is answered.
type frameSet struct {
	Audience spec.Audience  `yaml:"audience"` // "" for rows that are for all
	Types    []questionType `yaml:"types"`
}

// questionType is one thing to ask about a condition.
type questionType struct {
	Name      string    `yaml:"name"`
	Urgency   []Urgency `yaml:"urgency"` // the conditions it is asked of; empty: all
	Rows      int       `yaml:"rows"`    // per condition; no more than there are questions, so that each is asked once
	Questions []string  `yaml:"questions"`
	Answers   []string  `yaml:"answers"`
}

// fits reports whether the type is asked of conditions of that urgency.
func (t *questionType) fits(urgency Urgency) bool {
	return len(t.Urgency) == 0 || slices.Contains(t.Urgency, urgency)
}

// readFrames reads the frames of one folder, in the order of the files' names.
func readFrames(folder string) ([]frameSet, error) {
	names, err := fs.Glob(frameFiles, folder+"/*.yaml") // sorted
	if err != nil {
		return nil, fmt.Errorf("list frames: %w", err)
	}
	sets := make([]frameSet, len(names))
	for i, name := range names {
		if err := decodeStrict(frameFiles, name, &sets[i]); err != nil {
			return nil, err
		}
		if err := sets[i].check(); err != nil {
			return nil, fault.At(name, 0, "%w", err)
		}
	}
	return sets, nil
}

func (f *frameSet) check() error {
	if f.Audience != "" {
		if err := f.Audience.Check(); err != nil {
			return err
		}
	}
	for _, t := range f.Types {
		if t.Name == "" || len(t.Answers) == 0 || t.Rows < 1 || t.Rows > len(t.Questions) {
			return fmt.Errorf("type %q has %d rows of %d questions and %d answers; expected a name, an answer and 1 row per question at most",
				t.Name, t.Rows, len(t.Questions), len(t.Answers))
		}
	}
	return nil
}
