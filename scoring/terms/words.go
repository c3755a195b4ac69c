package terms

import (
	_ "embed"
	"sync"

	"elara/scoring/text"
)

var (
	//go:embed drugs.csv
	drugsFile string
	//go:embed classes.txt
	classesFile string
	//go:embed conditions.txt
	conditionsFile string
	//go:embed signs.txt
	signsFile string
	//go:embed routes.txt
	routesFile string
	//go:embed actions.txt
	actionsFile string
)

// Words are all tables, read.
type Words struct {
	Drugs      *text.Lexicon // concepts are the names of the table
	Classes    *text.Lexicon
	Conditions *text.Lexicon
	Signs      *text.Lexicon
	Routes     *text.Lexicon
	Actions    *text.Lexicon

	rows   []Drug
	byName map[string]int
}

// Load reads the tables that are part of the program, once.
func Load() (*Words, error) { return load() }

var load = sync.OnceValues(func() (*Words, error) {
	rows, err := readDrugs("drugs.csv", drugsFile)
	if err != nil {
		return nil, err
	}
	w := &Words{rows: rows, byName: map[string]int{}}
	for i, drug := range rows {
		w.byName[drug.Name] = i
	}
	if w.Drugs, err = drugLexicon(rows); err != nil {
		return nil, err
	}
	for _, file := range []struct {
		into          **text.Lexicon
		name, content string
	}{
		{&w.Classes, "classes.txt", classesFile}, {&w.Conditions, "conditions.txt", conditionsFile}, {&w.Signs, "signs.txt", signsFile},
		{&w.Routes, "routes.txt", routesFile}, {&w.Actions, "actions.txt", actionsFile},
	} {
		if *file.into, err = text.ParseLexicon(file.name, file.content); err != nil {
			return nil, err
		}
	}
	return w, nil
})

// Drug gives the row of a drug by the name of the table.
func (w *Words) Drug(name string) (Drug, bool) {
	i, isKnown := w.byName[name]
	if !isKnown {
		return Drug{}, false
	}
	return w.rows[i], true
}

// AllDrugs gives the rows in the order of the table.
func (w *Words) AllDrugs() []Drug { return w.rows }
