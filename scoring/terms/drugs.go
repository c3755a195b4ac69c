package terms

import (
	"encoding/csv"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"elara/scoring/text"
	"elara/spec/fault"
)

// Drug is one row of the table.
type Drug struct {
	Name        string
	Synonyms    []string
	Classes     []string
	MaxSingleMg float64 // 0: none is given
	MaxDailyMg  float64 // 0: none is given
	IsWeekly    bool    // never to be taken daily
	Pregnancy   string  // "avoid" or ""
	Source      string  // of the doses
}

// Has reports whether the drug is of a class.
func (d Drug) Has(class string) bool { return slices.Contains(d.Classes, class) }

var drugColumns = []string{"name", "synonyms", "classes", "max_single_mg", "max_daily_mg", "every", "pregnancy", "source"}

func readDrugs(name, content string) ([]Drug, error) {
	in := csv.NewReader(strings.NewReader(content))
	in.FieldsPerRecord = len(drugColumns)
	records, err := in.ReadAll()
	if err != nil {
		return nil, fault.At(name, 0, "%w", err)
	}
	if len(records) < 2 || !slices.Equal(records[0], drugColumns) {
		return nil, fault.At(name, 1, "expected the columns %s and at least one row", strings.Join(drugColumns, ","))
	}
	seen := map[string]int{}
	drugs := make([]Drug, 0, len(records)-1)
	for i, record := range records[1:] {
		line := i + 2
		drug, err := readDrug(record)
		if err != nil {
			return nil, fault.At(name, line, "%w", err)
		}
		for _, known := range append([]string{drug.Name}, drug.Synonyms...) {
			if earlier, isKnown := seen[known]; isKnown {
				return nil, fault.At(name, line, "%q stands on line %d too; expected each name once", known, earlier)
			}
			seen[known] = line
		}
		drugs = append(drugs, drug)
	}
	return drugs, nil
}

func readDrug(record []string) (Drug, error) {
	drug := Drug{Name: record[0], Synonyms: list(record[1]), Classes: list(record[2]), IsWeekly: record[5] == "week", Pregnancy: record[6], Source: record[7]}
	var err error
	if drug.MaxSingleMg, err = milligrams(record[3]); err != nil {
		return Drug{}, fmt.Errorf("max_single_mg %w", err)
	}
	if drug.MaxDailyMg, err = milligrams(record[4]); err != nil {
		return Drug{}, fmt.Errorf("max_daily_mg %w", err)
	}
	switch {
	case drug.Name == "":
		return Drug{}, fmt.Errorf("no name; expected one")
	case drug.MaxSingleMg+drug.MaxDailyMg > 0 && drug.Source == "":
		return Drug{}, fmt.Errorf("%s has a maximum dose without a source", drug.Name)
	case drug.MaxDailyMg > 0 && drug.MaxSingleMg > drug.MaxDailyMg:
		return Drug{}, fmt.Errorf("%s: single dose %g mg above the daily %g mg", drug.Name, drug.MaxSingleMg, drug.MaxDailyMg)
	case record[5] != "" && record[5] != "week":
		return Drug{}, fmt.Errorf("every %q; expected week or nothing", record[5])
	case drug.Pregnancy != "" && drug.Pregnancy != "avoid":
		return Drug{}, fmt.Errorf("pregnancy %q; expected avoid or nothing", drug.Pregnancy)
	}
	return drug, nil
}

func milligrams(field string) (float64, error) {
	if field == "" {
		return 0, nil
	}
	value, err := strconv.ParseFloat(field, 64)
	if err != nil || value <= 0 {
		return 0, fmt.Errorf("%q; expected a number above 0 or nothing", field)
	}
	return value, nil
}

func list(field string) []string {
	if field == "" {
		return nil
	}
	return strings.Split(field, ";")
}

// drugLexicon finds drugs by all their names, with the plural of those that have one.
func drugLexicon(drugs []Drug) (*text.Lexicon, error) {
	var lines strings.Builder
	for _, drug := range drugs {
		lines.WriteString(drug.Name + ":")
		for _, name := range append([]string{drug.Name}, drug.Synonyms...) {
			words := strings.FieldsFunc(name, func(r rune) bool { return r == ' ' || r == '-' })
			lines.WriteString(" " + strings.Join(words, " ") + ";")
			if len(words) == 1 && !strings.HasSuffix(name, "s") {
				lines.WriteString(" " + words[0] + "s;")
			}
		}
		lines.WriteString("\n")
	}
	return text.ParseLexicon("drugs.csv", lines.String())
}
