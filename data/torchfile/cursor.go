package torchfile

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"

	"elara/spec/fault"
)

// maxPickleBytes bounds a pickle. One of 100,000 tensors takes about 20 MB.
const maxPickleBytes = 64 << 20

// cursor reads a pickle byte by byte and never leaves its part of the file.
type cursor struct {
	path   string
	record string // the zip entry, or "" where the pickle lies in the file itself
	from   *bufio.Reader
	at     int64 // in the record, or in the file
	end    int64
	budget int64 // of the bytes that may still be read as a pickle
}

func newCursor(path, record string, from io.ReaderAt, size int64) *cursor {
	return &cursor{path: path, record: record, from: bufio.NewReader(io.NewSectionReader(from, 0, size)), end: size, budget: maxPickleBytes}
}

// place names a byte in an error.
func (c *cursor) place(at int64) string {
	if c.record == "" {
		return fmt.Sprintf("at byte %d", at)
	}
	return fmt.Sprintf("at byte %d of %s", at, c.record)
}

// byte reads one byte.
func (c *cursor) byte() (byte, error) {
	if err := c.spend(1); err != nil {
		return 0, err
	}
	b, err := c.from.ReadByte()
	if err != nil {
		return 0, fmt.Errorf("read %s %s: %w", c.path, c.place(c.at-1), err)
	}
	return b, nil
}

// take reads n bytes; it reserves no memory for more than there are.
func (c *cursor) take(n int64) ([]byte, error) {
	if err := c.spend(n); err != nil {
		return nil, err
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(c.from, b); err != nil {
		return nil, fmt.Errorf("read %s %s: %w", c.path, c.place(c.at-n), err)
	}
	return b, nil
}

// spend moves on by n bytes, where there are so many.
func (c *cursor) spend(n int64) error {
	if n < 0 || n > c.end-c.at {
		return corrupt(c.path, "the pickle is cut off %s, expected %d bytes more and found %d", c.place(c.at), n, c.end-c.at)
	}
	if n > c.budget {
		return corrupt(c.path, "the pickle is longer than %d bytes, expected the description of tensors only", maxPickleBytes)
	}
	c.at += n
	c.budget -= n
	return nil
}

// line reads up to a line feed, which it leaves out. Only names stand on lines of their own, and they are short.
func (c *cursor) line() (string, error) {
	const maxName = 512
	var text []byte
	for len(text) <= maxName {
		b, err := c.byte()
		if err != nil {
			return "", err
		}
		if b == '\n' {
			return string(text), nil
		}
		text = append(text, b)
	}
	return "", corrupt(c.path, "a name of the pickle is longer than %d bytes %s", maxName, c.place(c.at))
}

// uint reads a little-endian number of 1, 2, 4 or 8 bytes.
func (c *cursor) uint(bytes int64) (uint64, error) {
	b, err := c.take(bytes)
	if err != nil {
		return 0, err
	}
	var word [8]byte
	copy(word[:], b)
	return binary.LittleEndian.Uint64(word[:]), nil
}

// text reads a length of some bytes, and then as many bytes.
func (c *cursor) text(lengthBytes int64) (string, error) {
	n, err := c.uint(lengthBytes)
	if err != nil {
		return "", err
	}
	if n > uint64(c.end-c.at) {
		return "", corrupt(c.path, "a text of %d bytes begins %s, expected at most the %d that are left", n, c.place(c.at), c.end-c.at)
	}
	b, err := c.take(int64(n))
	return string(b), err
}

// corrupt makes a fault.Corrupt error about a file: its bytes break the format.
func corrupt(path, format string, args ...any) error {
	return &fault.Error{Kind: fault.Corrupt, Place: path, Err: fmt.Errorf(format, args...)}
}
