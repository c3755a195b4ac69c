package trl

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"elara/data/preference"
	"elara/spec"
	"elara/spec/fault"
)

// Row is one preference: of two answers to a prompt, which was chosen.
type Row struct {
	Prompt           preference.Prompt
	Chosen, Rejected string
	Margin           float64 // by how much the chosen answer is to be better, of TRL's RewardTrainer; 0: no more than better
	Tie              bool    // both answers were judged equal: which of them is called chosen says nothing
}

// Columns that every file has.
const (
	promptColumn   = "prompt"
	chosenColumn   = "chosen"
	rejectedColumn = "rejected"
)

// Columns that a file may have. TRL knows the first of them.
const (
	marginColumn = "margin"
	tieColumn    = "tie"
)

func optionalColumns() []string { return []string{marginColumn, tieColumn} }

func columns() []string { return []string{promptColumn, chosenColumn, rejectedColumn} }

// Pair makes a pair of the row, and the outcome that it stands for. Which answer becomes response_a is decided by the
// digest of the texts, so that the order in the pair says nothing about the choice.
func (r Row) Pair() (preference.Pair, spec.Outcome) {
	pair := preference.Pair{Prompt: r.Prompt, ResponseA: r.Chosen, ResponseB: r.Rejected}
	outcome := spec.PrefersA
	if r.Tie {
		outcome = spec.Tie
	}
	if swapped := pair.Swapped(); swapped.Digest() < pair.Digest() {
		return swapped, outcome.Swapped()
	}
	return pair, outcome
}

// check refuses a row that prefers nothing.
func (r Row) check() error {
	if err := r.Prompt.Check(); err != nil {
		return err
	}
	for _, answer := range []struct{ name, text string }{{chosenColumn, r.Chosen}, {rejectedColumn, r.Rejected}} {
		if strings.TrimSpace(answer.text) == "" {
			return fault.New(fault.Invalid, "%s is empty, expected two answers of which one was chosen", answer.name)
		}
	}
	if r.Chosen == r.Rejected {
		return fault.New(fault.Invalid, "chosen and rejected are the same text, which prefers nothing")
	}
	switch {
	case math.IsNaN(r.Margin) || math.IsInf(r.Margin, 0) || r.Margin < 0:
		return fault.New(fault.Invalid, "margin is %v, expected a number from 0", r.Margin)
	case r.Tie && r.Margin > 0:
		return fault.New(fault.Invalid, "a tie has a margin, expected one of both")
	}
	for _, text := range r.texts() {
		if !utf8.ValidString(text) {
			return fault.New(fault.Invalid, "invalid UTF-8")
		}
	}
	return nil
}

func (r Row) texts() []string {
	texts := []string{r.Prompt.Text, r.Chosen, r.Rejected}
	for _, message := range r.Prompt.Messages {
		texts = append(texts, message.Role, message.Content)
	}
	return texts
}

// answer takes the one message of an assistant out of a chat.
func answer(column string, messages []preference.Message) (string, error) {
	if len(messages) != 1 || messages[0].Role != preference.RoleAssistant {
		return "", fault.New(fault.Invalid, "%s: expected one message of role assistant after those of the prompt, found %d messages%s",
			column, len(messages), otherRole(messages))
	}
	return messages[0].Content, nil
}

func otherRole(messages []preference.Message) string {
	if len(messages) == 1 {
		return " of another role"
	}
	return ""
}

// Read reads a file, JSONL or Parquet by the end of its name, and hands on its rows with their place. left names the
// columns that were not read.
func Read(path string, each func(line int, row Row) error) (left []string, err error) {
	rows := 0
	counted := func(line int, row Row) error {
		if err := row.check(); err != nil {
			return fault.At(path, line, "%w", err)
		}
		rows++
		return each(line, row)
	}
	switch extension := strings.ToLower(filepath.Ext(path)); extension {
	case ".jsonl":
		left, err = readJSONL(path, counted)
	case ".parquet":
		left, err = readParquet(path, counted)
	default:
		return nil, fault.At(path, 0, "ends in %q, expected .jsonl or .parquet", extension)
	}
	if err == nil && rows == 0 {
		err = fault.At(path, 0, "holds no row, expected prompt, chosen and rejected")
	}
	return left, err
}

// decodeRow makes a row of its three values as JSON.
func decodeRow(values map[string]json.RawMessage) (Row, error) {
	var row Row
	chat := map[string]bool{}
	for _, column := range columns() {
		value := bytes.TrimSpace(values[column])
		if len(value) == 0 || bytes.Equal(value, []byte("null")) {
			return row, fault.New(fault.Invalid, "no %s, expected prompt, chosen and rejected", column)
		}
		if value[0] != '"' && value[0] != '[' {
			return row, fault.New(fault.Invalid, "%s: expected a text or a list of messages", column)
		}
		chat[column] = value[0] == '['
		if chat[column] != chat[promptColumn] {
			return row, fault.New(fault.Invalid, "%s and %s are of two forms: expected texts, or lists of messages", promptColumn, column)
		}
		var read preference.Prompt
		if err := json.Unmarshal(value, &read); err != nil {
			return row, fault.New(fault.Invalid, "%s: expected a text or a list of messages with role and content", column)
		}
		text := read.Text
		if chat[column] && column != promptColumn {
			var err error
			if text, err = answer(column, read.Messages); err != nil {
				return row, err
			}
		}
		switch column {
		case promptColumn:
			row.Prompt = read
		case chosenColumn:
			row.Chosen = text
		case rejectedColumn:
			row.Rejected = text
		}
	}
	for _, column := range []struct {
		name, expected string
		into           any
	}{{marginColumn, "a number", &row.Margin}, {tieColumn, "true or false", &row.Tie}} {
		if value, found := values[column.name]; found && json.Unmarshal(value, column.into) != nil {
			return row, fault.New(fault.Invalid, "%s: expected %s", column.name, column.expected)
		}
	}
	return row, nil
}

func missing(column string, found []string) error {
	return fault.New(fault.Invalid, "no column %q, expected prompt, chosen and rejected; found %s", column, fmt.Sprint(found))
}
