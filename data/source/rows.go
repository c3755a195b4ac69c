package source

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"unicode/utf8"

	"elara/spec"
	"elara/spec/fault"
)

// MaxRowBytes is the longest row that is read. It bounds the memory that an unclosed quote can take.
const MaxRowBytes = 16 << 20

// Set is a number of CSV files that are read as one stream of rows, each file with a header of its own.
type Set struct {
	Files     []File
	Columns   Columns
	Audiences []spec.Audience // the whole set goes only to these; empty: to all
}

// Open finds the files of a source on this machine. It does not read them yet.
func Open(from spec.DataSource) (Set, error) {
	for _, audience := range from.Audiences {
		if err := audience.Check(); err != nil {
			return Set{}, err
		}
	}
	files, err := Resolve(from.Path)
	if err != nil {
		return Set{}, err
	}
	columns := Columns{Question: from.QuestionColumn, Answer: from.AnswerColumn, Audience: from.AudienceColumn}
	return Set{Files: files, Columns: columns, Audiences: from.Audiences}, nil
}

// Rows reads all rows of all files in order; bad rows come too, marked. It may be ranged over more than once
// and reads the files anew each time. After an error, which comes with a zero Row, it ends.
func (s Set) Rows(ctx context.Context) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		for _, file := range s.Files {
			isWanted := true
			err := s.read(ctx, file, func(row Row) bool {
				isWanted = yield(row, nil)
				return isWanted
			})
			if err != nil && isWanted {
				yield(Row{}, err)
			}
			if err != nil || !isWanted {
				return
			}
		}
	}
}

// Chain reads several sets, which may have different columns, one after the other.
func Chain(ctx context.Context, sets ...Set) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		for _, set := range sets {
			for row, err := range set.Rows(ctx) {
				if !yield(row, err) || err != nil {
					return
				}
			}
		}
	}
}

// read hands the rows of one file to take until that returns false.
func (s Set) read(ctx context.Context, file File, take func(Row) bool) (err error) {
	in, err := file.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	plainText, err := sniff(in, file.Path)
	if err != nil {
		return err
	}

	cut := cutter{next: 1}
	rows := bufio.NewScanner(plainText)
	rows.Buffer(make([]byte, 256<<10), MaxRowBytes)
	rows.Split(cut.split)
	header, err := s.header(rows, &cut, file.Path)
	if err != nil {
		return err
	}
	count := 0
	for ; rows.Scan(); count++ {
		if count%1024 == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if !take(s.row(rows.Bytes(), &cut, file.Name, header)) {
			return nil
		}
	}
	if err := scanError(rows.Err(), &cut, file.Path); err != nil {
		return err
	}
	if count == 0 {
		return fault.At(file.Path, 0, "nothing but a header; expected at least one row under it")
	}
	return nil
}

func (s Set) header(rows *bufio.Scanner, cut *cutter, path string) (*Header, error) {
	want := s.Columns.withDefaults()
	if !rows.Scan() {
		if err := scanError(rows.Err(), cut, path); err != nil {
			return nil, err
		}
		if cut.next > 1 {
			return nil, fault.At(path, 0, "nothing but blank lines; expected a header with the columns %q and %q", want.Question, want.Answer)
		}
		return nil, fault.At(path, 0, "empty file; expected a header with the columns %q and %q", want.Question, want.Answer)
	}
	switch {
	case cut.isBare:
		return nil, fault.At(path, cut.start, "quote in the middle of a column name; expected names in quotes, or without any")
	case !utf8.Valid(rows.Bytes()):
		return nil, fault.At(path, cut.start, "header is not UTF-8 at byte %d; expected a UTF-8 file", invalidAt(rows.Bytes()))
	}
	return newHeader(path, cut.start, cut.values(rows.Text()), want)
}

