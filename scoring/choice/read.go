package choice

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"elara/spec"
	"elara/spec/fault"
)

// maxLine is the longest line that is read.
const maxLine = 4 << 20

// Load reads the questions of a set, under the set's name: those of its file, or the project's own.
func Load(set spec.ChoiceSet) ([]spec.ChoiceItem, error) {
	if err := set.Check(); err != nil {
		return nil, err
	}
	read := own
	if set.Path != "" {
		read = func(form spec.ChoiceForm) ([]spec.ChoiceItem, error) { return Read(form, set.Path) }
	}
	all, err := read(set.Form)
	if err != nil {
		return nil, err
	}
	if set.MaxItems > 0 {
		all = all[:min(set.MaxItems, len(all))]
	}
	for i := range all {
		all[i].Set = set.Name()
	}
	return all, nil
}

// Read reads a JSONL file of one of the forms:
//
//	medqa     {"question", "options": {"A": ...}, "answer_idx": "C"}: the authors' files
//	medmcqa   {"question", "opa", "opb", "opc", "opd", "cop"}: the authors' files count cop from 1, Hugging Face from 0
//	pubmedqa  {"question", "context": {"contexts": [...]}, "final_decision": "yes"}: as on Hugging Face
//	generic   {"id", "question", "choices": [...], "answer": "B"}
//	cloze     the lines of generic; the model sees no choices, and their texts are scored instead of letters
//
// Keys that a published file has beside these are passed over; a generic file may have no others.
func Read(form spec.ChoiceForm, path string) (_ []spec.ChoiceItem, err error) {
	if err := (spec.ChoiceSet{Form: form, Path: path}).Check(); err != nil {
		return nil, err
	}
	parse := map[spec.ChoiceForm]func([]byte) (row, error){
		spec.ChoiceMedQA: medqa, spec.ChoiceMedMCQA: medmcqa, spec.ChoicePubMedQA: pubmedqa, spec.ChoiceGeneric: generic, spec.ChoiceCloze: cloze,
	}[form]
	file, err := os.Open(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fault.New(fault.NotFound, "%s: no such file; expected a JSONL file", path)
	case err != nil:
		return nil, fmt.Errorf("open the items: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	var rows []row
	line := 0
	scan := bufio.NewScanner(file)
	scan.Buffer(nil, maxLine)
	for scan.Scan() {
		line++
		if len(bytes.TrimSpace(scan.Bytes())) == 0 {
			continue
		}
		r, err := parseLine(parse, scan.Bytes())
		if err != nil {
			return nil, fault.At(path, line, "%w", err)
		}
		r.line = line
		rows = append(rows, r)
	}
	if err := scan.Err(); err != nil {
		return nil, fault.At(path, line+1, "%w; expected lines of at most %d MiB", err, maxLine>>20)
	}
	if len(rows) == 0 {
		return nil, fault.At(path, 0, "no items; expected one a line")
	}
	return items(form, path, rows)
}

// row is an item whose label has not been looked up yet.
type row struct {
	line    int
	id      string
	prompt  string
	choices []string
	labels  []string // the names of the choices where a label does not repeat a choice; nil: it does
	label   string   // one of those, or for medmcqa a number
}

func parseLine(parse func([]byte) (row, error), line []byte) (row, error) {
	if !utf8.Valid(line) {
		return row{}, errors.New("not UTF-8; expected a UTF-8 file")
	}
	r, err := parse(line)
	if err != nil {
		return row{}, err
	}
	if len(r.choices) < 2 {
		return row{}, fmt.Errorf("%d choices; expected at least two", len(r.choices))
	}
	for i, c := range r.choices {
		if strings.TrimSpace(c) == "" {
			return row{}, fmt.Errorf("choice %s is empty; expected a text", letter(i))
		}
	}
	return r, nil
}

// items looks up the labels.
func items(form spec.ChoiceForm, path string, rows []row) ([]spec.ChoiceItem, error) {
	first := 0
	if form == spec.ChoiceMedMCQA {
		var err error
		if first, err = firstOption(path, rows); err != nil {
			return nil, err
		}
	}
	all := make([]spec.ChoiceItem, len(rows))
	for i, r := range rows {
		names := r.labels
		if names == nil {
			names = r.choices
		}
		gold := slices.Index(names, r.label)
		if form == spec.ChoiceMedMCQA {
			gold = int(r.label[0]-'0') - first
		}
		if gold < 0 || gold >= len(r.choices) {
			return nil, fault.At(path, r.line, "label %q outside the choices; expected one of %s", r.label, strings.Join(names, ", "))
		}
		id := r.id
		if id == "" {
			id = fmt.Sprintf("%s:%d", form, r.line)
		}
		all[i] = spec.ChoiceItem{ID: id, Prompt: r.prompt, Choices: r.choices, Gold: gold}
	}
	return all, nil
}

// firstOption says whether a MedMCQA file counts its right options from 0 or from 1: one with a 0 from 0, one with a 4
// from 1.
func firstOption(path string, rows []row) (int, error) {
	zero := slices.IndexFunc(rows, func(r row) bool { return r.label == "0" })
	four := slices.IndexFunc(rows, func(r row) bool { return r.label == "4" })
	switch {
	case zero >= 0 && four >= 0:
		return 0, fault.At(path, max(rows[zero].line, rows[four].line), `"cop" counts from 0 and up to 4; expected 0 to 3 or 1 to 4 in the whole file`)
	case zero >= 0:
		return 0, nil
	case four >= 0:
		return 1, nil
	}
	return 0, fault.At(path, 0, `no "cop" is 0 or 4, so that it cannot be told whether they count from 0 or from 1; expected a longer file`)
}

func letter(i int) string { return string(rune('A' + i)) }

// lettered writes "A. one\nB. two\n" and gives the letters.
func lettered(options []string) (lines string, letters []string) {
	var b strings.Builder
	for i, option := range options {
		letters = append(letters, letter(i))
		fmt.Fprintf(&b, "%s. %s\n", letter(i), option)
	}
	return b.String(), letters
}

func decode(line []byte, into any, isStrict bool) error {
	decoder := json.NewDecoder(bytes.NewReader(line))
	if isStrict {
		decoder.DisallowUnknownFields()
	}
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("%s; expected one object a line", strings.TrimPrefix(err.Error(), "json: "))
	}
	if decoder.More() {
		return errors.New("more behind the object; expected one object a line")
	}
	return nil
}

var errNoQuestion = errors.New(`no "question"; expected a text`)
