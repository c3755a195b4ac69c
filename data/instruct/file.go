package instruct

import (
	"context"
	"errors"

	"elara/data/source"
	"elara/spec"
	"elara/spec/fault"
)

// File writes the guide's training file from a cleaned CSV file, or those of a folder or glob: one {"text": ...} line a row. The file appears
// when all is done, or not at all. Cleaned rows are sound, so a bad or an incomplete one ends the work.
func File(ctx context.Context, in, out string, columns source.Columns, audience spec.Audience) (rows int64, err error) {
	if err := audience.Check(); err != nil {
		return 0, err
	}
	files, err := source.Resolve(in)
	if err != nil {
		return 0, err
	}
	for i := range files {
		files[i].Name = files[i].Path // rows are named only in errors here
	}
	set := source.Set{Files: files, Columns: columns}
	to, err := source.Create(out)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, to.Discard()) }()

	template, texts := Guide(), source.NewTextWriter(to)
	for row, err := range set.Rows(ctx) {
		if err != nil {
			return 0, err
		}
		if err := checkSound(row); err != nil {
			return 0, err
		}
		text, err := template.Text(row.Question(), row.Answer(), audience)
		if err != nil {
			return 0, err
		}
		if err := texts.Write(text); err != nil {
			return 0, err
		}
	}
	return texts.Count(), source.Commit(to)
}

func checkSound(row source.Row) error {
	switch file, line := row.ID.File, row.ID.Line; {
	case row.Bad != nil:
		return fault.At(file, line, "bad row (%s): %s; expected a cleaned file", row.Bad.Reason, row.Bad.Detail)
	case row.Question() == "":
		return fault.At(file, line, "no question; expected a cleaned file")
	case row.Answer() == "":
		return fault.At(file, line, "no answer; expected a cleaned file")
	}
	return nil
}
