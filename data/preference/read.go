package preference

import (
	"bytes"
	"fmt"
	"io"

	"elara/spec"
	"elara/spec/fault"
)

// Names of the files of artifacts that hold preferences.
const (
	PairsFile      = "pairs.jsonl"      // one Pair a line
	JudgementsFile = "judgements.jsonl" // one Judged a line
	DecidedFile    = "preferences.jsonl"
	SummaryFile    = "summary.json"
)

// ReadPairs reads a file of pairs, one JSON object a line, and refuses an empty file, an unknown key, an unsound pair and
// one that is there twice, with its answers in either order.
func ReadPairs(file string, from io.Reader) ([]Pair, error) {
	var pairs []Pair
	seen := map[spec.Digest]int{}
	err := Lines(file, from, func(number int, line []byte) error {
		var pair Pair
		if err := Decode(file, number, line, true, &pair); err != nil {
			return err
		}
		if Replaced(line, append(pair.texts(), pair.ResponseA, pair.ResponseB)...) {
			return fault.At(file, number, "half of a surrogate pair, expected whole characters")
		}
		if err := pair.Check(); err != nil {
			return fault.At(file, number, "%w", err)
		}
		digest := pair.Digest()
		if first, twice := seen[digest]; twice {
			return fault.At(file, number, "the same pair is on line %d", first)
		}
		seen[digest], seen[pair.Swapped().Digest()] = number, number
		pairs = append(pairs, pair)
		return nil
	})
	if err == nil && len(pairs) == 0 {
		err = fault.At(file, 0, "holds no pair, expected one JSON object a line with prompt, response_a and response_b")
	}
	return pairs, err
}

func (p Pair) texts() []string {
	texts := []string{p.Prompt.Text}
	for _, message := range p.Prompt.Messages {
		texts = append(texts, message.Content, message.Role)
	}
	return texts
}

// WritePairs writes what ReadPairs reads.
func WritePairs(to io.Writer, pairs []Pair) error { return WriteLines(to, pairs) }

// Judged is a judgement as it is stored, with the reviewer's own words.
type Judged struct {
	spec.RecordedJudgement
	Words string `json:"words,omitempty"` // what RecordedJudgement.Reason refers to; empty too where the store had lost it
}

// ReadJudgements reads a file of judgements.
func ReadJudgements(file string, from io.Reader) ([]Judged, error) {
	var judged []Judged
	err := Lines(file, from, func(number int, line []byte) error {
		var j Judged
		if err := Decode(file, number, line, true, &j); err != nil {
			return err
		}
		if _, known := MarkOf(j.Outcome, false); !known {
			return fault.At(file, number, "outcome %q: expected response_a, response_b, tie or both_bad", string(j.Outcome))
		}
		judged = append(judged, j)
		return nil
	})
	return judged, err
}

// ReadBatches reads the batches of a collection's chain, the oldest first.
func ReadBatches(batches [][]byte) ([]Judged, error) {
	var all []Judged
	for i, batch := range batches {
		judged, err := ReadJudgements(fmt.Sprintf("batch %d: %s", i+1, JudgementsFile), bytes.NewReader(batch))
		if err != nil {
			return nil, err
		}
		all = append(all, judged...)
	}
	return all, nil
}

// WriteJudgements writes what ReadJudgements reads.
func WriteJudgements(to io.Writer, judged []Judged) error { return WriteLines(to, judged) }