// row makes a Row of the bytes that were cut last.
func (s Set) row(raw []byte, cut *cutter, file string, header *Header) Row {
	row := Row{ID: ID{File: file, Line: cut.start, Digest: spec.DigestOf(sha256.Sum256(raw))}, Header: header}
	switch got, want := len(cut.fields), len(header.Names); {
	case !utf8.Valid(raw):
		row.Bad = &Defect{Reason: InvalidUTF8, Detail: fmt.Sprintf("not UTF-8 at byte %d of the row", invalidAt(raw))}
	case cut.isBare:
		row.Bad = &Defect{Reason: BareQuote, Detail: "a quote inside a field that is not quoted, or text after a closing quote"}
	case got < want:
		row.Bad = &Defect{Reason: TooFewFields, Detail: fmt.Sprintf("%d fields, expected %d", got, want)}
	case got > want:
		row.Bad = &Defect{Reason: TooManyFields, Detail: fmt.Sprintf("%d fields, expected %d", got, want)}
	default:
		row.Fields = cut.values(string(raw))
	}
	if row.Bad != nil {
		return row
	}
	for i, field := range row.Fields {
		if isMissing(field) {
			row.Fields[i] = ""
		}
	}
	var isKnown bool
	if row.Audiences, isKnown = s.audiences(row); !isKnown {
		row.Bad = &Defect{Reason: UnknownAudience, Detail: "expected general, patient, doctor, emergency or nothing"}
		row.Fields = nil
	}
	return row
}

// audiences gives whom a sound row may go to: its own cell and the set's list must both allow it. A cell that
// names no audience is not known.
func (s Set) audiences(row Row) (allowed []spec.Audience, isKnown bool) {
	if len(s.Audiences) > 0 {
		allowed = s.Audiences
	}
	if row.Header.audience < 0 {
		return allowed, true
	}
	cell := spec.Audience(strings.TrimSpace(row.Fields[row.Header.audience]))
	switch {
	case cell == "":
		return allowed, true
	case cell.Check() != nil:
		return nil, false
	case allowed == nil || slices.Contains(allowed, cell):
		return []spec.Audience{cell}, true
	}
	return []spec.Audience{}, true
}

// values gives the fields of the row that was cut last.
func (c *cutter) values(raw string) []string {
	values := make([]string, len(c.fields))
	for i, field := range c.fields {
		values[i] = field.of(raw)
	}
	return values
}

// scanError turns what stopped the scanner into the user's terms; nil stays nil.
func scanError(err error, cut *cutter, path string) error {
	var quote *quoteError
	switch {
	case errors.As(err, &quote):
		return fault.At(path, quote.opened, "%w", quote)
	case errors.Is(err, bufio.ErrTooLong) && cut.opened > 0:
		return fault.At(path, cut.opened, "quote opened here is not closed within %d MiB; expected a closing quote", MaxRowBytes>>20)
	case errors.Is(err, bufio.ErrTooLong):
		return fault.At(path, cut.start, "row is longer than %d MiB; expected a shorter one", MaxRowBytes>>20)
	case err != nil:
		return fmt.Errorf("read %s: %w", path, err)
	}
	return nil
}

// sniff strips a UTF-8 byte order mark and refuses what is plainly no UTF-8 text.
func sniff(in io.Reader, path string) (io.Reader, error) {
	buffered := bufio.NewReader(in)
	head, err := buffered.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	isUTF16 := bytes.HasPrefix(head, []byte{0xff, 0xfe}) || bytes.HasPrefix(head, []byte{0xfe, 0xff}) ||
		len(head) == 4 && (head[0] == 0) != (head[1] == 0) && (head[0] == 0) == (head[2] == 0) && (head[1] == 0) == (head[3] == 0)
	switch {
	case isUTF16:
		return nil, fault.At(path, 1, "text in UTF-16; expected UTF-8")
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		return nil, fault.At(path, 0, "gzip-compressed; expected plain text")
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		return nil, fault.At(path, 0, "a ZIP archive or an Excel workbook; expected plain text")
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		if _, err := buffered.Discard(3); err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
	}
	return buffered, nil
}

// invalidAt gives the position, from 1, of the first byte that is not UTF-8.
func invalidAt(text []byte) int {
	at := 0
	for at < len(text) {
		r, size := utf8.DecodeRune(text[at:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		at += size
	}
	return at + 1
}
