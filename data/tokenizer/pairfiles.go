package tokenizer

import (
	"strings"

	"elara/spec/fault"
)

// parsePair reads vocab.json and merges.txt, the form in which GPT-2 was published.
func parsePair(vocabularyPlace string, vocabulary []byte, mergesPlace string, merges []byte, kind preset) (*source, error) {
	if err := checkUTF8(vocabularyPlace, vocabulary); err != nil {
		return nil, err
	}
	var entries vocabularyJSON
	if err := unmarshalAt(vocabularyPlace, vocabulary, &entries, "an object of tokens with their ids"); err != nil {
		return nil, err
	}
	list, err := parseMerges(mergesPlace, merges)
	if err != nil {
		return nil, err
	}
	s := &source{place: vocabularyPlace, vocabulary: entries, merges: list}
	return s, kind.apply(s)
}

// parseMerges reads merges.txt: after a line "#version…" one merge a line, two tokens with a space between.
func parseMerges(place string, text []byte) (mergeList, error) {
	if err := checkUTF8(place, text); err != nil {
		return mergeList{}, err
	}
	lines := strings.Split(strings.TrimRight(string(text), "\r\n"), "\n")
	list := mergeList{place: place, firstLine: 1}
	if strings.HasPrefix(lines[0], "#version") {
		list.firstLine, lines = 2, lines[1:]
	}
	if len(lines) == 0 || len(lines) == 1 && lines[0] == "" {
		return mergeList{}, fault.At(place, 0, "file has no merges, expected one on each line")
	}
	list.pairs = make([][2]string, len(lines))
	for i, line := range lines {
		left, right, found := strings.Cut(strings.TrimSuffix(line, "\r"), " ")
		if !found || left == "" || right == "" || strings.Contains(right, " ") {
			return mergeList{}, fault.At(place, list.firstLine+i, "merge is %.40q, expected two tokens with one space between", line)
		}
		list.pairs[i] = [2]string{left, right}
	}
	return list, nil
}
