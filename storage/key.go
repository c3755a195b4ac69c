package storage

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"elara/spec/fault"
)

const (
	maxKeyBytes     = 1024 // S3's limit
	maxSegmentBytes = 200  // a file system holds 255 between two slashes; stores over one add words to replace a file
)

// CheckKey refuses keys that some implementation could not hold, or could mistake for another: a key is valid UTF-8
// of 1-1024 bytes without control characters, in segments of 1-200 bytes between slashes, none of them "." or "..".
func CheckKey(key string) error {
	if key == "" || len(key) > maxKeyBytes {
		return fault.New(fault.Invalid, "object key of %d bytes: expected 1-%d", len(key), maxKeyBytes)
	}
	if !utf8.ValidString(key) {
		return fault.New(fault.Invalid, "object key %q: expected valid UTF-8", key)
	}
	if i := strings.IndexFunc(key, unicode.IsControl); i >= 0 {
		return fault.New(fault.Invalid, "object key %q: control character at byte %d", key, i)
	}
	for segment := range strings.SplitSeq(key, "/") {
		if segment == "" || segment == "." || segment == ".." || len(segment) > maxSegmentBytes {
			return fault.New(fault.Invalid, "object key %q: segment %q: expected 1-%d bytes, not \".\" or \"..\"",
				key, segment, maxSegmentBytes)
		}
	}
	return nil
}

// CheckPrefix refuses what cannot begin a key. A prefix is compared as bytes; it may be empty or end inside a segment.
func CheckPrefix(prefix string) error {
	if prefix == "" {
		return nil
	}
	return CheckKey(strings.TrimSuffix(prefix, "/"))
}
