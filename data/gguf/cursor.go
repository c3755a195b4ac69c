package gguf

import (
	"encoding/binary"
	"unicode/utf8"
)

// cursor reads little-endian fields one after the other and never leaves the file.
type cursor struct {
	path   string
	data   []byte
	offset int
}

// remaining is how many bytes are left.
func (c *cursor) remaining() uint64 { return uint64(len(c.data) - c.offset) }

// take hands out the next n bytes; what says in the error which field they belong to.
func (c *cursor) take(n uint64, what string) ([]byte, error) {
	if n > c.remaining() {
		return nil, corruptAt(c.path, "%s at byte %d needs %d bytes, expected at most the %d left in the file",
			what, c.offset, n, c.remaining())
	}
	field := c.data[c.offset : c.offset+int(n)]
	c.offset += int(n)
	return field, nil
}

func (c *cursor) uint32(what string) (uint32, error) {
	b, err := c.take(4, what)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint32(b), nil
}

func (c *cursor) uint64(what string) (uint64, error) {
	b, err := c.take(8, what)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint64(b), nil
}

// count reads a number of items and refuses one that could not fit even if each item had its smallest size, so
// that a caller may reserve memory for it.
func (c *cursor) count(smallestItem uint64, what string) (int, error) {
	at := c.offset
	n, err := c.uint64(what)
	if err != nil {
		return 0, err
	}
	if n > c.remaining()/smallestItem {
		return 0, corruptAt(c.path, "%s at byte %d says %d, expected at most %d in the %d bytes left in the file",
			what, at, n, c.remaining()/smallestItem, c.remaining())
	}
	return int(n), nil
}

// name reads a string that must be UTF-8: keys and tensor names appear in messages.
func (c *cursor) name(what string) (string, error) {
	at := c.offset
	text, err := c.text(what)
	if err != nil {
		return "", err
	}
	if text == "" || !utf8.ValidString(text) {
		return "", corruptAt(c.path, "%s at byte %d is %q, expected non-empty UTF-8", what, at, text)
	}
	return text, nil
}

// text reads a string: its length in 64 bits, then its bytes. The result is a copy and outlives the mapping.
func (c *cursor) text(what string) (string, error) {
	length, err := c.uint64("the length of " + what)
	if err != nil {
		return "", err
	}
	b, err := c.take(length, what)
	return string(b), err
}
