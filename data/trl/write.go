package trl

import (
	"errors"
	"io"
	"path/filepath"
	"strings"

	"github.com/parquet-go/parquet-go"

	"elara/data/preference"
	"elara/data/source"
	"elara/spec"
	"elara/spec/fault"
)

// Form is how texts are written.
type Form string

const (
	Plain Form = "plain" // strings
	Chat  Form = "chat"  // lists of messages
)

// Decided is a Row with what it came from. TRL's trainers pass over columns that they do not know.
type Decided struct {
	Row
	Pair       spec.Digest // of the pair
	Votes      int         // judgements for the chosen answer
	Judgements int         // of the pair
}

type noted struct {
	Pair       string `json:"pair" parquet:"pair"`
	Votes      int64  `json:"votes" parquet:"votes"`
	Judgements int64  `json:"judgements" parquet:"judgements"`
}

type plainTexts struct {
	Prompt   string `json:"prompt" parquet:"prompt"`
	Chosen   string `json:"chosen" parquet:"chosen"`
	Rejected string `json:"rejected" parquet:"rejected"`
}

type plainLine struct {
	plainTexts
	noted
}

type rowLine struct {
	plainTexts
	Margin float64 `json:"margin,omitempty"`
	Tie    bool    `json:"tie,omitempty"`
}

type messageLine struct {
	Content string `json:"content" parquet:"content"`
	Role    string `json:"role" parquet:"role"`
}

type chatLine struct {
	Prompt   []messageLine `json:"prompt" parquet:"prompt,list"`
	Chosen   []messageLine `json:"chosen" parquet:"chosen,list"`
	Rejected []messageLine `json:"rejected" parquet:"rejected,list"`
	noted
}

// Write writes a file, JSONL or Parquet by the end of its name. It refuses an empty set.
func Write(path string, form Form, rows []Decided) (err error) {
	if len(rows) == 0 {
		return fault.At(path, 0, "there is no row to write: no pair is decided for one answer")
	}
	extension := strings.ToLower(filepath.Ext(path))
	if extension != ".jsonl" && extension != ".parquet" {
		return fault.At(path, 0, "ends in %q, expected .jsonl or .parquet", extension)
	}
	out, err := source.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Discard()) }()
	switch form {
	case Plain:
		err = encode(out, extension, rows, Decided.plain)
	case Chat:
		err = encode(out, extension, rows, Decided.chat)
	default:
		err = fault.New(fault.Invalid, "form %q: expected plain or chat", string(form))
	}
	if err != nil {
		return err
	}
	return source.Commit(out)
}

// WriteLines writes JSONL in the plain form, and all of it as chats where any prompt has no plain text: trainers take a
// file of one form.
func WriteLines(to io.Writer, rows []Decided) error {
	for _, row := range rows {
		if _, whole := row.Prompt.Plain(); !whole {
			return encode(to, ".jsonl", rows, Decided.chat)
		}
	}
	return encode(to, ".jsonl", rows, Decided.plain)
}

func encode[L any](to io.Writer, extension string, rows []Decided, lineOf func(Decided) (L, error)) error {
	lines := make([]L, len(rows))
	for i, row := range rows {
		var err error
		if lines[i], err = lineOf(row); err != nil {
			return err
		}
	}
	if extension == ".parquet" {
		writer := parquet.NewGenericWriter[L](to)
		_, err := writer.Write(lines)
		return errors.Join(err, writer.Close())
	}
	return preference.WriteLines(to, lines)
}

// WriteRows writes JSONL in the plain form that Read reads, margins and ties too. It refuses a chat of several messages.
func WriteRows(to io.Writer, rows []Row) error {
	lines := make([]rowLine, len(rows))
	for i, row := range rows {
		prompt, whole := row.Prompt.Plain()
		if !whole {
			return fault.New(fault.Invalid, "row %d: its prompt is a chat of %d messages, expected one text", i+1, len(row.Prompt.Messages))
		}
		lines[i] = rowLine{plainTexts{prompt, row.Chosen, row.Rejected}, row.Margin, row.Tie}
	}
	return preference.WriteLines(to, lines)
}

func (d Decided) note() noted {
	return noted{Pair: string(d.Pair), Votes: int64(d.Votes), Judgements: int64(d.Judgements)}
}

func (d Decided) plain() (plainLine, error) {
	prompt, whole := d.Prompt.Plain()
	if !whole {
		return plainLine{}, fault.New(fault.Invalid, "pair %s: its prompt is a chat of %d messages, which only a chat template makes one text of; write the chat form",
			d.Pair.Short(), len(d.Prompt.Messages))
	}
	return plainLine{plainTexts{prompt, d.Chosen, d.Rejected}, d.note()}, nil
}

func (d Decided) chat() (chatLine, error) {
	line := chatLine{noted: d.note()}
	for _, m := range d.Prompt.Chat() {
		line.Prompt = append(line.Prompt, messageLine(m))
	}
	line.Chosen = []messageLine{{Role: preference.RoleAssistant, Content: d.Chosen}}
	line.Rejected = []messageLine{{Role: preference.RoleAssistant, Content: d.Rejected}}
	return line, nil
}
