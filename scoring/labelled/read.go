package labelled

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"elara/spec/fault"
)

// Part is one side of the items.
type Part string

// Rules are changed by looking at Dev only; Sealed is for the proof. Both were written before the rules. Later was written
// after them, round by round, to break them; its groups say nothing about the part. A round is fresh when it is first
// measured, and an aid for development from then on: docs/evaluation.md has what each first showed.
const (
	Dev    Part = "dev"
	Sealed Part = "sealed"
	Later  Part = "later"
)

// salt was chosen before there was any rule, as the first of 400 that leaves both parts with like numbers of each label.
const salt = "153"

// PartOf is the part that a group of items belongs to: by the lowest bit of the first byte of a SHA-256.
func PartOf(metric, group string) Part {
	if sha256.Sum256([]byte(salt + "/" + metric + "/" + group))[0]&1 == 1 {
		return Sealed
	}
	return Dev
}

// Item is what all labelled items have.
type Item interface{ Key() (id, group string) }

// Read reads the file of one part from a folder.
func Read[T Item](folder, metric string, part Part) (items []T, err error) {
	path := filepath.Join(folder, string(part)+".jsonl")
	file, err := os.Open(path)
	if err != nil {
		return nil, fault.New(fault.NotFound, "open the labelled items: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	seen := map[string]int{}
	line := 0
	scan := bufio.NewScanner(file)
	scan.Buffer(nil, 1<<20)
	for scan.Scan() {
		line++
		var item T
		if err := strict(scan.Bytes(), &item); err != nil {
			return nil, fault.At(path, line, "%w", err)
		}
		id, group := item.Key()
		if id == "" || group == "" {
			return nil, fault.At(path, line, `no "id" or no "group"; expected both`)
		}
		if earlier, isKnown := seen[id]; isKnown {
			return nil, fault.At(path, line, "id %s is on line %d too; expected each once", id, earlier)
		}
		seen[id] = line
		if belongs := PartOf(metric, group); part != Later && belongs != part {
			return nil, fault.At(path, line, "group %q belongs to %s.jsonl; expected it there", group, belongs)
		}
		items = append(items, item)
	}
	if err := scan.Err(); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if len(items) == 0 {
		return nil, fault.At(path, 0, "no items; expected one a line")
	}
	return items, nil
}

func strict(line []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.DisallowUnknownFields()
	return decoder.Decode(into)
}
