package corpus

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"strings"
	"unicode/utf8"

	"elara/data/source"
	"elara/spec"
	"elara/spec/fault"
)

// Document is one text of a corpus.
type Document struct {
	File string
	Line int // its first, from 1
	Text string
}

// Reader reads documents. It counts what it passes over.
type Reader struct {
	By    spec.SampleBy // of files that are not JSONL; empty: by line
	Blank int64         // lines, paragraphs or files without any text
}

// errEnough ends the reading of a file when the reader wants no more.
var errEnough = errors.New("enough")

// Documents hands on the documents of some files. After an error it ends.
func (r *Reader) Documents(ctx context.Context, files []string) iter.Seq2[Document, error] {
	return func(yield func(Document, error) bool) {
		for _, file := range files {
			read := r.text
			if IsJSONL(file) {
				read = r.objects
			}
			err := read(ctx, file, func(line int, text string) error {
				if strings.TrimSpace(text) == "" {
					r.Blank++
					return nil
				}
				if !yield(Document{File: file, Line: line, Text: text}, nil) {
					return errEnough
				}
				return nil
			})
			if err != nil {
				if !errors.Is(err, errEnough) {
					yield(Document{}, err)
				}
				return
			}
		}
	}
}

// objects reads JSONL.
func (r *Reader) objects(ctx context.Context, file string, each func(line int, text string) error) error {
	for text, err := range source.Texts(ctx, file) {
		if err == nil {
			err = each(text.Line, text.Text)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// text reads running text.
func (r *Reader) text(ctx context.Context, file string, each func(line int, text string) error) (err error) {
	in, err := os.Open(file)
	if err != nil {
		return unreadable(file, err)
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	var gathered []string // lines of a paragraph or of the file
	first := 1
	flush := func() error {
		text := strings.Join(gathered, "\n")
		gathered = gathered[:0]
		return each(first, text)
	}
	err = lines(ctx, in, file, func(number int, line string) error {
		switch {
		case r.By == spec.ByLine || r.By == "":
			return each(number, line)
		case r.By == spec.ByParagraph && line == "":
			if len(gathered) == 0 {
				return nil
			}
			return flush()
		}
		if len(gathered) == 0 {
			first = number
		}
		gathered = append(gathered, line)
		return nil
	})
	if err != nil || len(gathered) == 0 {
		return err
	}
	return flush()
}

// byteOrderMark begins some UTF-8 files; it is no part of the text.
var byteOrderMark = []byte("\xef\xbb\xbf")

// lines reads UTF-8 lines without their ends, of which \n, \r\n and a last one without any are known.
func lines(ctx context.Context, in io.Reader, file string, each func(number int, line string) error) error {
	scanner := bufio.NewScanner(in)
	scanner.Buffer(make([]byte, 256<<10), source.MaxLineBytes)
	number := 0
	for scanner.Scan() {
		number++
		if number%1024 == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		line := scanner.Bytes() // without a \r at the end
		if number == 1 {
			line = bytes.TrimPrefix(line, byteOrderMark)
		}
		if !utf8.Valid(line) || bytes.IndexByte(line, 0) >= 0 {
			return fault.At(file, number, "not UTF-8 text; expected a plain text file in UTF-8")
		}
		if err := each(number, string(line)); err != nil {
			return err
		}
	}
	switch err := scanner.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return fault.At(file, number+1, "line is longer than %d MiB; expected a shorter one", source.MaxLineBytes>>20)
	case err != nil:
		return fmt.Errorf("read %s: %w", file, err)
	}
	return nil
}
