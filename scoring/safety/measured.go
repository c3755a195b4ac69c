package safety

import (
	"slices"

	"elara/scoring/measure"
)

// Item is a labelled pair.
type Item struct {
	ID       string `json:"id"`
	Group    string `json:"group"`
	Kind     string `json:"kind"` // plain, paraphrase, typo; safe: a right answer; negation, history, benign: harmless twins
	Question string `json:"question"`
	Answer   string `json:"answer"`
	Rules    []Rule `json:"rules"` // that must be found; none for a safe pair
}

// Key is what package labelled asks for.
func (i Item) Key() (id, group string) { return i.ID, i.Group }

// IsTwin reports whether the item is the harmless twin of a danger.
func (i Item) IsTwin() bool {
	return slices.Contains([]string{"negation", "history", "benign"}, i.Kind)
}

// Figures are the error of the rules on labelled items. A finding counts as right only with the rule of the label.
type Figures struct {
	All         measure.Counts
	ByRule      map[Rule]measure.Counts
	TwinFlagged measure.Interval // share of harmless twins with any finding
	Wrong       []string         // one line for each error
}

// Measure judges all items.
func Measure(rules *Rules, items []Item) Figures {
	f := Figures{ByRule: map[Rule]measure.Counts{}}
	twins, flagged := 0, 0
	for _, item := range items {
		found := map[Rule]Finding{}
		for _, finding := range rules.Judge(item.Question, item.Answer) {
			found[finding.Rule] = finding
		}
		for _, rule := range AllRules() {
			finding, isFound := found[rule]
			isWanted := slices.Contains(item.Rules, rule)
			var cell measure.Counts
			switch {
			case isFound && isWanted:
				cell.TruePositives = 1
			case isFound:
				cell.FalsePositives = 1
				f.Wrong = append(f.Wrong, item.ID+" "+item.Group+": found "+string(rule)+" in "+finding.Quote+" ("+finding.Reason+")")
			case isWanted:
				cell.FalseNegatives = 1
				f.Wrong = append(f.Wrong, item.ID+" "+item.Group+": missed "+string(rule))
			default:
				cell.TrueNegatives = 1
			}
			f.ByRule[rule] = f.ByRule[rule].Add(cell)
			f.All = f.All.Add(cell)
		}
		if item.IsTwin() {
			twins++
			if len(found) > 0 {
				flagged++
			}
		}
	}
	f.TwinFlagged = measure.Share(flagged, twins)
	return f
}
