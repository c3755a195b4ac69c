package sample

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"strings"
)

// byteOrderMark stands at the start of files that a spreadsheet saved as UTF-8.
const byteOrderMark = "\ufeff"

// csvFile is a CSV file in the making that knows the line at which each record begins.
type csvFile struct {
	text bytes.Buffer
	line int // of the next record, from 1
}

func newCSVFile(start string) (*csvFile, error) {
	file := &csvFile{line: 1}
	file.text.WriteString(start)
	_, err := file.add(columns(), "\n")
	return file, err
}

// add writes one record, quoted where needed, and gives its line.
func (f *csvFile) add(fields []string, lineEnd string) (line int, err error) {
	var record bytes.Buffer
	writer := csv.NewWriter(&record)
	if err := writer.Write(fields); err != nil {
		return 0, fmt.Errorf("write CSV record at line %d: %w", f.line, err)
	}
	writer.Flush() // into memory: cannot fail
	return f.addRaw(strings.TrimSuffix(record.String(), "\n") + lineEnd), nil
}

// addRaw writes text that is a record with its line end.
func (f *csvFile) addRaw(record string) (line int) {
	line = f.line
	f.line += strings.Count(record, "\n")
	f.text.WriteString(record)
	return line
}

// addRecord writes a record with the faults of its file form, which are those that no field value can carry.
func (f *csvFile) addRecord(r record) (line int, err error) {
	switch fields := r.fields(); r.defect {
	case TooFewFields:
		return f.add(fields[:3], "\n")
	case TooManyFields:
		return f.addRaw(strings.Join(fields, ",") + "\n"), nil
	case LineEnd:
		return f.add(fields, "\r\n")
	default:
		return f.add(fields, "\n")
	}
}

// writeDialogues renders a CSV file without defects.
func writeDialogues(rows []row) ([]byte, error) {
	file, err := newCSVFile("")
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		if _, err := file.add(r.fields(), "\n"); err != nil {
			return nil, err
		}
	}
	return file.text.Bytes(), nil
}
