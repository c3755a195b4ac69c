package trl

import (
	"errors"
	"io"
	"slices"

	"github.com/parquet-go/parquet-go"

	"elara/data/preference"
	"elara/spec/fault"
)

// rowsAtOnce is how many rows of a Parquet file are in memory.
const rowsAtOnce = 64

// message is a message of a chat as a struct of a Parquet file. Its fields may be null there.
type message struct {
	Content *string `parquet:"content,optional"`
	Role    *string `parquet:"role,optional"`
}

type plainRecord struct {
	Prompt   *string  `parquet:"prompt,optional"`
	Chosen   *string  `parquet:"chosen,optional"`
	Rejected *string  `parquet:"rejected,optional"`
	Margin   *float64 `parquet:"margin,optional"`
	Tie      *bool    `parquet:"tie,optional"`
}

type chatRecord struct {
	Prompt   []message `parquet:"prompt,optional,list"`
	Chosen   []message `parquet:"chosen,optional,list"`
	Rejected []message `parquet:"rejected,optional,list"`
	Margin   *float64  `parquet:"margin,optional"`
	Tie      *bool     `parquet:"tie,optional"`
}

// judged fills in the columns that a file may lack; null is what their absence is.
func (r *Row) judged(margin *float64, tie *bool) {
	if margin != nil {
		r.Margin = *margin
	}
	r.Tie = tie != nil && *tie
}

func readParquet(path string, each func(line int, row Row) error) (left []string, err error) {
	file, err := open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	var parsed *parquet.File
	if err := guarded(path, func() (err error) { parsed, err = parquet.OpenFile(file, info.Size()); return err }); err != nil {
		return nil, fault.At(path, 0, "not a Parquet file, or damaged")
	}
	chat, left, err := formOf(parsed.Root())
	if err != nil {
		return nil, fault.At(path, 0, "%w", err)
	}
	if chat {
		return left, readRecords(path, parsed, each, chatRecord.row)
	}
	return left, readRecords(path, parsed, each, plainRecord.row)
}

// guarded makes an error of a panic: the library has some over footers and pages that are not what they say.
func guarded(path string, do func() error) (err error) {
	defer func() {
		if broken := recover(); broken != nil {
			err = fault.At(path, 0, "is damaged, or of a kind of Parquet that cannot be read")
		}
	}()
	return do()
}

// formOf tells texts from lists of messages by the columns' types.
func formOf(root *parquet.Column) (chat bool, left []string, err error) {
	byName := map[string]*parquet.Column{}
	var found []string
	for _, column := range root.Columns() {
		byName[column.Name()] = column
		found = append(found, column.Name())
	}
	lists := 0
	for _, name := range columns() {
		column, there := byName[name]
		if !there {
			return false, nil, missing(name, found)
		}
		switch {
		case isText(column):
		case isChat(column):
			lists++
		default:
			return false, nil, fault.New(fault.Invalid, "column %q: expected texts, or lists of messages with role and content", name)
		}
	}
	if lists != 0 && lists != len(columns()) {
		return false, nil, fault.New(fault.Invalid, "prompt, chosen and rejected are of two forms: expected texts, or lists of messages, in all three")
	}
	for _, optional := range []struct {
		name string
		kind parquet.Kind
	}{{marginColumn, parquet.Double}, {tieColumn, parquet.Boolean}} {
		if column := byName[optional.name]; column != nil && (!column.Leaf() || column.Type().Kind() != optional.kind) {
			return false, nil, fault.New(fault.Invalid, "column %q: expected values of type %s", optional.name, optional.kind)
		}
	}
	return lists > 0, others(slices.Clone(found)), nil
}

func isText(column *parquet.Column) bool {
	return column.Leaf() && column.Type().Kind() == parquet.ByteArray
}

// isChat recognises list.element.{content, role}, Parquet's form of a list of structs.
func isChat(column *parquet.Column) bool {
	for _, level := range []string{"list", "element"} {
		if column.Leaf() {
			return false
		}
		next := column.Column(level)
		if next == nil {
			return false
		}
		column = next
	}
	if column.Leaf() {
		return false
	}
	for _, field := range []string{"content", "role"} {
		if at := column.Column(field); at == nil || !isText(at) {
			return false
		}
	}
	return true
}

func readRecords[R any](path string, file *parquet.File, each func(line int, row Row) error, rowOf func(R) (Row, error)) (err error) {
	var reader *parquet.GenericReader[R]
	if err := guarded(path, func() error { reader = parquet.NewGenericReader[R](file); return nil }); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, reader.Close()) }()
	records := make([]R, rowsAtOnce)
	line := 0
	for {
		clear(records)
		n := 0
		readErr := guarded(path, func() (err error) { n, err = reader.Read(records); return err })
		for _, record := range records[:n] {
			line++
			row, err := rowOf(record)
			if err != nil {
				return fault.At(path, line, "%w", err)
			}
			if err := each(line, row); err != nil {
				return err
			}
		}
		if errors.Is(readErr, io.EOF) {
			return nil
		}
		if readErr != nil {
			return fault.At(path, 0, "is damaged after row %d", line)
		}
	}
}

func (r plainRecord) row() (Row, error) {
	if r.Prompt == nil || r.Chosen == nil || r.Rejected == nil {
		return Row{}, fault.New(fault.Invalid, "a value is null, expected prompt, chosen and rejected")
	}
	row := Row{Prompt: preference.Prompt{Text: *r.Prompt}, Chosen: *r.Chosen, Rejected: *r.Rejected}
	row.judged(r.Margin, r.Tie)
	return row, nil
}

func (r chatRecord) row() (row Row, err error) {
	row.judged(r.Margin, r.Tie)
	if row.Prompt.Messages, err = messages(promptColumn, r.Prompt); err != nil {
		return row, err
	}
	for _, column := range []struct {
		name string
		from []message
		into *string
	}{{chosenColumn, r.Chosen, &row.Chosen}, {rejectedColumn, r.Rejected, &row.Rejected}} {
		read, err := messages(column.name, column.from)
		if err != nil {
			return row, err
		}
		if *column.into, err = answer(column.name, read); err != nil {
			return row, err
		}
	}
	return row, nil
}

// messages is never nil: a null and an empty list are a chat without messages, which is refused as such.
func messages(column string, from []message) ([]preference.Message, error) {
	read := make([]preference.Message, 0, len(from))
	for _, m := range from {
		if m.Content == nil || m.Role == nil {
			return nil, fault.New(fault.Invalid, "%s: a message without role or content", column)
		}
		read = append(read, preference.Message{Content: *m.Content, Role: *m.Role})
	}
	return read, nil
}
