package scoring

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"unicode/utf8"

	"elara/spec/fault"
)

// Pair is a question with the answer to be judged.
type Pair struct {
	Question  string  `json:"question"`
	Answer    *string `json:"answer"`              // may be empty, but not missing
	Reference *string `json:"reference,omitempty"` // the right answer; without it there is no accuracy
}

// maxLine is the longest line that is read.
const maxLine = 4 << 20

const wanted = `expected {"question": "...", "answer": "...", "reference": "..."}`

// ReadPairs reads a JSONL file of pairs, one a line; blank lines are passed over.
func ReadPairs(path string) (pairs []Pair, err error) {
	file, err := os.Open(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fault.New(fault.NotFound, "%s: no such file; expected a JSONL file of pairs", path)
	case err != nil:
		return nil, fmt.Errorf("open the pairs: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	line := 0
	scan := bufio.NewScanner(file)
	scan.Buffer(nil, maxLine)
	for scan.Scan() {
		line++
		if len(bytes.TrimSpace(scan.Bytes())) == 0 {
			continue
		}
		pair, err := parsePair(scan.Bytes())
		if err != nil {
			return nil, fault.At(path, line, "%w", err)
		}
		pairs = append(pairs, pair)
	}
	if err := scan.Err(); err != nil {
		return nil, fault.At(path, line+1, "%w; expected lines of at most %d MiB", err, maxLine>>20)
	}
	if len(pairs) == 0 {
		return nil, fault.At(path, 0, "no pairs; %s a line", wanted)
	}
	return pairs, nil
}

// parsePair names no words of the line in its errors: it may be a patient's.
func parsePair(line []byte) (Pair, error) {
	if !utf8.Valid(line) {
		return Pair{}, errors.New("not UTF-8; expected a UTF-8 file")
	}
	var pair Pair
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.DisallowUnknownFields()
	var wrongType *json.UnmarshalTypeError
	switch err := decoder.Decode(&pair); {
	case errors.As(err, &wrongType) && wrongType.Field != "":
		return Pair{}, fmt.Errorf("%q is no text; %s", wrongType.Field, wanted)
	case err != nil && strings.Contains(err.Error(), "unknown field"):
		return Pair{}, fmt.Errorf("%s; %s", strings.TrimPrefix(err.Error(), "json: "), wanted)
	case err != nil:
		return Pair{}, fmt.Errorf("malformed JSON; %s", wanted)
	case decoder.More():
		return Pair{}, fmt.Errorf("more behind the object; %s", wanted)
	case strings.TrimSpace(pair.Question) == "":
		return Pair{}, fmt.Errorf(`no "question"; %s`, wanted)
	case pair.Answer == nil:
		return Pair{}, fmt.Errorf(`no "answer"; %s`, wanted)
	case pair.Reference != nil && strings.TrimSpace(*pair.Reference) == "":
		return Pair{}, errors.New(`empty "reference"; expected the right answer, or no such key`)
	}
	return pair, nil
}
