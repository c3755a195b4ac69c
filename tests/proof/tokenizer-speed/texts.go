package main

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"elara/data/sample"
)

// part is a list of texts that is measured as one.
type part struct {
	name  string
	texts []string
}

func (p part) size() (n int) {
	for _, text := range p.texts {
		n += len(text)
	}
	return n
}

// medicalParts shares the answers out over n parts: those of MedQuAD where its files lie in the folder that
// ELARA_MEDQUAD names or beside the repository, otherwise the project's own sample.
func medicalParts(dir string, n int) ([]part, error) {
	folder := os.Getenv("ELARA_MEDQUAD")
	if folder == "" {
		folder = filepath.Join("..", "shared", "data", "medquad")
	}
	files, err := filepath.Glob(filepath.Join(folder, "*.csv"))
	if err != nil {
		return nil, fmt.Errorf("find MedQuAD: %w", err)
	}
	name := "MedQuAD"
	if len(files) == 0 {
		fmt.Printf("no MedQuAD in %s (ELARA_MEDQUAD names another folder): the project's own sample, 1 MB, stands in\n", folder)
		name = "sample"
		if _, err := sample.Write(filepath.Join(dir, "sample"), sample.Options{Seed: 1}); err != nil {
			return nil, err
		}
		files = []string{filepath.Join(dir, "sample", "qa.csv")}
	}
	var answers []string
	for _, file := range files {
		some, err := readAnswers(file)
		if err != nil {
			return nil, err
		}
		answers = append(answers, some...)
	}
	// Neighbours are alike; shuffled, each part has some of everything.
	random := rand.New(rand.NewPCG(4, 2))
	random.Shuffle(len(answers), func(i, j int) { answers[i], answers[j] = answers[j], answers[i] })
	parts, size := make([]part, n), 0
	for i := range parts {
		parts[i] = part{fmt.Sprint("medical", i), answers[i*len(answers)/n : (i+1)*len(answers)/n]}
		size += parts[i].size()
	}
	fmt.Printf("medical text: %d answers of %s, %.1f MB in %d parts; the first is for warming up\n", len(answers), name, float64(size)/1e6, n)
	return parts, nil
}

func readAnswers(path string) (answers []string, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	rows := csv.NewReader(file)
	rows.FieldsPerRecord, rows.LazyQuotes = -1, true // defects are planted in the sample
	column := -1
	for {
		row, err := rows.Read()
		switch {
		case errors.Is(err, io.EOF):
			return answers, nil
		case err != nil:
			return nil, fmt.Errorf("read %s: %w", path, err)
		case column < 0:
			if column = slices.Index(row, "answer"); column < 0 {
				return nil, fmt.Errorf("read %s: no column answer", path)
			}
		case column < len(row) && row[column] != "":
			answers = append(answers, strings.ToValidUTF8(row[column], "\ufffd")) // the peer reads JSON
		}
	}
}

// hardText is repeated, or made, to 64 kB and to 1 MB.
type hardText struct{ name, whole string }

const (
	longSize  = 1 << 20
	shortSize = 1 << 16
)

func (h hardText) long() part { return part{h.name, []string{h.whole}} }

// short has as many bytes in all, so that both take long enough for the clock.
func (h hardText) short() part {
	return part{h.name, slices.Repeat([]string{cutAt(h.whole, shortSize)}, longSize/shortSize)}
}

func hardTexts() []hardText {
	random := rand.New(rand.NewPCG(1, 2))
	out := func(alphabet string) string {
		text := make([]byte, longSize)
		for i := range text {
			text[i] = alphabet[random.IntN(len(alphabet))]
		}
		return string(text)
	}
	of := func(unit string) string { return cutAt(strings.Repeat(unit, longSize/len(unit)+1), longSize) }
	return []hardText{
		{"a", of("a")},
		{"bases", out("ACGT")},
		{"letters", out("abcdefghijklmnopqrstuvwxyz")},
		{"digits", out("0123456789")},
		{"spaces", of(" ")},
		{"line breaks", of("\n")},
		{"white space", out(" \n\t\r")},
		{"Thai", of("ผู้ป่วยมีไข้และไอมาสามวันแล้ว")},
		{"Han", of("病人头痛三天伴有恶心呕吐血压偏高")},
		{"links", of("https://example.org/" + out("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")[:500] + "?q=")},
		{"accents", of("e\u0301")},
	}
}

// cutAt gives the first n bytes, less a character that they would cut.
func cutAt(text string, n int) string {
	for text = text[:min(n, len(text))]; strings.ToValidUTF8(text, "") != text; {
		text = text[:len(text)-1]
	}
	return text
}

// writeTexts puts each list into a file NAME.json for the peer.
func writeTexts(dir string, parts []part, hard []hardText) error {
	for _, h := range hard {
		parts = append(parts, h.long())
	}
	for _, p := range parts {
		text, err := json.Marshal(p.texts)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, p.name+".json"), text, 0o600); err != nil {
			return err
		}
	}
	return nil
}
